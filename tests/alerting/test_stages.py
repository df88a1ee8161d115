"""Which actions an alert sets off, and why not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from alerting.actions.base import ActionRequest, body
from alerting.catalog import ACTIONS
from alerting.declared import Declared
from alerting.lifecycle import step
from alerting.rule import Rule
from alerting.stages import (
    APPROVAL_US,
    ROLLBACK_EXPIRES_US,
    ActionPolicy,
    Circumstances,
    Due,
    due_action,
)
from governance.alert import Alert, AlertKey, Judgement, Observation
from governance.component.key import ComponentKey
from governance.component.schema import API_VERSION, KIND, Component
from governance.finding import Status
from governance.store.delivery import DeliveryState

if TYPE_CHECKING:
    from alerting.lifecycle import Decision

KEY = AlertKey(ComponentKey("shop", "prices"), "1", "tabular", "drift")
HOUR_US = 3_600_000_000
CALM = Circumstances()


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


def due_of(
    declared: Component, alert: Alert, decision: Decision, now: Circumstances, now_us: int
) -> Due | None:
    """What the stages say of the one declared action."""
    (action,) = declared.spec.actions
    return due_action(ActionRequest(Declared(declared), action, alert, now_us), decision, now)


def outcomes(statuses: str, declared: Component, now: Circumstances = CALM) -> list[Any]:
    """Per window, the reason that stopped the one declared action, or None where it went ahead."""
    letters = {"o": Status.OK, "w": Status.WARNING, "b": Status.BREACH}
    rule = Rule(breaches=1, of_windows=1, remember=5)
    alert, results = Alert(KEY), []
    for window, letter in enumerate(statuses):
        judgement = Judgement("age", letters[letter], 0, f"f{window}", "age moved")
        seen = Observation(window, 0, 10, (judgement,))
        alert, decision = step(alert, seen, rule, now_us=window)
        due = due_of(declared, alert, decision, now, window)
        if due is not None:
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
    now = Circumstances(last_acted_us={"retrain:training": -HOUR_US // 2})
    (reason,) = outcomes("b", declared, now)
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
    due = due_of(declared, alert, decision, CALM, now_us=5)
    assert due is not None
    text = body(ACTIONS[kind], due.request)
    data = json.loads(text)["data"]
    assert len(text) < 20_000
    assert (data["component"], data["version"], data["action"]) == ("prices", "1", kind)
    assert data["alert"]["window"]["number"] == 3


def test_a_rollback_expires_by_default() -> None:
    """A rollback that comes late may undo a repair; a retraining may wait."""
    seen = Observation(0, 0, 10, (Judgement("age", Status.BREACH, 0, "f", "words"),))
    for kind, expected in (("rollback", 7 + ROLLBACK_EXPIRES_US), ("retrain", None)):
        alert, decision = step(Alert(KEY), seen, Rule(1, 1, 1), now_us=7)
        due = due_of(component(do=kind), alert, decision, CALM, now_us=7)
        assert due is not None
        assert due.expires_us == expected


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        (component(), "paused: by Ann: flood"),
        (component(approval="manual"), None),
        (component(do="notify"), None),
    ],
)
def test_a_pause_stops_what_nobody_approves(declared: Component, reason: str | None) -> None:
    """Retraining and rollback wait; notices, and what a person decides, do not."""
    assert outcomes("b", declared, Circumstances(paused="by Ann: flood")) == [reason]


def test_what_a_pause_stopped_goes_ahead_after_it() -> None:
    """The incident has not set it off, so its next window does."""
    alert, decision = fired()
    paused = due_of(component(), alert, decision, Circumstances(paused="by Ann: flood"), 1)
    resumed = due_of(component(), alert, decision, CALM, 2)
    assert paused is not None
    assert resumed is not None
    assert (paused.stopped is None, resumed.stopped) == (False, None)


def test_the_budget_is_for_automatic_actions() -> None:
    """At the bound one more automatic action is stopped; what is approved by name is not."""
    spent = Circumstances(automatic=3, policy=ActionPolicy(per_day=3))
    (reason,) = outcomes("b", component(), spent)
    assert reason == "budget: 3 automatic actions in 24h, 3 are allowed"
    assert outcomes("b", component(approval="manual"), spent) == [None]
    assert outcomes("b", component(do="notify"), spent) == [None]
    assert outcomes("b", component(), replace(spent, automatic=2)) == [None]


@pytest.mark.parametrize(
    ("namespaces", "reason"),
    [
        ({"training": frozenset({"*"})}, None),
        ({"training": frozenset({"shop"})}, None),
        ({"training": frozenset({"bank"})}, "not its receiver: 'training' does not serve "),
        ({}, "no receiver: the settings name no webhook 'training'"),
    ],
)
def test_a_receiver_serves_its_namespaces(
    namespaces: dict[str, frozenset[str]], reason: str | None
) -> None:
    """A component cannot reach the webhook of another tenant."""
    policy = ActionPolicy(namespaces=namespaces)
    (said,) = outcomes("b", component(), Circumstances(policy=policy))
    assert (said or "").startswith(reason or "")
    assert (said is None) == (reason is None)


def test_a_dry_run_is_rehearsed() -> None:
    """An action's own switch holds for it, the installation's for what changes the world."""
    for declared, everywhere, state in (
        (component(), False, DeliveryState.PENDING),
        (component(dryRun=True), False, DeliveryState.REHEARSED),
        (component(do="notify", dryRun=True), False, DeliveryState.REHEARSED),
        (component(), True, DeliveryState.REHEARSED),
        (component(approval="manual"), True, DeliveryState.REHEARSED),
        (component(do="notify"), True, DeliveryState.PENDING),
    ):
        now = Circumstances(policy=ActionPolicy(dry_run=everywhere))
        due = due_of(declared, *fired(), now, 1)
        assert due is not None
        assert due.state is state


def test_an_approval_has_an_end() -> None:
    """A day, or as long as the action itself makes sense."""
    for kind, latest_us in (("retrain", APPROVAL_US), ("rollback", ROLLBACK_EXPIRES_US)):
        due = due_of(component(do=kind, approval="manual"), *fired(), CALM, 7)
        assert due is not None
        assert (due.state, due.approve_by_us) == (DeliveryState.HELD, 7 + latest_us)


def fired() -> tuple[Alert, Decision]:
    seen = Observation(0, 0, 10, (Judgement("age", Status.BREACH, 0, "f", "words"),))
    return step(Alert(KEY), seen, Rule(1, 1, 1), now_us=1)
