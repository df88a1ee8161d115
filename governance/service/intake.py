"""One request at the door: its body within limits, its rows read, its answer."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.requests import ClientDisconnect

from collectors.body import inflated
from collectors.cloud_events.event import CloudEvent, read_cloud_events
from collectors.cloud_events.loggers import KNOWN_TYPES, side_of
from collectors.json_rows import InvalidRows, RowError, as_rows, parse_rows
from collectors.labels import read_labels
from governance.errors import CaptureError, ConfigError, Full, PermanentError, WireError
from governance.service.auth import Principal, Role
from governance.service.problems import ProblemError
from governance.wire.arrow import ARROW_TYPE, read_rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from fastapi import Request

    from collectors.batches import Batch
    from collectors.ingest import Desk
    from collectors.json_rows import Row
    from governance.component.key import ComponentKey
    from governance.service.auth import Authority
    from governance.service.door import Door
    from governance.service.limits import RowRates

RETRY_SECONDS = 5
BODY_SECONDS = 60.0  # for a client to send what it announced
_SHORT_BODY = 16 * 1024  # bytes that are parsed faster than another thread is asked to

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Intake:
    """One request, and who sent it."""

    request: Request
    ingester: Principal
    door: Door
    headers: dict[str, str]

    async def rows(self, component: ComponentKey, kind: str) -> dict[str, Any]:
        """Take ``events``, ``labels`` or ``feedback``."""
        desk = self._desk(component)
        async with self._counted(component, kind), self._body() as body:
            now_us = self.door.clock.now_us()
            batches, ignored = await _aside(
                body, lambda: _rows_of(kind, body, self.headers, desk, now_us)
            )
            await self.door.take(component, batches)
            accepted = sum(batch.n for batch in batches)
            self._accepted(component, kind, accepted)
        return {"accepted": accepted, "ignored": list(ignored)}

    async def cloud_events(self, component: ComponentKey | None) -> dict[str, Any]:
        """Take what inference loggers send; ``component`` None: the events say whose they are."""
        kind, accepted, waiting = "cloud_events", 0, 0
        if component is not None:
            self._desk(component)
        async with self._counted(component, kind), self._body() as body:
            events = await _aside(body, lambda: _cloud_events(body, self.headers))
            for key, own in self._by_owner(events, component).items():
                heard = await self.door.hear(key, own)
                accepted, waiting = accepted + heard.events, waiting + heard.waiting
                self._accepted(key, kind, len(own))
        return {"accepted": accepted, "waiting": waiting, "ignored": []}

    def _accepted(self, component: ComponentKey, kind: str, rows: int) -> None:
        self.door.count(component, kind, "accepted", rows)
        self._rates.use(self.ingester.name, self.ingester.rows_per_second, rows)

    def _by_owner(
        self, events: Sequence[CloudEvent], component: ComponentKey | None
    ) -> dict[ComponentKey, list[CloudEvent]]:
        """Events by whose they are: known components where the sender may write."""
        found: dict[ComponentKey, list[CloudEvent]] = {}
        for event in events:
            key = component or self.door.owner_of(event)
            if key is None:
                self.door.count(None, "cloud_events", "unknown", len(events))
                raise ProblemError(
                    HTTPStatus.NOT_FOUND,
                    "no component here, or more than one, is known by source"
                    f" {event.source[:200]!r}: let spec.model.endpoint say it, or post to"
                    " /api/v1/components/NAMESPACE/NAME/events",
                )
            found.setdefault(key, []).append(event)
        for key in found:
            self.ingester.must(Role.INGEST, key.namespace)
        return found

    def _desk(self, component: ComponentKey) -> Desk:
        desk = self.door.desks.get(component)
        if desk is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, f"no component is called {component}")
        return desk

    @property
    def _rates(self) -> RowRates:
        authority: Authority = self.request.app.state.authority
        return authority.rates

    @asynccontextmanager
    async def _counted(self, component: ComponentKey | None, kind: str) -> AsyncIterator[None]:
        """Refusals as problems, each counted."""
        try:
            self._rates.check(self.ingester.name, self.ingester.rows_per_second)
            yield
        except PermanentError as error:
            rows = error.rows if isinstance(error, InvalidRows) else 1
            self.door.count(component, kind, "invalid", rows)
            raise _refusal(error) from None
        except ConfigError as error:
            self.door.count(component, kind, "invalid", 1)
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
        except ProblemError as error:  # how many rows it would have been nobody knows
            outcome = {429: "full", 404: None, 403: None}.get(error.status, "invalid")
            if outcome is not None:
                self.door.count(component, kind, outcome, 1)
            raise
        except ClientDisconnect:
            self.door.count(component, kind, "invalid", 1)
            raise ProblemError(
                HTTPStatus.BAD_REQUEST, "the client left before it had sent all"
            ) from None
        except Full as error:
            self.door.count(component, kind, "full", 1)
            raise ProblemError(
                HTTPStatus.TOO_MANY_REQUESTS,
                str(error),
                headers={"retry-after": str(RETRY_SECONDS)},
            ) from None

    @asynccontextmanager
    async def _body(self) -> AsyncIterator[bytes]:
        """The body; its bytes count as being read until the block ends."""
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                await self._read(body)
            yield bytes(body)
        except TimeoutError:
            raise ProblemError(
                HTTPStatus.REQUEST_TIMEOUT,
                f"a request has {BODY_SECONDS:g} s to come in",
                headers={"connection": "close"},
            ) from None
        finally:
            self.door.release(len(body))

    async def _read(self, body: bytearray) -> None:
        limit: int = self.request.app.state.max_body_bytes
        declared = self.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > limit:
            raise _too_long(limit)
        async for chunk in self.request.stream():
            self.door.reserve(len(chunk))
            body += chunk
            if len(body) > limit:
                raise _too_long(limit)


def intake_of(request: Request, ingester: Principal) -> Intake:
    """The request as the door reads it."""
    return Intake(request, ingester, request.app.state.door, dict(request.headers))


async def _aside(body: bytes, read: Callable[[], Read]) -> Read:
    """Read short bodies here, long ones on another thread."""
    return read() if len(body) <= _SHORT_BODY else await asyncio.to_thread(read)


def _rows_of(
    kind: str, body: bytes, headers: dict[str, str], desk: Desk, now_us: int
) -> tuple[Sequence[Batch], tuple[str, ...]]:
    rows = _parsed(body, headers)
    if kind == "events":
        return desk.events(rows, now_us)
    if kind == "feedback":
        _correct_nothing(rows)
    labels, ignored = read_labels(rows, desk, now_us)
    return [labels], ignored


def _parsed(body: bytes, headers: dict[str, str]) -> list[Row]:
    if headers.get("content-type", "").partition(";")[0].strip().lower() != ARROW_TYPE:
        return parse_rows(body, headers)
    if not body:
        raise CaptureError("no_body", "the body is empty")
    return as_rows(read_rows(inflated(body, headers.get("content-encoding", ""))))


def _correct_nothing(rows: Sequence[Row]) -> None:
    wrong = [i for i, row in enumerate(rows) if row.get("supersedes") not in (None, False, 0)]
    if wrong:
        words = "feedback corrects nothing: post a label"
        raise InvalidRows([RowError(i, "supersedes", words) for i in wrong], len(rows))


def _cloud_events(body: bytes, headers: dict[str, str]) -> list[CloudEvent]:
    events = read_cloud_events(body, headers)
    wrong = [
        RowError(i, "type", f"{event.type[:80]!r} is none of {', '.join(KNOWN_TYPES)}")
        for i, event in enumerate(events)
        if side_of(event) is None
    ]
    if wrong:
        raise InvalidRows(wrong, len(events))
    return events


def _too_long(limit: int) -> ProblemError:
    return ProblemError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a request takes {limit} bytes: send several"
    )


def _refusal(error: PermanentError) -> ProblemError:
    if isinstance(error, InvalidRows):
        return ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            str(error),
            reason=error.reason,
            rows=error.rows,
            wrong=error.wrong,
            errors=[asdict(row) for row in error.errors],
        )
    missing = isinstance(error, WireError) and error.reason == "content_type"
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE if missing else HTTPStatus.BAD_REQUEST
    return ProblemError(status, str(error), reason=error.reason)
