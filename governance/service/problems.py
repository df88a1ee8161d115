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
    media_type = fields.pop("media_type", MEDIA_TYPE)
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": int(status)}
    return JSONResponse(
        {**body, "detail": detail, **fields},
        status_code=int(status),
        headers=dict(headers or {}),
        media_type=media_type,
    )


def _of(request: Request) -> dict[str, str]:
    """The request's name, and the media type that whoever asks for a verdict can read.

    Release tools take what is no JSON for a success: a gate always says ``application/json``.
    """
    name = getattr(request.state, "request_id", None)
    fields = {} if name is None else {"instance": f"urn:evenhand:request:{name}"}
    if request.url.path.rstrip("/").endswith("/verdict"):
        fields |= {"media_type": "application/json", "verdict": "inconclusive"}
    return fields


def add_problem_handlers(app: FastAPI) -> None:
    """Make every error of ``app`` a problem document."""

    @app.exception_handler(ProblemError)
    async def refused(request: Request, error: ProblemError) -> JSONResponse:
        fields = error.fields | _of(request)
        return problem(error.status, error.detail, error.headers, **fields)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, str(error.detail), error.headers, **_of(request))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        errors = [
            {"place": ".".join(str(part) for part in e["loc"]), "message": e["msg"]}
            for e in error.errors()
        ]
        fields: dict[str, Any] = {"errors": errors, **_of(request)}
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "the request is not valid", **fields)

    @app.exception_handler(TransientError)
    async def away(request: Request, error: TransientError) -> JSONResponse:
        what = "database" if isinstance(error, StoreError) else "bus"
        return problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"the {what} is away: {error}",
            {"retry-after": "5"},
            **_of(request),
        )
