"""What one round of alerting decided, written in one transaction under its lease."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from governance.errors import Fenced
from governance.store import audit, leases
from governance.store.alerts import put_alerts
from governance.store.deliveries import enqueue
from governance.store.engine import transaction
from governance.store.findings import mark_evaluated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine

    from governance.alert import Alert
    from governance.audit import AuditEntry
    from governance.store.deliveries import Delivery
    from governance.store.leases import Lease


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Findings that were stepped over, as (id, revision), and all that followed from them."""

    findings: Sequence[tuple[str, int]] = ()
    alerts: Sequence[Alert] = ()
    deliveries: Sequence[Delivery] = ()
    audit: Sequence[AuditEntry] = ()
    group: str = "evenhand"  # the worker group whose findings these are


def write_evaluation(engine: Engine, lease: Lease, evaluation: Evaluation) -> None:
    """Mark findings, write alerts, deliveries and audit rows: all of it, or nothing.

    Raises
    ------
    Fenced
        If another evaluator has the lease, or a finding is evaluated already. Drop everything
        and read again.
    StoreError
        If the database is away; it may have been written. Read again: what was written shows.
    """
    with transaction(engine) as connection:
        leases.check(connection, lease)
        marked = mark_evaluated(connection, evaluation.group, evaluation.findings)
        if marked != len(set(evaluation.findings)):
            raise Fenced(
                f"lease {lease.name}: {len(set(evaluation.findings)) - marked} of the findings "
                "were evaluated meanwhile"
            )
        put_alerts(connection, evaluation.alerts)
        enqueue(connection, evaluation.deliveries)
        audit.append(connection, evaluation.audit)
