"""The HTTP API of ``evenhand serve``: reads, and the door's routes for labels and events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

from governance.service.problems import add_problem_handlers
from governance.service.routes import alerts, components, findings, health

if TYPE_CHECKING:
    from governance.service.auth import Authority
    from governance.service.stores import Store


def build_app(store: Store, authority: Authority) -> FastAPI:
    """Everything under /api/v1 asks for a token; /livez and /readyz are open."""
    app = FastAPI(
        title="Evenhand",
        description="Findings, alerts and components of AI systems in production.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.state.store = store
    app.state.authority = authority
    add_problem_handlers(app)
    for routes in (health, components, findings, alerts):
        app.include_router(routes.router)
    return app
