"""The door's routes: events and labels in, all rows of a request or none of them.

One row, an array, or one row a line (NDJSON); ``collectors.ingest`` and ``collectors.labels`` say
what a row is. Answers: 202 the spool holds it · 400 no JSON · 401 403 who asks · 404 no such
component · 413 too long · 422 wrong rows, each with index and key · 429 full, try again later.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.requests import ClientDisconnect

from collectors.json_rows import InvalidRows, parse_rows
from collectors.labels import read_labels
from governance.component.key import ComponentKey
from governance.errors import CaptureError, Full
from governance.service.auth import Principal, Role, require
from governance.service.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collectors.batches import Batch
    from collectors.ingest import Desk
    from governance.service.door import Door


RETRY_SECONDS = 5
_SHORT_BODY = 16 * 1024  # bytes that are parsed faster than another thread is asked to

router = APIRouter(tags=["door"])
Ingester = Annotated[Principal, Depends(require(Role.INGEST))]


@router.post("/api/v1/components/{namespace}/{name}/events", status_code=HTTPStatus.ACCEPTED)
async def post_events(request: Request, namespace: str, name: str, _: Ingester) -> dict[str, Any]:
    """Take events of one component."""
    return await _take(request, ComponentKey(namespace, name), "events")


@router.post("/api/v1/components/{namespace}/{name}/labels", status_code=HTTPStatus.ACCEPTED)
async def post_labels(request: Request, namespace: str, name: str, _: Ingester) -> dict[str, Any]:
    """Take labels of one component; ``supersedes`` corrects an earlier one."""
    return await _take(request, ComponentKey(namespace, name), "labels")


@router.post("/v1/events", status_code=HTTPStatus.ACCEPTED)
async def post_events_by_name(
    request: Request, ingester: Ingester, component: str | None = None
) -> dict[str, Any]:
    """Take events of ``?component=NAMESPACE/NAME``, or of the only component here."""
    return await _take(request, _named(request, ingester, component), "events")


@router.post("/v1/labels", status_code=HTTPStatus.ACCEPTED)
async def post_labels_by_name(
    request: Request, ingester: Ingester, component: str | None = None
) -> dict[str, Any]:
    """Take labels of ``?component=NAMESPACE/NAME``, or of the only component here."""
    return await _take(request, _named(request, ingester, component), "labels")


def _named(request: Request, ingester: Principal, component: str | None) -> ComponentKey:
    door: Door = request.app.state.door
    try:
        [key] = [ComponentKey.parse(component)] if component is not None else door.desks
    except ValueError:
        raise ProblemError(
            HTTPStatus.BAD_REQUEST, "say which component: ?component=NAMESPACE/NAME"
        ) from None
    if not ingester.may(Role.INGEST, key.namespace):
        raise ProblemError(
            HTTPStatus.FORBIDDEN,
            f"token {ingester.name!r} lacks the role 'ingest' in namespace {key.namespace!r}",
        )
    return key


async def _take(request: Request, component: ComponentKey, kind: str) -> dict[str, Any]:
    door: Door = request.app.state.door
    desk = door.desks.get(component)
    if desk is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"no component is called {component}")
    body = bytearray()
    try:
        await _read(request, door, body)
        batches, ignored = await _parsed(request, desk, kind, bytes(body))
        await door.take(component, batches)
    except (CaptureError, InvalidRows) as error:
        door.count(component, kind, "invalid", error.rows if isinstance(error, InvalidRows) else 1)
        raise _refusal(error) from None
    except ProblemError:  # too long: how many rows it would have been nobody knows
        door.count(component, kind, "invalid", 1)
        raise
    except ClientDisconnect:
        raise ProblemError(
            HTTPStatus.BAD_REQUEST, "the client left before it had sent all"
        ) from None
    except Full as error:
        door.count(component, kind, "full", 1)
        raise ProblemError(
            HTTPStatus.TOO_MANY_REQUESTS, str(error), headers={"retry-after": str(RETRY_SECONDS)}
        ) from None
    finally:
        door.release(len(body))
    accepted = sum(batch.n for batch in batches)
    door.count(component, kind, "accepted", accepted)
    return {"accepted": accepted, "ignored": list(ignored)}


async def _read(request: Request, door: Door, body: bytearray) -> None:
    limit: int = request.app.state.max_body_bytes
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_long(limit)
    async for chunk in request.stream():
        door.reserve(len(chunk))
        body += chunk
        if len(body) > limit:
            raise _too_long(limit)


def _too_long(limit: int) -> ProblemError:
    return ProblemError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a request takes {limit} bytes: send several"
    )


async def _parsed(
    request: Request, desk: Desk, kind: str, body: bytes
) -> tuple[Sequence[Batch], tuple[str, ...]]:
    headers = dict(request.headers)
    now_us = request.app.state.door.clock.now_us()
    if len(body) <= _SHORT_BODY:
        return _rows_of(kind, body, headers, desk, now_us)
    return await asyncio.to_thread(_rows_of, kind, body, headers, desk, now_us)


def _rows_of(
    kind: str, body: bytes, headers: dict[str, str], desk: Desk, now_us: int
) -> tuple[Sequence[Batch], tuple[str, ...]]:
    rows = parse_rows(body, headers)
    if kind == "events":
        return desk.events(rows, now_us)
    labels, ignored = read_labels(rows, desk, now_us)
    return [labels], ignored


def _refusal(error: CaptureError | InvalidRows) -> ProblemError:
    if isinstance(error, InvalidRows):
        return ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            str(error),
            reason=error.reason,
            rows=error.rows,
            wrong=error.wrong,
            errors=[asdict(row) for row in error.errors],
        )
    return ProblemError(HTTPStatus.BAD_REQUEST, str(error), reason=error.reason)
