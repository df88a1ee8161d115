"""Which actions an alert sets off, and why not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from alerting.catalog import ACTIONS
from alerting.lifecycle import step
from alerting.rule import Rule
from alerting.stages import ROLLBACK_EXPIRES_US, due_actions
from governance.alert import Alert, AlertKey, Judgement, Observation
from governance.component.key import ComponentKey
from governance.component.schema import API_VERSION, KIND, Component
from governance.finding import Status

KEY = AlertKey(ComponentKey("shop", "prices"), "1", "tabular", "drift")
HOUR_US = 3_600_000_000


def component(**action: Any) -> Component:
    model = {"name": "prices", "version": "1", "modality": ["tabular"], "repository": "mlflow"}
    declared = {"do": "retrain", "webhook": "training", **action}
    return Component.model_validate(
        {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": "prices", "namespace": "shop"},
            "spec": {"model": model, "actions": [declared]},
        }
    )


def outcomes(statuses: str, declared: Component, last: dict[str, int] | None = None) -> list[Any]:
    """Per window, the reason that stopped the one declared action, or None where it went ahead."""
    letters = {"o": Status.OK, "w": Status.WARNING, "b": Status.BREACH}
    rule = Rule(breaches=1, of_windows=1, remember=5)
    alert, results = Alert(KEY), []
    for window, letter in enumerate(statuses):
        judgement = Judgement("age", letters[letter], 0, f"f{window}", "age moved")
        seen = Observation(window, 0, 10, (judgement,))
        alert, decision = step(alert, seen, rule, now_us=window)
        for due in due_actions(declared, alert, decision, last or {}, now_us=window):
            results.append(due.stopped)
            if due.stopped is None:
                alert = replace(alert, acted=(*alert.acted, due.request.delivery_id))
    return results


def codes(statuses: str, declared: Component) -> list[str]:
    return [(reason or "go").partition(":")[0] for reason in outcomes(statuses, declared)]


def test_an_incident_sets_an_action_off_once() -> None:
    """However long it lasts; the next incident sets it off again."""
    assert codes("bbob", component()) == ["go", "done", "not firing", "go"]


def test_a_run_of_windows_is_waited_for() -> None:
    """`windows: 3` acts at the third breach in a row."""
    asked = component(on={"windows": 3})
    assert codes("bbb", asked) == ["too short", "too short", "go"]


def test_a_warning_is_not_severe_enough_for_breach() -> None:
    """Severity is the action's own limit."""
    assert codes("w", component()) == ["not severe enough"]
    assert codes("w", component(on={"severity": "warning"})) == ["go"]


def test_another_check_is_nobodys_business() -> None:
    """The pattern decides, and a mismatch leaves no line."""
    assert codes("b", component(on={"check": "latency_*"})) == []
    assert codes("b", component(on={"check": "dr*"})) == ["go"]


def test_notices_tell_firing_and_resolved() -> None:
    """A notify action speaks twice an incident."""
    assert codes("bbo", component(do="notify")) == ["go", "done", "go"]


def test_cooldown_outlives_incidents() -> None:
    """An action that was set off lately waits, and says how long."""
    declared = component(cooldown="1h")
    (reason,) = outcomes("b", declared, {"retrain:training": -HOUR_US // 2})
    assert reason == "cooldown: 30m are left of 1h"


@pytest.mark.parametrize("kind", sorted(ACTIONS))
def test_every_action_makes_a_small_signed_body(kind: str) -> None:
    """Bodies are JSON below 20 kB with the fields that a receiver needs."""
    judgements = tuple(
        Judgement(f"feature {i}", Status.BREACH, 0, f"f{i}", "moved " * 50) for i in range(500)
    )
    seen = Observation(3, 0, 10, judgements)
    declared = component(do=kind)
    alert, decision = step(Alert(KEY), seen, Rule(1, 1, 1), now_us=5)
    (due,) = due_actions(declared, alert, decision, {}, now_us=5)
    body = ACTIONS[kind](due.request)
    data = json.loads(body)["data"]
    assert len(body) < 20_000
    assert (data["component"], data["version"], data["action"]) == ("prices", "1", kind)
    assert data["alert"]["window"]["number"] == 3


def test_a_rollback_expires_by_default() -> None:
    """A rollback that comes late may undo a repair; a retraining may wait."""
    seen = Observation(0, 0, 10, (Judgement("age", Status.BREACH, 0, "f", "words"),))
    for kind, expected in (("rollback", 7 + ROLLBACK_EXPIRES_US), ("retrain", None)):
        alert, decision = step(Alert(KEY), seen, Rule(1, 1, 1), now_us=7)
        (due,) = due_actions(component(do=kind), alert, decision, {}, now_us=7)
        assert due.expires_us == expected
