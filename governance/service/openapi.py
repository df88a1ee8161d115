"""The API's description: what FastAPI knows, with our errors (RFC 9457) and tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi

if TYPE_CHECKING:
    from fastapi import FastAPI

_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "Problem details, RFC 9457.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what is wrong, and what to do"},
        "instance": {"type": "string", "description": "the request, as X-Request-Id names it"},
        "errors": {
            "type": "array",
            "items": {"type": "object"},
            "description": "place and message of each wrong parameter",
        },
    },
}
_EXAMPLES = {
    400: "since: 'yesterday' is neither an RFC 3339 time nor Unix seconds",
    401: "send a known token as 'Authorization: Bearer TOKEN'",
    403: "token 'ci' lacks the role 'read' in namespace 'shop'",
    404: "no component is called shop/none",
    422: "the request is not valid",
    429: "too many unknown tokens from this address: try again in 5 s",
    503: "the database is away: connection refused",
}
_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    503: "Service Unavailable",
}
_CONFLICT = "msg_1 could be decided until 2026-11-24T12:00:00Z: that is over"
_OPEN = ("/livez", "/readyz", "/runbooks")
_METHODS = ("get", "post", "put", "patch", "delete")


def describe(app: FastAPI) -> None:
    """Let the application answer with the whole description."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
            )
            app.openapi_schema = _completed(made)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _completed(made: dict[str, Any]) -> dict[str, Any]:
    parts = made.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = _PROBLEM
    parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for path, operations in made["paths"].items():
        is_open = path.startswith(_OPEN)
        for method in _METHODS:
            if method in operations:
                _complete(operations[method], path, is_open=is_open)
    return made


def _complete(operation: dict[str, Any], path: str, *, is_open: bool) -> None:
    answers = operation["responses"]
    media = "application/json" if path.endswith("/verdict") else "application/problem+json"
    for status in (404, 503) if is_open else _EXAMPLES:
        answers.setdefault(str(status), _problem(status, media))
    if "409" in answers:
        answers["409"] = _problem(409, media)
    for status, answer in answers.items():
        if "HTTPValidationError" in str(answer):
            answers[status] = _problem(int(status), media)
    if not is_open:
        operation["security"] = [{"token": []}]
        answers.setdefault("304", {"description": "the client has it already"})


def _problem(status: int, media: str) -> dict[str, Any]:
    example = {
        "type": "about:blank",
        "title": _TITLES[status],
        "status": status,
        "detail": _EXAMPLES.get(status, _CONFLICT),
    }
    shape = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": _TITLES[status],
        "content": {media: {"schema": shape, "example": example}},
    }
