"""/livez and /readyz: open to everyone, and never about a component's state."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy import text

from governance.errors import StoreError
from governance.service.problems import problem
from governance.store.engine import snapshot

if TYPE_CHECKING:
    from fastapi import Response

router = APIRouter(tags=["health"])


@router.get("/livez")
async def live() -> JSONResponse:
    """The process answers."""
    return JSONResponse({"status": "live"})


@router.get("/readyz", response_model=None)
def ready(request: Request) -> Response:
    """The database answers."""
    try:
        with snapshot(request.app.state.store.engine) as connection:
            connection.execute(text("SELECT 1"))
    except StoreError as error:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, f"the database is away: {error}")
    return JSONResponse({"status": "ready"})
