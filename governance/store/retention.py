"""What is deleted, when: every function deletes what is past its bound and says how many rows.

Rows go in batches, each in a transaction of its own, so that a large clean-up never keeps writers
waiting. Panes and segments normally leave with the checkpoint of an owner that no longer needs
them; what is pruned here is what no owner writes again, such as panes of retired versions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, update

from governance.audit import PRUNED, AuditEntry, Cause, Link, entry_of
from governance.clock import format_instant
from governance.store import tables
from governance.store.audit import append, lock_head
from governance.store.engine import transaction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import ColumnElement, Engine, Table

    from governance.component.key import ComponentKey

DAY_US = 86_400_000_000
PANES_DAYS = 30  # at least, whatever a component asks for
FINDINGS_DAYS = 400  # alerts and deliveries too
ROWS_PER_BATCH = 5_000

_OVER = ("inactive", "resolved")


@dataclass(frozen=True, slots=True)
class Retention:
    """How long things are kept.

    ``panes_us`` is longest window + labelHorizon by component; a component that is not named (its
    windows count events, so they have no age) keeps its panes until its owner drops them or it is
    erased. ``audit_days`` is the longest ``logRetentionDays`` by namespace; a namespace that is
    not named keeps its chain.
    """

    panes_us: Mapping[ComponentKey, int] = field(default_factory=dict)
    audit_days: Mapping[str, int] = field(default_factory=dict)
    findings_days: int = FINDINGS_DAYS


def prune(engine: Engine, now_us: int, retention: Retention) -> dict[str, int]:
    """Delete all that is past its time, table by table; meant to run daily.

    Returns
    -------
    dict
        Rows deleted, by table.

    Raises
    ------
    StoreError
        If the database is away; what was deleted before stays deleted.
    """
    old_us = now_us - retention.findings_days * DAY_US
    return {
        "panes": sum(
            prune_panes(engine, component, now_us - max(kept_us, PANES_DAYS * DAY_US))
            for component, kept_us in retention.panes_us.items()
        ),
        "findings": prune_findings(engine, old_us),
        "alerts": prune_alerts(engine, old_us),
        "deliveries": prune_deliveries(engine, old_us),
        "audit": sum(
            prune_audit(engine, namespace, now_us - days * DAY_US, now_us)
            for namespace, days in retention.audit_days.items()
        ),
    }


def prune_panes(engine: Engine, component: ComponentKey, before_us: int) -> int:
    """Panes and pending segments of a component that were last written before that log time.

    Chunks of a history are written once and read for long: they go with their owner's checkpoint.
    """
    panes, pending = tables.panes, tables.pending
    old = (panes.c.log_time < before_us, panes.c.kind != "history")
    return _delete(engine, panes, *_of(panes, component), *old) + _delete(
        engine, pending, *_of(pending, component), pending.c.log_time < before_us
    )


def prune_findings(engine: Engine, before_us: int) -> int:
    """Findings made before that time, evaluated or not, and versions last judged before it."""
    versions = tables.versions
    _delete(engine, versions, versions.c.window_end < before_us)
    return _delete_batches(engine, tables.findings, tables.findings.c.created_at < before_us)


def prune_alerts(engine: Engine, before_us: int) -> int:
    """Alerts that are over since before that time; one that is pending or firing stays."""
    alerts = tables.alerts
    return _delete(engine, alerts, alerts.c.state.in_(_OVER), alerts.c.changed_at < before_us)


def prune_deliveries(engine: Engine, before_us: int) -> int:
    """Deliveries made before that time, unless they are still to be sent."""
    deliveries = tables.deliveries
    return _delete_batches(
        engine, deliveries, deliveries.c.created_at < before_us, deliveries.c.state != "pending"
    )


def prune_audit(engine: Engine, namespace: str, before_us: int, now_us: int) -> int:
    """The oldest rows of a chain, up to the first that is not older; the last becomes the anchor.

    The anchor is written with the deletion, so the chain can be checked at any moment, and named
    by a row of the chain, so that rows which somebody cut off do not pass for pruned ones.
    """
    audit, heads = tables.audit, tables.audit_heads
    mine = audit.c.namespace == namespace
    with transaction(engine) as connection:
        head = lock_head(connection, namespace)
        kept = connection.execute(
            select(func.min(audit.c.sequence)).where(mine, audit.c.at >= before_us)
        ).scalar()
        last = head["sequence"] if kept is None else kept - 1
        anchor = connection.execute(
            select(audit.c.hash).where(mine, audit.c.sequence == last)
        ).scalar()
        if anchor is None:
            return 0
        connection.execute(
            update(heads)
            .where(heads.c.namespace == namespace)
            .values(anchor_sequence=last, anchor_hash=anchor)
        )
        gone = connection.execute(delete(audit).where(mine, audit.c.sequence <= last)).rowcount
        append(connection, [_pruned(namespace, now_us, Link(last, anchor), before_us)])
        return gone


def _pruned(namespace: str, now_us: int, anchor: Link, before_us: int) -> AuditEntry:
    facts = {
        "anchor": {"sequence": anchor.sequence, "hash": anchor.hash},
        "before": format_instant(before_us),
    }
    return entry_of(namespace, now_us, PRUNED, Cause("retention: logRetentionDays"), facts)


def erase_component(engine: Engine, component: ComponentKey) -> int:
    """What was remembered of a deleted component's events: panes, pending ids, its register.

    Findings, alerts and audit rows stay as long as they are kept; they hold no event.
    """
    return sum(
        _delete(engine, table, *_of(table, component))
        for table in (tables.panes, tables.pending, tables.components)
    )


def _of(table: Table, component: ComponentKey) -> tuple[ColumnElement[bool], ...]:
    return table.c.namespace == component.namespace, table.c.component == component.name


def _delete(engine: Engine, table: Table, *conditions: ColumnElement[bool]) -> int:
    with transaction(engine) as connection:
        return connection.execute(delete(table).where(*conditions)).rowcount


def _delete_batches(engine: Engine, table: Table, *conditions: ColumnElement[bool]) -> int:
    position = table.c.position
    batch = select(position).where(*conditions).order_by(position).limit(ROWS_PER_BATCH)
    total = 0
    while True:
        deleted = _delete(engine, table, position.in_(batch.scalar_subquery()))
        total += deleted
        if deleted < ROWS_PER_BATCH:
            return total
