"""The door's routes: events, labels and feedback in, all rows of a request or none of them.

One row, an array, one row a line (NDJSON), or an Arrow stream; ``collectors.ingest`` and
``collectors.labels`` say what a row is. CloudEvents of inference loggers come to the path of
events, too. Answers: 202 the spool holds it · 400 no JSON · 401 403 who asks · 404 no such
component · 408 too slow · 413 too long · 415 no pyarrow · 422 wrong rows, each with index and key ·
429 full, or too often: try again later.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Request

from collectors.cloud_events.event import is_cloud_event
from governance.component.key import ComponentKey
from governance.service.auth import Principal, Role, require
from governance.service.intake import Intake, intake_of
from governance.service.problems import ProblemError

if TYPE_CHECKING:
    from governance.service.door import Door

router = APIRouter(tags=["door"])
Ingester = Annotated[Principal, Depends(require(Role.INGEST))]
_COMPONENT = "/api/v1/components/{namespace}/{name}"


@router.post(_COMPONENT + "/events", status_code=HTTPStatus.ACCEPTED)
async def post_events(
    request: Request, namespace: str, name: str, ingester: Ingester
) -> dict[str, Any]:
    """Take events of one component, or CloudEvents of its loggers."""
    key = ComponentKey(namespace, name)
    intake = intake_of(request, ingester)
    if is_cloud_event(intake.headers):
        return await intake.cloud_events(key)
    return await intake.rows(key, "events")


@router.post(_COMPONENT + "/labels", status_code=HTTPStatus.ACCEPTED)
async def post_labels(
    request: Request, namespace: str, name: str, ingester: Ingester
) -> dict[str, Any]:
    """Take labels of one component; ``supersedes`` corrects an earlier one."""
    return await intake_of(request, ingester).rows(ComponentKey(namespace, name), "labels")


@router.post(_COMPONENT + "/feedback", status_code=HTTPStatus.ACCEPTED)
async def post_feedback(
    request: Request, namespace: str, name: str, ingester: Ingester
) -> dict[str, Any]:
    """Take what people say about answers: labels that correct nothing."""
    return await intake_of(request, ingester).rows(ComponentKey(namespace, name), "feedback")


@router.post("/v1/events", status_code=HTTPStatus.ACCEPTED)
async def post_events_by_name(
    request: Request, ingester: Ingester, component: str | None = None
) -> dict[str, Any]:
    """Take events of ``?component=NAMESPACE/NAME``, or of the only component here.

    CloudEvents say themselves whose they are.
    """
    intake = intake_of(request, ingester)
    if is_cloud_event(intake.headers):
        key = None if component is None else _named(request, ingester, component)
        return await intake.cloud_events(key)
    return await _by_name(intake, component, "events")


@router.post("/v1/labels", status_code=HTTPStatus.ACCEPTED)
async def post_labels_by_name(
    request: Request, ingester: Ingester, component: str | None = None
) -> dict[str, Any]:
    """Take labels of ``?component=NAMESPACE/NAME``, or of the only component here."""
    return await _by_name(intake_of(request, ingester), component, "labels")


@router.post("/v1/feedback", status_code=HTTPStatus.ACCEPTED)
async def post_feedback_by_name(
    request: Request, ingester: Ingester, component: str | None = None
) -> dict[str, Any]:
    """Take feedback for ``?component=NAMESPACE/NAME``, or for the only component here."""
    return await _by_name(intake_of(request, ingester), component, "feedback")


async def _by_name(intake: Intake, component: str | None, kind: str) -> dict[str, Any]:
    key = _named(intake.request, intake.ingester, component)
    return await intake.rows(key, kind)


def _named(request: Request, ingester: Principal, component: str | None) -> ComponentKey:
    door: Door = request.app.state.door
    try:
        [key] = [ComponentKey.parse(component)] if component is not None else door.desks
    except ValueError:
        raise ProblemError(
            HTTPStatus.BAD_REQUEST, "say which component: ?component=NAMESPACE/NAME"
        ) from None
    ingester.must(Role.INGEST, key.namespace)
    return key
