"""Heads of messages as the reader wants them: names in lower case, the last of equal ones."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collectors.sidecar.frames import RequestHead, ResponseHead

_LINES_KEPT = 1024  # of most heads all lines but one or two were seen before
_KEPT_BYTES = 256  # a longer line is not kept: clients decide how long lines are


def request_head(head: RequestHead) -> tuple[str, str, dict[str, str]]:
    """Method, target and headers of a request."""
    if isinstance(head, bytes):
        first, *lines = head.split(b"\r\n")
        method, target = _asked(first)
        return method, target, dict(map(_header, lines))
    method_bytes, target_bytes, headers = head
    return method_bytes.decode("latin-1"), target_bytes.decode("latin-1"), _decoded(headers)


def response_head(head: ResponseHead) -> dict[str, str]:
    """Headers of a response."""
    if isinstance(head, bytes):
        return dict(map(_header, head.split(b"\r\n")[1:]))
    return _decoded(head)


def _asked(line: bytes) -> tuple[str, str]:
    return _split_request_line(line) if len(line) > _KEPT_BYTES else _known_request_line(line)


def _header(line: bytes) -> tuple[str, str]:
    return _split_header(line) if len(line) > _KEPT_BYTES else _known_header(line)


def _split_request_line(line: bytes) -> tuple[str, str]:
    method, target, _ = line.decode("latin-1").split()
    return method, target


def _split_header(line: bytes) -> tuple[str, str]:
    """One line; the pump's parser has seen to it that it is one, neither folded nor bare."""
    name, _, value = line.decode("latin-1").partition(":")
    return name.lower(), value.lstrip(" \t")


_known_request_line = lru_cache(_LINES_KEPT)(_split_request_line)
_known_header = lru_cache(_LINES_KEPT)(_split_header)


def _decoded(raw: dict[bytes, bytes]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw.items()}
