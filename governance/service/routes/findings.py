"""/api/v1/findings: the objects that replay prints, newest window first, in pages."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Request, Response

from governance.clock import parse_instant_us
from governance.finding import Status
from governance.service.auth import Principal, Role, require
from governance.service.problems import ProblemError
from governance.service.reply import reply
from governance.service.routes.shapes import Cursor, FindingsShape, Instant, Limit, Text
from governance.service.stores import Store
from governance.store.findings import FindingFilter

if TYPE_CHECKING:
    from governance.store.findings import FindingPage

router = APIRouter(prefix="/api/v1/findings", tags=["findings"])
Reader = Annotated[Principal, Depends(require(Role.READ))]
_MOST_US = 2**62  # an instant that a database keeps


@router.get("", response_model=FindingsShape)
def list_findings(  # noqa: PLR0913 - one parameter a filter
    request: Request,
    reader: Reader,
    *,
    namespace: Text = None,
    component: Text = None,
    version: Text = None,
    modality: Text = None,
    check: Text = None,
    subject: Text = None,
    status: Status | None = None,
    since: Instant = None,
    until: Instant = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """Findings whose window ends in [since, until); every revision is an entry of its own."""
    which = FindingFilter(
        namespaces=reader.visible,
        namespace=namespace,
        component=component,
        version=version,
        modality=modality,
        check=check,
        subject=subject,
        status=status,
        since_us=_instant("since", since),
        until_us=_instant("until", until),
    )
    store: Store = request.app.state.store
    try:
        page = store.findings.query(which, cursor, limit)
    except ValueError as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"cursor: {error}") from None
    return reply(request, _joined(page))


def _joined(page: FindingPage) -> bytes:
    """The page as JSON: findings lie in the database as they are shown, so none is read."""
    listed = ",".join(row.body for row in page.findings)
    return f'{{"findings":[{listed}],"cursor":{json.dumps(page.cursor)}}}'.encode()


def _instant(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        instant_us = parse_instant_us(text)
    except (ValueError, OverflowError) as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"{name}: {error}") from None
    if abs(instant_us) > _MOST_US:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"{name}: {text!r} is no time of this era")
    return instant_us
