"""Exchanges put together again from the frames of the pump, within a bound."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from collectors.base import Exchange
from collectors.sidecar.frames import REQUEST, RESPONSE, End
from collectors.sidecar.heads import request_head, response_head
from governance.errors import Full, PermanentError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ASSEMBLY_BYTES = 32 * 1024 * 1024


class Missing(PermanentError):
    """Parts of a body went to a reader that died."""


class Assembly:
    """Holds the parts of long bodies until their request ends.

    ``held`` are the bytes of parts, and of what became of them until ``let_go``.
    """

    def __init__(self, limit: int = ASSEMBLY_BYTES) -> None:
        self.held = 0
        self._limit = limit
        self._given = 0
        self._parts: dict[int, dict[int, list[bytes]]] = defaultdict(lambda: defaultdict(list))
        self._oversized: set[int] = set()

    def part(self, number: int, side: int, copies: Sequence[bytes]) -> None:
        """Parts of a body; beyond the bound the request that they belong to is given up."""
        if number in self._oversized:
            return
        size = sum(map(len, copies))
        if self.held + size > self._limit:
            self.drop(number)
            self._oversized.add(number)
        else:
            self.held += size
            self._parts[number][side] += copies

    def drop(self, number: int) -> None:
        """Forget the parts of a request."""
        self._oversized.discard(number)
        self.held -= _size(self._parts.pop(number, {}))

    def let_go(self) -> None:
        """Nobody needs the exchanges any more that were put together since the last time."""
        self.held -= self._given
        self._given = 0

    def end(self, end: End) -> Exchange:
        """The exchange that is over now.

        Raises
        ------
        Full
            If there was no room for its bodies.
        Missing
            If parts of them went to another reader.
        """
        if end.number in self._oversized:
            self.drop(end.number)
            raise Full(f"bodies of more than {self._limit} bytes are being put together")
        parts = self._parts.pop(end.number, {})
        self._given += _size(parts)
        request = _body(parts.get(REQUEST, ()), end.request_body, end.request_length)
        response = _body(parts.get(RESPONSE, ()), end.response_body, end.response_length)
        method, target, headers = request_head(end.request_head)
        return Exchange(
            method=method,
            target=target,
            request_headers=headers,
            request_body=request,
            status=end.status,
            response_headers=response_head(end.response_head),
            response_body=response,
            started_us=end.started_us,
            latency_ms=end.latency_us / 1_000,
            ttft_ms=None if end.ttft_us is None else end.ttft_us / 1_000,
            request_bytes=end.request_length,
            response_bytes=end.response_length,
            truncated=end.request_body is None or end.response_body is None,
        )


def _size(parts: Mapping[int, Sequence[bytes]]) -> int:
    return sum(len(copy) for copies in parts.values() for copy in copies)


def _body(ahead: Sequence[bytes], last: list[bytes] | None, length: int) -> bytes | None:
    if last is None:
        return None
    body = b"".join((*ahead, *last))
    if len(body) != length:
        raise Missing("reader_died", f"{length - len(body)} of {length} bytes are missing")
    return body or None
