"""/api/v1/findings: the objects that replay prints, newest first, in pages."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from governance.clock import parse_instant_us
from governance.finding import Status
from governance.service.auth import Principal, Role, require
from governance.service.problems import ProblemError
from governance.service.stores import Store
from governance.store.findings import FindingFilter

router = APIRouter(prefix="/api/v1/findings", tags=["findings"])
Reader = Annotated[Principal, Depends(require(Role.READ))]


@router.get("")
def list_findings(  # noqa: PLR0913 - one parameter a filter
    request: Request,
    reader: Reader,
    *,
    namespace: str | None = None,
    component: str | None = None,
    version: str | None = None,
    modality: str | None = None,
    check: str | None = None,
    subject: str | None = None,
    status: Status | None = None,
    since: str | None = None,
    until: str | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> dict[str, Any]:
    """Findings whose window ends in [since, until); every revision is an entry of its own."""
    which = FindingFilter(
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
        raise ProblemError(HTTPStatus.BAD_REQUEST, str(error)) from None
    shown = [row for row in page.findings if reader.sees(row.component.namespace)]
    return {"findings": [json.loads(row.body) for row in shown], "cursor": page.cursor}


def _instant(name: str, text: str | None) -> int | None:
    try:
        return None if text is None else parse_instant_us(text)
    except ValueError as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"{name}: {error}") from None
