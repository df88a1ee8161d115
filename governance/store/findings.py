"""Findings: the outbox between detectors and alerting, and what the API reads.

``body`` is the finding's JSON object as one line, written once and never touched again, so two
runs over one log can be compared byte for byte.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, literal, select, tuple_, update

from governance.component.key import ComponentKey
from governance.finding import Status
from governance.store.engine import database_now_us, snapshot
from governance.store.tables import findings, versions
from governance.store.upsert import execute_rows, insert_into, insert_new, slices

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement, Connection, Engine, Row, Select

    from governance.finding import Finding

DEFAULT_LIMIT = 1_000
_WINDOW = ("window_kind", "window_number", "window_start", "window_end")
_OF_WINDOW = (
    *("worker_group", "namespace", "component", "version"),
    *("window_kind", "window_number", "window_end"),
)
_STORED = (
    "position",
    "id",
    "revision",
    "namespace",
    "component",
    "version",
    "status",
    "created_at",
    "evaluated_at",
    "body",
    "window_end",
)
_PAGED = (findings.c.window_end, findings.c.position)
_NEVER_FOUND = (Status.BLIND, Status.IDLE)  # alerting says those, no detector
_CURSOR = re.compile(r"(-?[0-9]{1,18})\.([0-9]{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class StoredFinding:
    """One revision of a finding as it lies in the database.

    ``position`` grows in the order in which findings came; within one component that is the
    order of judgement. ``evaluated_at_us`` is None until alerting has stepped over it.
    """

    position: int
    id: str
    revision: int
    component: ComponentKey
    version: str
    status: Status
    created_at_us: int
    evaluated_at_us: int | None
    body: str
    window_end_us: int = 0


@dataclass(frozen=True, slots=True)
class FindingFilter:
    """Which findings; None = any. ``since_us`` and ``until_us`` bound the window's end.

    ``namespaces`` are those that may be seen at all.
    """

    namespaces: tuple[str, ...] | None = None
    namespace: str | None = None
    component: str | None = None
    version: str | None = None
    modality: str | None = None
    check: str | None = None
    subject: str | None = None
    status: Status | None = None
    since_us: int | None = None  # inclusive
    until_us: int | None = None  # exclusive


@dataclass(frozen=True, slots=True)
class FindingPage:
    """Findings, newest window first, and the cursor of the next page (None: this was the last)."""

    findings: Sequence[StoredFinding]
    cursor: str | None


class Findings:
    """The read side of one worker group's findings; raises StoreError when the database is away."""

    def __init__(self, engine: Engine, group: str = "evenhand") -> None:
        self._engine = engine
        self._group = group
        self._own = findings.c.worker_group == group

    def unevaluated(self, limit: int = DEFAULT_LIMIT) -> list[StoredFinding]:
        """What alerting has not looked at yet, oldest first."""
        query = self._select().where(findings.c.evaluated_at.is_(None))
        with snapshot(self._engine) as connection:
            rows = connection.execute(query.order_by(findings.c.position).limit(limit))
            return [_stored(row) for row in rows]

    def query(
        self, which: FindingFilter, cursor: str | None = None, limit: int = 100
    ) -> FindingPage:
        """A page of findings, newest window first; every revision is a row of its own.

        The order is that of (end of the window, position), which every index below has too, so a
        page costs the same wherever it lies.

        Raises
        ------
        ValueError
            If the cursor is not one that a page has named.
        """
        query = self._select()
        if cursor is not None:
            query = query.where(tuple_(*_PAGED) < tuple_(*_read_cursor(cursor)))
        newest_first = query.order_by(*(column.desc() for column in _PAGED)).limit(limit + 1)
        found: list[StoredFinding] = []
        with snapshot(self._engine) as connection:
            # A question for each namespace: no index has the order of several of them together.
            for one in self._one_namespace_each(connection, which):
                rows = connection.execute(newest_first.where(*_conditions(one)))
                found += map(_stored, rows)
        found.sort(key=lambda row: (row.window_end_us, row.position), reverse=True)
        page = found[:limit]
        return FindingPage(page, _cursor(page[-1]) if len(found) > limit else None)

    def latest(self, component: ComponentKey | None = None) -> list[StoredFinding]:
        """The last revision of every finding of each version's newest window, oldest first.

        Of one component, or of all.
        """
        newest_window = and_(*(versions.c[name] == findings.c[name] for name in _OF_WINDOW))
        query = self._select().join(versions, newest_window)
        if component is not None:
            query = query.where(
                findings.c.namespace == component.namespace, findings.c.component == component.name
            )
        with snapshot(self._engine) as connection:
            rows = connection.execute(query.order_by(findings.c.position))
            return _last_revisions(_stored(row) for row in rows)

    def touched(
        self, overlap_us: int, until_us: int | None = None
    ) -> tuple[dict[ComponentKey, tuple[int, int]], int]:
        """Components that have had findings lately, and now, by the database's clock.

        Lately is since ``overlap_us`` before ``until_us``, or before now. Of each component how
        many rows, and the newest position: while both stay, nothing has come.
        """
        table = findings.c
        counted = func.count(), func.max(table.position)
        query = select(table.namespace, table.component, *counted).where(self._own)
        with snapshot(self._engine) as connection:
            now_us = database_now_us(connection)
            since_us = (now_us if until_us is None else until_us) - overlap_us
            lately = query.where(table.created_at >= since_us)
            rows = connection.execute(lately.group_by(table.namespace, table.component))
            return {ComponentKey(row[0], row[1]): (row[2], row[3]) for row in rows}, now_us

    def recent(self, component: ComponentKey, version: str, since_us: int) -> list[StoredFinding]:
        """The last revision of every finding of a version whose window ended lately."""
        query = self._select().where(
            findings.c.namespace == component.namespace,
            findings.c.component == component.name,
            findings.c.version == version,
            findings.c.window_end >= since_us,
        )
        with snapshot(self._engine) as connection:
            rows = connection.execute(query.order_by(findings.c.position))
            return _last_revisions(_stored(row) for row in rows)

    def _one_namespace_each(
        self, connection: Connection, which: FindingFilter
    ) -> list[FindingFilter]:
        """The same question of each namespace that may be seen and that it can be about."""
        if which.status in _NEVER_FOUND:
            return []
        asked = which.namespaces
        if which.namespace is not None:
            asked = (which.namespace,)
        elif which.component is not None:
            own = versions.c.worker_group == self._group, versions.c.component == which.component
            asked = tuple(connection.execute(select(versions.c.namespace).where(*own)).scalars())
        if asked is None:
            return [which]
        seen = set(asked).intersection(asked if which.namespaces is None else which.namespaces)
        return [replace(which, namespace=one, namespaces=None) for one in sorted(seen)]

    def _select(self) -> Select[Any]:
        return select(*(findings.c[name] for name in _STORED)).where(self._own)


