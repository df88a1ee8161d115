"""The HTTP API of ``evenhand serve``: reads, and the door's routes where there is a bus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

from governance.clock import SystemClock
from governance.service.openapi import describe
from governance.service.paths import MonitoringPaths, StoredPaths, TokenInPath
from governance.service.problems import add_problem_handlers
from governance.service.requests import NamedRequests
from governance.service.routes import (
    alerts,
    approvals,
    components,
    deliveries,
    findings,
    health,
    ingest,
    runbooks,
    verdict,
)

if TYPE_CHECKING:
    from governance.service.auth import Authority
    from governance.service.door import Door
    from governance.service.stores import Store


def build_app(
    store: Store, authority: Authority, door: Door | None = None, max_body_bytes: int = 0
) -> FastAPI:
    """Everything under /api/v1 asks for a token; /livez, /readyz and /runbooks are open.

    Parameters
    ----------
    store, authority
        What is read, and who may.
    door
        Takes labels and events; without one there are no such routes.
    max_body_bytes
        Bound of what the door reads of one request.
    """
    app = FastAPI(
        title="Evenhand",
        description="Findings, alerts and components of AI systems in production.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    describe(app)
    app.state.store = store
    app.state.authority = authority
    add_problem_handlers(app)
    for routes in (health, runbooks, components, verdict, findings, alerts, deliveries, approvals):
        app.include_router(routes.router)
    if door is not None:
        app.state.door = door
        app.state.max_body_bytes = max_body_bytes
        app.include_router(ingest.router)
    app.add_middleware(MonitoringPaths, owner=app, declared=StoredPaths(store, SystemClock()))
    app.add_middleware(TokenInPath)  # it sees the path before any other that reads it
    app.add_middleware(NamedRequests)  # the outermost: whatever happens has a name
    return app
