"""What is said of a component that nobody sees."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path  # noqa: TC003 - a fixture's type

from alerting.inhibition import inhibited
from alerting.sight import Sight, blind_key, step_blind
from governance.alert import Alert, AlertKey, AlertState
from governance.component.key import ComponentKey
from governance.finding import Status
from tests.alerting.timeline import At, Stage, judged, play

SHOP = ComponentKey("shop", "prices")
DRIFT = Alert(AlertKey(SHOP, "1", "tabular", "drift"), AlertState.FIRING)


def test_blindness_inhibits_its_own_component_only() -> None:
    """And ends with it."""
    blind, _ = step_blind(Alert(blind_key(SHOP)), Sight(Status.BLIND, "silent"), 5)
    known = {blind.key: blind}
    other = replace(DRIFT, key=replace(DRIFT.key, component=ComponentKey("shop", "other")))
    assert inhibited(DRIFT, known) == "the component is blind: silent"
    assert inhibited(other, known) is None
    assert inhibited(blind, known) is None
    seen, _ = step_blind(blind, Sight(Status.OK, "heard"), 6)
    assert inhibited(DRIFT, {seen.key: seen}) is None


def test_a_late_revision_sets_nothing_off_while_the_component_is_blind(tmp_path: Path) -> None:
    """The alert fires, the retraining does not go; the audit line says why."""
    rows: list[str] = []

    def late(stage: Stage) -> None:
        stage.judge(Status.BREACH, revision=1, ago=4)

    def look(stage: Stage) -> None:
        with stage.store.engine.connect() as connection:
            query = "SELECT body FROM audit WHERE kind = 'action.stopped'"
            rows.extend(body for (body,) in connection.exec_driver_sql(query))
        assert stage.store.deliveries.find() == []

    play(
        tmp_path,
        At(5, judged(Status.OK)),
        At(10, judged(Status.BREACH)),
        At(25, late),
        At(26, look),
        minutes=26,
        spec={"actions": [{"do": "retrain", "webhook": "training"}]},
    )
    assert any("inhibited: the component is blind" in row for row in rows)
