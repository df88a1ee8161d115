"""A name for every request, in its answer and in the log; one structured line for each.

A client may name its request itself (``X-Request-Id``, at most 64 letters, digits, ``-_.``). The
line holds method, route, status, time and who asked: never a token, nor a query.
"""

from __future__ import annotations

import logging
import re
import uuid
from typing import TYPE_CHECKING

from governance.clock import SystemClock

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from governance.clock import Clock

HEADER = "x-request-id"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_QUIET = frozenset({"/livez", "/readyz"})  # probes, every few seconds
_log = logging.getLogger("evenhand.http")


class NamedRequests:
    """ASGI middleware, the outermost one."""

    def __init__(self, app: ASGIApp, clock: Clock | None = None) -> None:
        self._app = app
        self._clock = clock or SystemClock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name, began, status = _named(scope), self._clock.monotonic(), 500
        scope.setdefault("state", {})["request_id"] = name

        async def named_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (HEADER.encode(), name.encode())]
            await send(message)

        try:
            await self._app(scope, receive, named_send)
        finally:
            if scope["path"] not in _QUIET:
                _say(scope, status, self._clock.monotonic() - began)


def _named(scope: Scope) -> str:
    for header, value in scope["headers"]:
        if header == HEADER.encode():
            text = value.decode("latin-1")
            if _NAME.fullmatch(text):
                return str(text)
    return uuid.uuid4().hex


def _say(scope: Scope, status: int, seconds: float) -> None:
    route = scope.get("route")
    fields = {
        "request_id": scope["state"]["request_id"],
        "method": scope["method"],
        "route": getattr(route, "path", None),  # a path may hold a token: never the path itself
        "status": status,
        "seconds": round(seconds, 4),
        "principal": scope["state"].get("principal"),
    }
    _log.info("request", extra=fields)
