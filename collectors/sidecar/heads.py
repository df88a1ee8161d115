"""Heads of messages as the reader wants them: names in lower case, the last of equal ones."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from collectors.sidecar.frames import RequestHead, ResponseHead

    Header = tuple[str, str]

_LINES_KEPT = 1024  # of most heads all lines but one or two were seen before
_KEPT_BYTES = 256  # a longer line is not kept: clients decide how long lines are
_HEADS_KEPT, _HEAD_BYTES = (
    64,
    4096,
)  # of servers, which say the same to everybody, at least for a second
_known: dict[bytes, Header] = {}


def request_head(head: RequestHead) -> tuple[str, str, Mapping[str, str]]:
    """Method, target and headers of a request."""
    if isinstance(head, bytes):
        first, *lines = head.split(b"\r\n")
        method, target = _asked(first)
        return method, target, dict(_headers(lines))
    method_bytes, target_bytes, headers = head
    return method_bytes.decode("latin-1"), target_bytes.decode("latin-1"), _decoded(headers)


def response_head(head: ResponseHead) -> Mapping[str, str]:
    """Headers of a response; equal heads share them."""
    if isinstance(head, bytes):
        return _split_head(head) if len(head) > _HEAD_BYTES else _known_head(head)
    return _decoded(head)


def _asked(line: bytes) -> tuple[str, str]:
    return _split_request_line(line) if len(line) > _KEPT_BYTES else _known_request_line(line)


def _split_request_line(line: bytes) -> tuple[str, str]:
    method, target, _ = line.decode("latin-1").split()
    return method, target


def _split_head(head: bytes) -> dict[str, str]:
    return dict(_headers(head.split(b"\r\n")[1:]))


def _headers(lines: Iterable[bytes]) -> list[Header]:
    known = _known.get
    return [known(line) or _header(line) for line in lines]


def _header(line: bytes) -> Header:
    """One line; the pump's parser has seen to it that it is one, neither folded nor bare."""
    name, _, value = line.decode("latin-1").partition(":")
    header = name.lower(), value.lstrip(" \t")
    if len(line) <= _KEPT_BYTES:
        if len(_known) >= _LINES_KEPT:
            _known.clear()  # ids fill it; what all heads have is soon there again
        _known[line] = header
    return header


_known_request_line = lru_cache(_LINES_KEPT)(_split_request_line)
_known_head = lru_cache(_HEADS_KEPT)(_split_head)


def _decoded(raw: dict[bytes, bytes]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw.items()}
