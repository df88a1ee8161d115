"""/runbooks: what to do about each alert, as it was shipped; open, since it says nothing of yours.

The links of notices lead here, so that they work where the cluster has no way out.
"""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Annotated

import fastapi
from fastapi import APIRouter, Response

from governance.service.problems import ProblemError

router = APIRouter(prefix="/runbooks", tags=["runbooks"])
_PACKAGED = Path(__file__).parent.parent / "runbooks"
_IN_TREE = Path(__file__).parents[3] / "docs" / "runbooks"
_TEXT = "text/markdown"


@router.get(
    "/{alert}.md",
    response_class=Response,
    responses={
        200: {"description": "Markdown", "content": {_TEXT: {"schema": {"type": "string"}}}}
    },
)
def show_runbook(
    alert: Annotated[str, fastapi.Path(pattern=r"^[A-Za-z]{1,80}$", examples=["EvenhandDown"])],
) -> Response:
    """The runbook of one alert."""
    for folder in (_PACKAGED, _IN_TREE):
        page = folder / f"{alert}.md"
        if page.is_file():
            return Response(page.read_bytes(), media_type=f"{_TEXT}; charset=utf-8")
    raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no runbook for {alert!r}")
