"""Cursors of lists that are ordered by text: the key that a page ended with, opaque to clients."""

from __future__ import annotations

import base64
import binascii
import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from governance.service.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Sequence


def write_cursor(key: Sequence[str]) -> str:
    """The cursor of the page that follows ``key``."""
    return base64.urlsafe_b64encode(json.dumps(list(key)).encode()).decode().rstrip("=")


def read_cursor(cursor: str | None, length: int) -> tuple[str, ...] | None:
    """The key that a page ended with; raises ProblemError (400) for what no page has named."""
    if cursor is None:
        return None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        key = json.loads(base64.urlsafe_b64decode(padded))
    except (ValueError, binascii.Error, RecursionError):
        key = None
    if (
        not isinstance(key, list)
        or len(key) != length
        or not all(isinstance(part, str) and is_storable(part) for part in key)
    ):
        words = f"cursor: {cursor!r} is not a cursor: take the one that the last page named"
        raise ProblemError(HTTPStatus.BAD_REQUEST, words)
    return tuple(key)


def is_storable(text: str) -> bool:
    """Whether a database keeps it: no NUL, no half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
