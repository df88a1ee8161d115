from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.exc import DBAPIError

from governance.audit import AuditEntry
from governance.errors import Fenced
from governance.store.alerts import Alerts
from governance.store.audit import Audit
from governance.store.checkpoints import Checkpoint, Checkpoints
from governance.store.deliveries import Deliveries
from governance.store.findings import Findings
from governance.store.leases import Lease, Leases
from governance.store.outcomes import Evaluation, write_evaluation
from tests.contracts.store.rows import alert, delivery, finding

if TYPE_CHECKING:
    from sqlalchemy import Engine

FULL = Evaluation(
    findings=[(finding(0).id, 0), (finding(1).id, 0)],
    alerts=[alert()],
    deliveries=[delivery(1), delivery(2)],
    audit=[AuditEntry("bank", 1, "alert.changed", "{}")],
)


@pytest.fixture
def lease(engine: Engine) -> Lease:
    checkpoints = Checkpoints(engine)
    claim = checkpoints.claim(0, "worker")
    checkpoints.commit(claim, Checkpoint(1, 1, findings=[finding(0), finding(1)]))
    granted = Leases(engine).acquire("evaluator", "a", 60)
    assert granted is not None
    return granted


def left(engine: Engine) -> tuple[int, int, int, int]:
    """Findings not evaluated, alerts, deliveries, audit rows."""
    return (
        len(Findings(engine).unevaluated()),
        len(Alerts(engine).find()),
        len(Deliveries(engine).find()),
        len(Audit(engine).query("bank")),
    )


def test_evaluation_is_written_whole(engine: Engine, lease: Lease) -> None:
    """Findings are marked; alerts, deliveries and audit rows are there."""
    write_evaluation(engine, lease, FULL)
    assert left(engine) == (0, 1, 2, 1)


def test_evaluation_without_findings_is_written(engine: Engine, lease: Lease) -> None:
    """What the wall clock decides (blind, retired) needs no finding."""
    write_evaluation(engine, lease, replace(FULL, findings=()))
    assert left(engine) == (2, 1, 2, 1)


def test_former_evaluator_is_fenced_and_changes_nothing(engine: Engine, lease: Lease) -> None:
    """With the lease gone to another, nothing of an evaluation is written."""
    leases = Leases(engine)
    leases.release(lease)
    leases.acquire("evaluator", "b", 60)
    with pytest.raises(Fenced, match="lease evaluator: token 1 of a is over"):
        write_evaluation(engine, lease, FULL)
    assert left(engine) == (2, 0, 0, 0)


def test_evaluation_cannot_be_written_twice(engine: Engine, lease: Lease) -> None:
    """A repeat, after a commit whose outcome was unknown, is refused and adds nothing."""
    write_evaluation(engine, lease, FULL)
    with pytest.raises(Fenced, match="2 of the findings were evaluated meanwhile"):
        write_evaluation(engine, lease, FULL)
    assert left(engine) == (0, 1, 2, 1)


def test_failing_statement_leaves_nothing(engine: Engine, lease: Lease) -> None:
    """When the last row is refused by the database, findings stay unevaluated."""
    broken: Any = None
    failing = replace(FULL, audit=[*FULL.audit, AuditEntry("bank", 2, "alert.changed", broken)])
    with pytest.raises(DBAPIError):
        write_evaluation(engine, lease, failing)
    assert left(engine) == (2, 0, 0, 0)


def test_findings_of_another_group_stay(engine: Engine, lease: Lease) -> None:
    """An evaluation marks the findings of its own worker group only."""
    shadow = Checkpoints(engine, "shadow")
    shadow.commit(shadow.claim(0, "worker"), Checkpoint(1, 1, findings=[finding(0), finding(1)]))
    write_evaluation(engine, lease, replace(FULL, group="shadow"))
    assert len(Findings(engine).unevaluated()) == 2
    assert Findings(engine, "shadow").unevaluated() == []
