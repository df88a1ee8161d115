"""Answers that a client may keep: an ETag over the bytes, and 304 where it has them already."""

from __future__ import annotations

import hashlib
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.responses import Response

if TYPE_CHECKING:
    from fastapi import Request

_KEPT = "private, no-cache"  # kept by this client alone, asked again each time


def reply(request: Request, shown: Any) -> Response:
    """What is shown as JSON; never NaN, and not sent again to whoever has it.

    ``bytes`` are JSON already: findings lie in the database as they are shown.
    """
    if isinstance(shown, bytes):
        body = shown
    else:
        body = json.dumps(shown, separators=(",", ":"), allow_nan=False).encode()
    headers = {"etag": f'"{hashlib.sha256(body).hexdigest()[:32]}"', "cache-control": _KEPT}
    if _has(request.headers.get("if-none-match"), headers["etag"]):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def _has(if_none_match: str | None, etag: str) -> bool:
    """RFC 9110, 13.1.2: a list of tags, compared weakly, or a star."""
    if if_none_match is None:
        return False
    named = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in named or etag in named
