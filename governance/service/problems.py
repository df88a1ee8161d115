"""Errors over HTTP: problem details (RFC 9457), one shape for every route."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from governance.errors import StoreError, TransientError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI, Request

MEDIA_TYPE = "application/problem+json"


class ProblemError(Exception):
    """A refusal with its status, its reason in words, and fields that help to mend it."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> None:
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.fields = fields
        super().__init__(detail)


def problem(
    status: int, detail: str, headers: Mapping[str, str] | None = None, **fields: Any
) -> JSONResponse:
    """A problem document as a response."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": int(status)}
    return JSONResponse(
        {**body, "detail": detail, **fields},
        status_code=int(status),
        headers=dict(headers or {}),
        media_type=MEDIA_TYPE,
    )


def add_problem_handlers(app: FastAPI) -> None:
    """Make every error of ``app`` a problem document."""

    @app.exception_handler(ProblemError)
    async def refused(_: Request, error: ProblemError) -> JSONResponse:
        return problem(error.status, error.detail, error.headers, **error.fields)

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, str(error.detail), error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        errors = [
            {"place": ".".join(str(part) for part in e["loc"]), "message": e["msg"]}
            for e in error.errors()
        ]
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "the request is not valid", errors=errors)

    @app.exception_handler(TransientError)
    async def away(_: Request, error: TransientError) -> JSONResponse:
        what = "database" if isinstance(error, StoreError) else "bus"
        return problem(
            HTTPStatus.SERVICE_UNAVAILABLE, f"the {what} is away: {error}", {"retry-after": "5"}
        )
