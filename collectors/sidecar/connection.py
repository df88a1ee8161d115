"""One client, its upstream, and the bytes between them.

Bytes first: what arrives is written to the peer, in the same call, and only then shown to the
observer. Flow control: while bytes wait for one side, the other side is not read. Half-close and
reset go through as they come. The pump writes bytes of its own in one case only: 502, where the
upstream refused the connection or closed it before the first byte of its first answer. (On a
connection that has worked, a close before the next answer goes through as it is: that is how
servers end idle connections, and clients know to try again. So it does where the client had said
its last word: most such clients have left, and servers end what nobody waits for.) Connecting is
all that is timed: what is silent, slow or streaming for hours is for client and server to end, as
without a sidecar.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from collectors.sidecar.counters import Pump
from collectors.sidecar.dial import Dial
from collectors.sidecar.http2_copy import Http2Begins, Http2Copy
from collectors.sidecar.observer import Observer
from collectors.sidecar.stream import Stream

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from collectors.sidecar.tap import Tap

CONNECT_SECONDS = 5.0
_LINGER_SECONDS = 2.0  # to read on after a 502, so that a reset does not overtake it

_BODY = b"the model server behind the evenhand sidecar cannot be reached\n"
BAD_GATEWAY = (
    b"HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/plain\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
)


class Hub:
    """What all connections share."""

    def __init__(
        self, host: str, port: int, tap: Tap, connect_seconds: float = CONNECT_SECONDS
    ) -> None:
        self.dial = Dial(host, port, connect_seconds)
        self.tap = tap
        self.clients: set[Client] = set()

    def close_idle(self) -> None:
        """Close the connections on which nothing is under way."""
        for client in [client for client in self.clients if client.idle]:
            client.close()

    def abort(self) -> None:
        """Cut every connection."""
        for client in list(self.clients):
            client.abort()


class Client(Stream):
    """The side that asks."""

    def __init__(self, hub: Hub, sock: socket.socket) -> None:
        super().__init__(sock)
        self.hub = hub
        self.upstream: Upstream | None = None
        self.observer: Observer | Http2Copy | None = Observer(hub.tap)
        self.opaque = False
        self.ended = False
        self.refused = False
        self._answered = False
        self._early: list[bytes] = []
        self._pass: Callable[[bytes], None] = self._hold
        hub.clients.add(self)
        hub.tap.count(Pump.CONNECTIONS)
        self._dialling = asyncio.get_running_loop().create_task(self._dial())
        self.resume_reading()

    @property
    def idle(self) -> bool:
        """Whether nothing is under way that could be broken."""
        return not self.opaque and (self.observer is None or not self.observer.busy)

    @property
    def unanswered(self) -> bool:
        """Whether a request was seen whose response has not begun."""
        return self.observer is not None and self.observer.unanswered

    def received(self, chunk: bytes) -> None:
        self._pass(chunk)
        if self.observer is not None:
            try:
                self.observer.request_bytes(chunk)
            except Exception as error:  # noqa: BLE001 - nothing may touch traffic
                self.give_up(error, chunk)

    def eof_received(self) -> bool:
        self.ended = True
        if self.refused:
            self._answer()
            return False
        if self.upstream is None:  # still dialling
            return True
        if self.upstream.ended:  # both sides have said all
            return False
        self.upstream.write_eof()
        return True

    def pause_writing(self) -> None:
        if self.upstream is not None:
            self.upstream.pause_reading()

    def resume_writing(self) -> None:
        if self.upstream is not None:
            self.upstream.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        self._dialling.cancel()
        self._close_observer(by_client=not self.refused)
        self.hub.clients.discard(self)
        if self.upstream is not None and error is None:
            self.upstream.close()
        elif self.upstream is not None:
            self.upstream.abort()

    def connected(self, upstream: Upstream) -> None:
        """The upstream accepted: let flow what has been held."""
        self.upstream = upstream
        self._pass = upstream.write
        self.resume_reading()  # first: writing may pause it again
        for chunk in self._early:
            self._pass(chunk)
        self._early.clear()
        if self.ended:
            upstream.write_eof()

    def upstream_ended(self, *, spoke: bool) -> bool:
        """The upstream says no more; whether its side stays open for what the client says."""
        if not spoke and self.unanswered and not self.ended:
            self._refuse(Pump.UPSTREAM_GONE)
            return False
        if self.observer is not None:
            self._tell(self.observer.response_end)
        self._close_observer(by_client=self.ended)
        if self.ended:
            self.close()
            return False
        if not self.closing:
            self.write_eof()
        return True

    def upstream_lost(self, *, spoke: bool) -> None:
        """The connection to the upstream is gone."""
        self.upstream = None
        if not spoke and self.unanswered and not self.ended:
            self._refuse(Pump.UPSTREAM_GONE)
        elif not self.refused:
            self._close_observer(by_client=self.ended)
            self.close()

    def give_up(self, error: Exception, chunk: bytes) -> None:
        """Show this connection to the observer no more."""
        if self.observer is None:
            return
        observer, self.observer, self.opaque = self.observer, None, True
        with suppress(Exception):  # nothing may touch traffic
            if isinstance(error, Http2Begins):
                self.observer = Http2Copy(self.hub.tap)
                self.observer.request_bytes(chunk)
            elif isinstance(observer, Observer) and self._server_began(observer):
                self.observer = Http2Copy(self.hub.tap, chunk)
            else:
                observer.opaque(error, chunk)

    def _server_began(self, observer: Observer) -> bool:
        """Whether the server spoke first, as HTTP/2's do."""
        return self.hub.tap.reads_http2 and not observer.asked

    async def _dial(self) -> None:
        try:
            sock = await self.hub.dial.connect()
        except TimeoutError:
            self._refuse(Pump.UPSTREAM_TIMEOUT)
        except OSError:
            self._refuse(Pump.UPSTREAM_REFUSED)
        else:
            self.connected(Upstream(self, sock))

    def _hold(self, chunk: bytes) -> None:
        self._early.append(chunk)
        self.pause_reading()

    def _refuse(self, cell: Pump) -> None:
        self.hub.tap.count(cell)
        self.refused = True
        self._early.clear()
        self._pass = self._ask_again
        self.resume_reading()
        self._answer()

    def _ask_again(self, chunk: bytes) -> None:  # noqa: ARG002 - nobody is there to have it
        asyncio.get_running_loop().call_soon(self._answer)  # after the observer has seen it

    def _answer(self) -> None:
        if self.observer is None:
            self.close()
        elif self.unanswered and not (self._answered or self.closing):
            self._answered = True
            self.write(BAD_GATEWAY)
            self._tell(partial(self.observer.answered, 502))
            self.write_eof()
            asyncio.get_running_loop().call_later(_LINGER_SECONDS, self.close)

    def _close_observer(self, *, by_client: bool) -> None:
        if self.observer is not None:
            self._tell(partial(self.observer.close, by_client=by_client))
            self.observer = None

    def _tell(self, what: Callable[[], None]) -> None:
        try:
            what()
        except Exception as error:  # noqa: BLE001 - nothing may touch traffic
            self.give_up(error, b"")


class Upstream(Stream):
    """The side that answers."""

    def __init__(self, client: Client, sock: socket.socket) -> None:
        super().__init__(sock)
        self.client = client
        self.ended = False
        self.spoke = False
        self.resume_reading()

    def received(self, chunk: bytes) -> None:
        client = self.client
        client.write(chunk)
        self.spoke = True
        if client.observer is not None:
            try:
                client.observer.response_bytes(chunk)
            except Exception as error:  # noqa: BLE001 - nothing may touch traffic
                client.give_up(error, chunk)

    def eof_received(self) -> bool:
        self.ended = True
        return self.client.upstream_ended(spoke=self.spoke)

    def pause_writing(self) -> None:
        self.client.pause_reading()

    def resume_writing(self) -> None:
        self.client.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - a stream's
        self.client.upstream_lost(spoke=self.spoke)
