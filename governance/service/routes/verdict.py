"""/api/v1/components/.../verdict: may this version go on, for release tools.

The answer is always ``application/json``, and 200 only where it is sure: pass. Fail is 409,
inconclusive 424 (what it would rest on is missing), and trouble on the way has its own code.
``statuses=sure`` answers 200 to a sure fail as well, for tools that read ``verdict`` out of the
body and take every other code for an error (Argo Rollouts). POST is for tools that can only post
(Flagger): its metadata may name the version and the baseline.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from pydantic import StringConstraints
from starlette.concurrency import run_in_threadpool

from governance.clock import SystemClock
from governance.component.key import ComponentKey
from governance.service.auth import Principal, Role, require
from governance.service.cursors import is_storable
from governance.service.problems import ProblemError
from governance.service.release import STATUSES, Asked, ask
from governance.service.routes.shapes import Name, Namespace, VerdictShape
from governance.service.stores import Store

router = APIRouter(prefix="/api/v1/components/{namespace}/{name}/verdict", tags=["release"])
Reader = Annotated[Principal, Depends(require(Role.READ))]
_Text = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[^\x00]*$")]
Version = Annotated[_Text | None, Query(examples=["2.4.1"])]
Checks = Annotated[list[_Text] | None, Query(max_length=50, examples=[["error_rate"]])]
Statuses = Annotated[Literal["strict", "sure"], Query()]

_MOST_BODY_BYTES = 65_536
_ANSWERS: dict[int | str, dict[str, Any]] = {
    409: {"model": VerdictShape, "description": "fail: a breach, or worse than the baseline"},
    424: {"model": VerdictShape, "description": "inconclusive: not sure, and why"},
}


@router.get("", response_model=VerdictShape, responses=_ANSWERS)
def get_verdict(  # noqa: PLR0913 - one parameter a question
    request: Request,
    namespace: Namespace,
    name: Name,
    _: Reader,
    *,
    version: Annotated[_Text, Query(examples=["2.4.1"])],
    baseline: Version = None,
    check: Checks = None,
    statuses: Statuses = "strict",
) -> JSONResponse:
    """The verdict on a version, alone or against a baseline in windows of the same time."""
    asked = Asked(ComponentKey(namespace, name), version, baseline, tuple(check or ()))
    return _answer(request, asked, statuses)


@router.post("", response_model=VerdictShape, responses=_ANSWERS)
async def post_verdict(  # noqa: PLR0913 - one parameter a question
    request: Request,
    namespace: Namespace,
    name: Name,
    _: Reader,
    *,
    version: Version = None,
    baseline: Version = None,
    check: Checks = None,
) -> JSONResponse:
    """The same, for webhooks of release tools: ``metadata`` of the body may name the version."""
    said = await _metadata(request)
    version = version or said.get("version")
    if not version:
        words = "name the version: ?version=VERSION, or metadata.version in the body"
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, words)
    key = ComponentKey(namespace, name)
    asked = Asked(key, version, baseline or said.get("baseline"), tuple(check or ()))
    return await run_in_threadpool(_answer, request, asked, "strict")


def _answer(request: Request, asked: Asked, statuses: str) -> JSONResponse:
    store: Store = request.app.state.store
    shown = ask(store, asked, SystemClock().now_us())
    status = next(code for outcome, code in STATUSES.items() if outcome.value == shown["verdict"])
    if statuses == "sure" and status is HTTPStatus.CONFLICT:
        status = HTTPStatus.OK
    return JSONResponse(shown, status_code=status, headers={"cache-control": "no-store"})


async def _metadata(request: Request) -> dict[str, str]:
    """``metadata`` of a posted body, its texts only; empty where there is none."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BODY_BYTES:
            words = f"the body is longer than {_MOST_BODY_BYTES:,} bytes"
            raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, words)
    try:
        read = json.loads(body) if body.strip() else {}
    except ValueError:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "the body is not JSON") from None
    said = read.get("metadata") if isinstance(read, dict) else None
    if not isinstance(said, dict):
        return {}
    return {n: t for n, t in said.items() if isinstance(t, str) and is_storable(t)}
