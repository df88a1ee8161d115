"""HTTP/2 connections that the pump copies: their requests, as exchanges like all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collectors.base import Exchange
from collectors.protocols.grpc import http_status
from collectors.sidecar.frames import REQUEST
from collectors.sidecar.http2 import PREFACE, Http2Error, Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from collectors.sidecar.http2 import Stream

CONNECTION_BYTES = 32 * 1024 * 1024  # of all connections


class Connections:
    """All watched connections, within a bound; ``given_up`` counts those that are no more.

    Parameters
    ----------
    wanted
        Whether the bodies of a request with this path are copied.
    """

    def __init__(
        self, wanted: Callable[[str], bool], max_body_bytes: int, limit: int = CONNECTION_BYTES
    ) -> None:
        self.given_up = 0
        self._wanted = wanted
        self._max_body_bytes = max_body_bytes
        self._limit = limit
        self._watchers: dict[int, Watcher] = {}
        self._unwatched: set[int] = set()
        self._held: dict[int, int] = {}

    def see(self, number: int, side: int, part: bytes, now_us: int) -> Iterator[Exchange]:
        """Bytes went by on a connection; the exchanges that they complete."""
        if number in self._unwatched:
            return
        watcher = self._watchers.get(number)
        if watcher is None:
            if side != REQUEST or not PREFACE.startswith(part[: len(PREFACE)]):
                self._give_up(number)  # its beginning went to another reader
                return
            watcher = self._watchers[number] = Watcher(self._wanted, self._max_body_bytes)
        try:
            yield from map(exchange_of, watcher.feed(side, part, now_us))
            self._held[number] = watcher.held
            fits = sum(self._held.values()) <= self._limit
        except Http2Error:
            fits = False
        if not fits:
            yield from self.end(number, now_us)
            self._give_up(number)

    def end(self, number: int, now_us: int) -> Iterator[Exchange]:
        """A connection is over, or is copied no more: what is under way on it was broken off."""
        self._unwatched.discard(number)
        self._held.pop(number, None)
        watcher = self._watchers.pop(number, None)
        if watcher is not None:
            yield from map(exchange_of, watcher.close(now_us))

    def oldest_us(self, now_us: int) -> int:
        """``now_us``, or when the earliest request began that is not over."""
        begun = [watcher.oldest_us for watcher in self._watchers.values()]
        return min([now_us, *(instant for instant in begun if instant is not None)])

    def _give_up(self, number: int) -> None:
        self._unwatched.add(number)
        self.given_up += 1


def exchange_of(stream: Stream) -> Exchange:
    """A stream as an exchange; the status of gRPC is told in HTTP's numbers."""
    headers = {k: v for k, v in stream.request_headers.items() if not k.startswith(":")}
    answered = {k: v for k, v in stream.response_headers.items() if not k.startswith(":")}
    answered |= stream.trailers
    copied = stream.request_body is not None and stream.response_body is not None
    first_us = stream.first_byte_us
    return Exchange(
        method=stream.request_headers.get(":method", ""),
        target=stream.request_headers.get(":path", ""),
        request_headers=headers,
        request_body=bytes(stream.request_body or b"") or None,
        status=http_status(stream.status, answered),
        response_headers=answered,
        response_body=bytes(stream.response_body or b"") or None,
        started_us=stream.started_us,
        latency_ms=(stream.ended_us - stream.started_us) / 1_000,
        ttft_ms=None if first_us is None else (first_us - stream.started_us) / 1_000,
        request_bytes=stream.request_bytes,
        response_bytes=stream.response_bytes,
        truncated=not copied,
    )
