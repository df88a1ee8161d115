"""One client, its upstream, and the bytes between them.

Bytes first: what arrives is written to the peer, in the same call, and only then shown to the
observer. Flow control: while 64 kB wait for one side, the other side is not read. Half-close and
reset go through as they come. The pump writes bytes of its own in one case only: 502, where the
upstream refused the connection or closed it before the first byte of its first answer. (On a
connection that has worked, a close before the next answer goes through as it is: that is how
servers end idle connections, and clients know to try again.) Connecting is all that is timed: what
is silent, slow or streaming for hours is for client and server to end, as without a sidecar.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, cast

from collectors.sidecar.counters import Pump
from collectors.sidecar.http2_copy import Http2Begins, Http2Copy
from collectors.sidecar.observer import Observer

if TYPE_CHECKING:
    from collections.abc import Callable

    from collectors.sidecar.tap import Tap

FLOW_BYTES = 64 * 1024
CONNECT_SECONDS = 5.0
_LINGER_SECONDS = 2.0  # to read on after a 502, so that a reset does not overtake it

_BODY = b"the model server behind the evenhand sidecar cannot be reached\n"
BAD_GATEWAY = (
    b"HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/plain\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
)

# One buffer for all: it is emptied before the next read, in the one thread there is. It also
# bounds what a single read can add to what waits for a slow peer.
_BUFFER = bytearray(FLOW_BYTES)
_READ = memoryview(_BUFFER)
_BUFFERS: defaultdict[int, bytearray] = defaultdict(
    lambda: _BUFFER
)  # by wanted size: a lookup costs less than a call


class Hub:
    """What all connections share."""

    def __init__(
        self, host: str, port: int, tap: Tap, connect_seconds: float = CONNECT_SECONDS
    ) -> None:
        self.host = host
        self.port = port
        self.tap = tap
        self.connect_seconds = connect_seconds
        self.clients: set[Client] = set()

    def close_idle(self) -> None:
        """Close the connections on which nothing is under way."""
        for client in [client for client in self.clients if client.idle]:
            client.transport.close()

    def abort(self) -> None:
        """Cut every connection."""
        for client in list(self.clients):
            client.transport.abort()


class Client(asyncio.BufferedProtocol):
    """The side that asks."""

    transport: asyncio.Transport

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.upstream: Upstream | None = None
        self.observer: Observer | Http2Copy | None = Observer(hub.tap)
        self.opaque = False
        self.ended = False
        self.refused = False
        self._answered = False
        self._early: list[bytes] = []
        self._write: Callable[[bytes], None] = self._hold

    @property
    def idle(self) -> bool:
        """Whether nothing is under way that could be broken."""
        return not self.opaque and (self.observer is None or not self.observer.busy)

    @property
    def unanswered(self) -> bool:
        """Whether a request was seen whose response has not begun."""
        return self.observer is not None and self.observer.unanswered

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=FLOW_BYTES)
        self.hub.clients.add(self)
        self.hub.tap.count(Pump.CONNECTIONS)
        self._dialling = asyncio.get_running_loop().create_task(self._dial())

    get_buffer = _BUFFERS.__getitem__  # type: ignore[assignment] # takes the size, as it should

    def buffer_updated(self, nbytes: int) -> None:
        chunk = bytes(_READ[:nbytes])
        self._write(chunk)
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
        self.upstream.transport.write_eof()
        return True

    def pause_writing(self) -> None:
        if self.upstream is not None:
            self.upstream.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.upstream is not None:
            self.upstream.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._dialling.cancel()
        self._close_observer(by_client=not self.refused)
        self.hub.clients.discard(self)
        if self.upstream is not None and exc is None:
            self.upstream.transport.close()
        elif self.upstream is not None:
            self.upstream.transport.abort()

    def connected(self, upstream: Upstream) -> None:
        """The upstream accepted: let flow what has been held."""
        self.upstream = upstream
        self._write = upstream.transport.write
        self.transport.resume_reading()  # first: writing may pause it again
        for chunk in self._early:
            self._write(chunk)
        self._early.clear()
        if self.ended:
            upstream.transport.write_eof()

    def upstream_ended(self, *, spoke: bool) -> bool:
        """The upstream says no more; whether its side stays open for what the client says."""
        if not spoke and self.unanswered:
            self._refuse(Pump.UPSTREAM_GONE)
            return False
        if self.observer is not None:
            self._tell(self.observer.response_end)
        self._close_observer(by_client=False)
        if self.ended:
            self.transport.close()
            return False
        if not self.transport.is_closing():
            self.transport.write_eof()
        return True

    def upstream_lost(self, *, spoke: bool) -> None:
        """The connection to the upstream is gone."""
        self.upstream = None
        if not spoke and self.unanswered:
            self._refuse(Pump.UPSTREAM_GONE)
        elif not self.refused:
            self._close_observer(by_client=False)
            self.transport.close()

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
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.hub.connect_seconds):
                await loop.create_connection(lambda: Upstream(self), self.hub.host, self.hub.port)
        except TimeoutError:
            self._refuse(Pump.UPSTREAM_TIMEOUT)
        except OSError:
            self._refuse(Pump.UPSTREAM_REFUSED)

    def _hold(self, chunk: bytes) -> None:
        self._early.append(chunk)
        self.transport.pause_reading()

    def _refuse(self, cell: Pump) -> None:
        self.hub.tap.count(cell)
        self.refused = True
        self._early.clear()
        self._write = self._ask_again
        self.transport.resume_reading()
        self._answer()

    def _ask_again(self, chunk: bytes) -> None:  # noqa: ARG002 - nobody is there to have it
        asyncio.get_running_loop().call_soon(self._answer)  # after the observer has seen it

    def _answer(self) -> None:
        if self.observer is None:
            self.transport.close()
        elif self.unanswered and not (self._answered or self.transport.is_closing()):
            self._answered = True
            self.transport.write(BAD_GATEWAY)
            self._tell(partial(self.observer.answered, 502))
            self.transport.write_eof()
            asyncio.get_running_loop().call_later(_LINGER_SECONDS, self.transport.close)

    def _close_observer(self, *, by_client: bool) -> None:
        if self.observer is not None:
            self._tell(partial(self.observer.close, by_client=by_client))
            self.observer = None

    def _tell(self, what: Callable[[], None]) -> None:
        try:
            what()
        except Exception as error:  # noqa: BLE001 - nothing may touch traffic
            self.give_up(error, b"")


class Upstream(asyncio.BufferedProtocol):
    """The side that answers."""

    transport: asyncio.Transport

    def __init__(self, client: Client) -> None:
        self.client = client
        self.ended = False
        self.spoke = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=FLOW_BYTES)
        self._write = self.client.transport.write
        if self.client.transport.is_closing():
            self.transport.abort()
        else:
            self.client.connected(self)

    get_buffer = _BUFFERS.__getitem__  # type: ignore[assignment] # takes the size, as it should

    def buffer_updated(self, nbytes: int) -> None:
        chunk = bytes(_READ[:nbytes])
        self._write(chunk)
        self.spoke = True
        observer = self.client.observer
        if observer is not None:
            try:
                observer.response_bytes(chunk)
            except Exception as error:  # noqa: BLE001 - nothing may touch traffic
                self.client.give_up(error, chunk)

    def eof_received(self) -> bool:
        self.ended = True
        return self.client.upstream_ended(spoke=self.spoke)

    def pause_writing(self) -> None:
        self.client.transport.pause_reading()

    def resume_writing(self) -> None:
        self.client.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's
        self.client.upstream_lost(spoke=self.spoke)
