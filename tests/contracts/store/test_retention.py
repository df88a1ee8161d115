from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import update

from governance.alert import AlertState
from governance.audit import AuditEntry
from governance.store.alerts import Alerts
from governance.store.audit import Audit
from governance.store.checkpoints import (
    Checkpoint,
    Checkpoints,
    PaneRow,
    RegisterRow,
    SegmentRow,
)
from governance.store.components import Components
from governance.store.deliveries import Deliveries
from governance.store.engine import transaction
from governance.store.findings import FindingFilter, Findings
from governance.store.retention import (
    DAY_US,
    ROWS_PER_BATCH,
    Retention,
    erase_component,
    prune,
    prune_deliveries,
    prune_findings,
)
from governance.store.tables import findings
from tests.contracts.store.rows import CREDIT, FRAUD, alert, delivery, finding

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from governance.component.key import ComponentKey

NOTHING = {"panes": 0, "findings": 0, "alerts": 0, "deliveries": 0, "audit": 0}


def write(
    engine: Engine, component: ComponentKey, pane: int, log_time_us: int, kind: str = "sums"
) -> None:
    checkpoints = Checkpoints(engine)
    checkpoint = Checkpoint(
        1,
        log_time_us,
        registers=[RegisterRow(component, b"register")],
        panes=[PaneRow(component, "1", pane, kind, b"pane")],
        segments=[SegmentRow(component, pane, b"segment")],
    )
    checkpoints.commit(checkpoints.claim(0, "a"), checkpoint)


def panes(engine: Engine) -> list[tuple[str, int]]:
    checkpoints = Checkpoints(engine)
    state = checkpoints.load(checkpoints.claim(0, "reader"))
    return [(p.component.name, p.pane) for p in state.panes]


def add_findings(engine: Engine, count: int, created_at_us: int) -> None:
    checkpoints = Checkpoints(engine)
    claim = checkpoints.claim(0, "a")
    made = [finding(n) for n in range(count)]
    checkpoints.commit(claim, Checkpoint(1, 1, findings=made))
    with transaction(engine) as connection:
        connection.execute(update(findings).values(created_at=created_at_us))


def test_panes_go_when_their_component_no_longer_needs_them(engine: Engine) -> None:
    """Panes last written before the bound go, with their segments; younger ones stay."""
    write(engine, CREDIT, 1, log_time_us=10 * DAY_US)
    write(engine, CREDIT, 2, log_time_us=60 * DAY_US)
    kept = Retention(panes_us={CREDIT: 40 * DAY_US})
    assert prune(engine, 100 * DAY_US, kept) == {**NOTHING, "panes": 2}
    assert panes(engine) == [("credit", 2)]


def test_panes_are_kept_thirty_days_at_least(engine: Engine) -> None:
    """A component with short windows keeps its panes for 30 days all the same."""
    write(engine, CREDIT, 1, log_time_us=71 * DAY_US)
    assert prune(engine, 100 * DAY_US, Retention(panes_us={CREDIT: DAY_US})) == NOTHING


def test_history_is_written_once_and_read_for_long(engine: Engine) -> None:
    """A full chunk of a version's series outlives panes of its time; its owner drops it."""
    write(engine, CREDIT, 1, log_time_us=0, kind="history")
    write(engine, CREDIT, 2, log_time_us=0)
    kept = Retention(panes_us={CREDIT: DAY_US})
    assert prune(engine, 100 * DAY_US, kept) == {**NOTHING, "panes": 3}
    assert panes(engine) == [("credit", 1)]


def test_panes_of_components_that_are_not_named_stay(engine: Engine) -> None:
    """Windows that count events have no age: only their owner drops their panes."""
    write(engine, CREDIT, 1, log_time_us=0)
    assert prune(engine, 1_000 * DAY_US, Retention()) == NOTHING


def test_old_findings_go_in_batches(engine: Engine) -> None:
    """More than a batch of findings goes in one call, and is counted."""
    add_findings(engine, ROWS_PER_BATCH + 1, created_at_us=5)
    assert prune_findings(engine, before_us=5) == 0
    assert prune_findings(engine, before_us=6) == ROWS_PER_BATCH + 1
    assert Findings(engine).query(FindingFilter()).findings == []


def test_versions_go_with_their_findings(engine: Engine) -> None:
    """A version that was last judged before the bound is no longer listed."""
    add_findings(engine, 1, created_at_us=5)
    prune_findings(engine, before_us=finding(0).window.end_us + 1)
    assert Components(engine).find() == []
    assert Findings(engine).latest(CREDIT) == []


def test_alerts_that_are_over_go(engine: Engine) -> None:
    """Resolved long ago goes; firing stays however long it fires."""
    Alerts(engine).put(alert(FRAUD, changed_at_us=5))
    Alerts(engine).put(alert(CREDIT, state=AlertState.RESOLVED, changed_at_us=5))
    assert prune(engine, 401 * DAY_US, Retention())["alerts"] == 1
    assert [a.key.component for a in Alerts(engine).find()] == [FRAUD]


def test_deliveries_go_unless_they_are_still_to_be_sent(engine: Engine) -> None:
    """A settled delivery goes by age; a pending one is never dropped unseen."""
    outbox = Deliveries(engine)
    outbox.enqueue([delivery(1), delivery(2)])
    outbox.succeeded("msg_1")
    assert prune_deliveries(engine, before_us=10) == 1
    assert [d.id for d in outbox.find()] == ["msg_2"]


def test_audit_goes_by_namespace(engine: Engine) -> None:
    """Each namespace keeps its own number of days; one that is not named keeps all."""
    rows = [AuditEntry(name, DAY_US, "alert.changed", "{}") for name in ("bank", "shop", "hr")]
    Audit(engine).append(rows)
    kept = Retention(audit_days={"bank": 90, "shop": 200})
    assert prune(engine, 100 * DAY_US, kept) == {**NOTHING, "audit": 1}
    assert Audit(engine).verify("bank").rows == 1  # the row that says so
    assert Audit(engine).verify("shop").rows == 1


def test_erased_component_leaves_nothing_of_its_events(engine: Engine) -> None:
    """Panes, pending ids and register of one component go; another's stay."""
    write(engine, CREDIT, 1, log_time_us=1)
    write(engine, FRAUD, 1, log_time_us=1)
    assert erase_component(engine, CREDIT) == 3
    assert panes(engine) == [("fraud", 1)]