def insert_findings(
    connection: Connection, group: str, found: Sequence[Finding], log_time_us: int
) -> None:
    """Add the findings of a checkpoint; a (id, revision) that is there already is left alone.

    ``log_time_us`` is the log's time at which the newest of them was judged.
    """
    if not found:
        return
    now_us = database_now_us(connection)
    rows = [_row(group, finding, now_us) for finding in found]
    insert_new(connection, findings, rows, key=["worker_group", "id", "revision"])
    newest = insert_into(connection, versions)
    taken = newest.on_conflict_do_update(
        index_elements=list(versions.primary_key),
        set_={name: newest.excluded[name] for name in (*_WINDOW, "judged_at")},
        where=newest.excluded.window_end >= versions.c.window_end,
    )
    execute_rows(connection, versions, taken, _newest_windows(rows, log_time_us))


def mark_evaluated(connection: Connection, group: str, revisions: Sequence[tuple[str, int]]) -> int:
    """Mark (id, revision) as evaluated; returns how many had not been."""
    now_us = database_now_us(connection)
    key = tuple_(findings.c.id, findings.c.revision)
    unmarked = update(findings).where(
        findings.c.worker_group == group, findings.c.evaluated_at.is_(None)
    )
    marked = 0
    for some in slices(sorted(set(revisions))):
        marked += connection.execute(
            unmarked.where(key.in_(some)).values(evaluated_at=now_us)
        ).rowcount
    return marked


def _row(group: str, finding: Finding, now_us: int) -> dict[str, Any]:
    verdict, window = finding.verdict, finding.window
    return {
        "worker_group": group,
        "id": finding.id,
        "revision": finding.revision,
        "namespace": finding.component.namespace,
        "component": finding.component.name,
        "version": finding.version,
        "modality": verdict.modality,
        "check": verdict.check,
        "subject": verdict.subject,
        "status": verdict.status.value,
        "window_kind": window.kind,
        "window_number": window.number,
        "window_start": window.start_us,
        "window_end": window.end_us,
        "created_at": now_us,
        "body": finding.to_line(),
    }


def _newest_windows(rows: Iterable[dict[str, Any]], judged_at: int) -> list[dict[str, Any]]:
    key = [column.name for column in versions.primary_key]
    newest: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        version = tuple(row[name] for name in key)
        if version not in newest or row["window_end"] >= newest[version]["window_end"]:
            newest[version] = {name: row[name] for name in (*key, *_WINDOW)}
            newest[version]["judged_at"] = judged_at
    return list(newest.values())


def _stored(row: Row[Any]) -> StoredFinding:
    return StoredFinding(
        row.position,
        row.id,
        row.revision,
        ComponentKey(row.namespace, row.component),
        row.version,
        Status(row.status),
        row.created_at,
        row.evaluated_at,
        row.body,
        row.window_end,
    )


def _conditions(which: FindingFilter) -> list[ColumnElement[bool]]:
    names = ("namespace", "component", "version", "modality", "check", "subject")
    asked = {name: getattr(which, name) for name in names}
    conditions = [findings.c[name] == value for name, value in asked.items() if value is not None]
    if which.status is not None:  # written out, so that a planner sees that a partial index fits
        value = literal(which.status.value, literal_execute=True)
        conditions.append(findings.c.status == value)
    if which.since_us is not None:
        conditions.append(findings.c.window_end >= which.since_us)
    if which.until_us is not None:
        conditions.append(findings.c.window_end < which.until_us)
    return conditions


def _cursor(last: StoredFinding) -> str:
    return f"{last.window_end_us}.{last.position}"


def _read_cursor(cursor: str) -> tuple[int, int]:
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise ValueError(f"{cursor!r} is not a cursor: take the one that the last page named")
    return int(found[1]), int(found[2])


def _last_revisions(found: Iterable[StoredFinding]) -> list[StoredFinding]:
    last: dict[str, StoredFinding] = {}
    for finding in found:
        if finding.id not in last or finding.revision > last[finding.id].revision:
            last[finding.id] = finding
    return sorted(last.values(), key=lambda finding: finding.position)
