"""Paths as people write them, to those of the routes; before anything can log or answer them.

``.../events/TOKEN``          the token goes into the header that clients without headers lack
``MONITORING_ENDPOINT``       ``spec.governance.biasDetection.monitoringEndpoint``, its path: the
                              component's state
``MONITORING_ENDPOINT/labels``  and ``feedback``, ``events``: the same as under the component

The application's own routes win over a declared path. Where several components declare one path,
``?component=NAMESPACE/NAME`` tells which is meant.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.routing import Match

from governance.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fastapi import FastAPI
    from starlette.types import ASGIApp, Receive, Scope, Send

    from governance.clock import Clock
    from governance.component.key import ComponentKey
    from governance.component.schema import Component
    from governance.service.stores import Store

    Declared = dict[str, list[ComponentKey]]

_KINDS = "events|labels|feedback"
_ROUTE = re.compile(rf"/(?:v1|api/v1/components/[^/]+/[^/]+)/(?:{_KINDS})")
_WITH_TOKEN = re.compile(rf"(?P<route>.*/(?:{_KINDS}|verdict))/(?P<token>[^/]+)/?", re.DOTALL)
_UNDER = re.compile(rf"(?P<path>.*?)(?P<kind>/(?:{_KINDS}))?", re.DOTALL)
_KEPT_SECONDS = 5.0  # what the database said of declared paths


class TokenInPath:
    """ASGI middleware: ``POST .../events/TOKEN``; a header that is there wins."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            _take_token(scope)
        await self._app(scope, receive, send)


class MonitoringPaths:
    """ASGI middleware: declared paths of components to those of their routes."""

    def __init__(self, app: ASGIApp, owner: FastAPI, declared: Callable[[], Declared]) -> None:
        self._app = app
        self._owner = owner
        self._declared = declared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._is_own(scope):
            declared = await run_in_threadpool(self._declared)
            _rewrite(scope, declared)
        await self._app(scope, receive, send)

    def _is_own(self, scope: Scope) -> bool:
        if _ROUTE.fullmatch(scope["path"]):
            return True
        return any(route.matches(scope)[0] is not Match.NONE for route in self._owner.routes)


def declared_by(components: Iterable[Component]) -> Declared:
    """Monitoring paths, and the components that declare them."""
    declared: Declared = {}
    for component in components:
        endpoint = component.spec.governance.bias_detection.monitoring_endpoint
        _declare(declared, endpoint, component.key)
    return declared


class StoredPaths:
    """The same as the database has it; what it said lately is kept, also while it is away."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._found: Declared = {}
        self._until = -1.0

    def __call__(self) -> Declared:
        if self._clock.monotonic() >= self._until:
            self._until = self._clock.monotonic() + _KEPT_SECONDS
            try:
                self._found = self._read()
            except StoreError:
                return self._found
        return self._found

    def _read(self) -> Declared:
        declared: Declared = {}
        for found in self._store.components.find():
            spec: Any = json.loads(found.spec).get("spec") or {}
            bias = (spec.get("governance") or {}).get("biasDetection") or {}
            _declare(declared, bias.get("monitoringEndpoint"), found.component)
        return declared


def monitoring_path(endpoint: str) -> str | None:
    """The path of a declared address, with or without a host; None where there is none."""
    try:
        path = urlsplit(endpoint).path.rstrip("/")
    except ValueError:
        return None
    return path if path.startswith("/") else None


def _declare(declared: Declared, endpoint: str | None, key: ComponentKey) -> None:
    path = None if endpoint is None else monitoring_path(endpoint)
    if path is not None:
        declared.setdefault(path, []).append(key)


def _take_token(scope: Scope) -> None:
    path = scope["path"]
    found = None if _ROUTE.fullmatch(path) else _WITH_TOKEN.fullmatch(path)
    if found is None:
        return
    if not any(name == b"authorization" for name, _ in scope["headers"]):
        scope["headers"] = [
            *scope["headers"],
            (b"authorization", f"Bearer {found['token']}".encode()),
        ]
    _move(scope, found["route"])


def _rewrite(scope: Scope, declared: Declared) -> None:
    found = _UNDER.fullmatch(scope["path"].rstrip("/"))
    if found is None:
        return
    owners = declared.get(found["path"], [])
    if len(owners) > 1:
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("component", [])
        owners = [key for key in owners if str(key) in asked]
    if len(owners) == 1:
        key = owners[0]
        _move(scope, f"/api/v1/components/{key.namespace}/{key.name}{found['kind'] or ''}")


def _move(scope: Scope, path: str) -> None:
    scope["path"] = path
    scope["raw_path"] = path.encode()
