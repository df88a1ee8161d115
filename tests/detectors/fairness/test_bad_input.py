"""Fairness of bad input: a number that holds, or ``insufficient`` with what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detectors.catalog import make_detectors
from detectors.component_state import ComponentState, Position
from detectors.fairness.family import make_fairness
from detectors.reference import build_reference
from detectors.vocabulary import MOST_NAMES, OTHER
from governance.event import Column, EventBatch, LabelBatch
from governance.finding import Status
from tests.detectors.log import ids
from tests.detectors.scenes import component, judging, near

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from governance.component.schema import Component
    from governance.finding import Verdict

PARITY = "demographic_parity_difference"
OPPORTUNITY = "equal_opportunity_difference"
ACCURACY = "accuracy_score_difference"
CALIBRATION = "calibration_within_groups_difference"
METRICS = (PARITY, OPPORTUNITY, ACCURACY, CALIBRATION)
START_US = 1_700_000_000_000_000


def declared(events: int, **signals: Any) -> Component:
    known = {"favourable": {"in": ["1"]}, "label": "column:y", "groups": {"sex": "column:sex"}}
    return component(
        governance=judging(thresholds=dict.fromkeys(METRICS, 0.1)),
        signals={**known, **signals},
        monitoring={"windows": {"events": events}, "labelHorizon": "1h"},
        baseline={"ordered": True},
    )


def people(groups: Sequence[str | None], favourable: ArrayLike, **more: ArrayLike) -> EventBatch:
    """Events as they come from the bus: names of groups, any values of further columns."""
    n = len(groups)
    columns = {
        "event_id": Column(ids(*range(n))),
        "favourable": Column(np.asarray(favourable, dtype=np.int8)),
        "score": Column(np.full(n, 0.7)),
        "group.sex": Column.encode(list(groups)),
        **{name: Column(np.asarray(values, dtype=np.float64)) for name, values in more.items()},
    }
    return EventBatch("1", n, columns)


def judged(
    batch: EventBatch,
    labels: Sequence[str] | None = None,
    *,
    reference: EventBatch | None = None,
    **signals: Any,
) -> dict[str, Verdict]:
    """The last verdicts by metric, from events and labels to the end of the log."""
    spec = declared(batch.n, **signals)
    known = None if reference is None else build_reference(reference, spec)
    state = ComponentState(spec, known, make_detectors)
    findings = state.events(batch, Position(0, START_US))
    if labels is not None:
        columns = {"event_id": batch.columns["event_id"], "label": Column.encode(list(labels))}
        findings += state.labels(LabelBatch(batch.n, columns), Position(1, START_US + 1))
    findings += state.finish()
    return {f.verdict.check: f.verdict for f in findings if f.verdict.check in METRICS}


def test_groups_that_appear_after_the_reference() -> None:
    """A group that no reference row had is judged as any other."""
    half = ["f", "m"] * 1_000
    reference = people(half, np.arange(2_000) % 3 == 0)
    groups = ["f", "x"] * 200
    found = judged(people(groups, np.tile([1, 0], 200)), reference=reference)[PARITY]
    assert (found.status, found.value) == (Status.BREACH, 1)
    assert {g.group for g in found.groups} == {"f", "x"}


def test_labels_outside_favourable_and_not() -> None:
    """With a declared favourable label anything else is not favourable; missing is no label."""
    batch = people(["f", "m"] * 200, np.ones(400))
    labels = ["1", "maybe"] * 100 + ["", "7"] * 100
    found = judged(batch, labels)[OPPORTUNITY]
    assert found.status is Status.INSUFFICIENT
    assert "groups_too_small" in found.reason
    assert "f 100" in found.reason


def test_labels_of_which_none_is_favourable() -> None:
    """Nothing to compare: insufficient says which groups have how many labelled favourable."""
    found = judged(people(["f", "m"] * 200, np.ones(400)), ["0"] * 400)
    assert found[OPPORTUNITY].status is Status.INSUFFICIENT
    assert "labelled favourable" in found[OPPORTUNITY].reason
    assert found[ACCURACY].status is Status.OK


@pytest.mark.parametrize("weight", [0.0, -3.0, np.nan, np.inf, 1e300])
def test_weights_that_are_no_sampling_probability(weight: float) -> None:
    """No weight stands for less than one event or more than 10,000; verdicts stay finite."""
    batch = people(["f", "m"] * 200, np.tile([1, 0, 0, 1], 100), weight=np.full(400, weight))
    found = judged(batch, ["1", "0"] * 200)
    for verdict in found.values():
        numbers = (verdict.value, verdict.lower, verdict.upper, verdict.effective_events)
        assert all(number is None or np.isfinite(number) for number in numbers)
    assert found[PARITY].value == near(0)


def test_one_huge_weight_is_no_evidence() -> None:
    """One event of 10^9 in 200 would make the rate alone: its group is worth one event."""
    weight = np.ones(400)
    weight[1] = 1e9
    favourable = np.zeros(400)
    favourable[1] = 1
    found = judged(people(["f", "m"] * 200, favourable, weight=weight))[PARITY]
    assert found.status is Status.INSUFFICIENT
    assert "(f 200, m 1.04)" in found.reason


def test_a_hundred_thousand_groups() -> None:
    """10^5 distinct values: the first names are groups, the rest is one, and it is said."""
    n = 100_000
    batch = people([f"user {number}" for number in range(n)], np.arange(n) % 2)
    spec = declared(n)
    state = ComponentState(spec, None, make_detectors)
    findings = state.events(batch, Position(0, START_US))
    (found,) = [f.verdict for f in findings if f.verdict.check == PARITY]
    assert found.status is Status.INSUFFICIENT
    assert f"{OTHER} {n - MOST_NAMES:.4g}" in found.reason
    assert len(found.reason) < 500
    assert state.counts["groups_pooled"] == n - MOST_NAMES


def test_one_group_alone() -> None:
    """One group is compared with nobody: insufficient names it."""
    found = judged(people(["f"] * 400, np.ones(400)))[PARITY]
    assert found.status is Status.INSUFFICIENT
    assert found.reason == (
        "groups_too_small: fewer than two groups have 30 events with a prediction (f 400)"
    )


def test_nobody_in_a_group() -> None:
    """Groups that are missing throughout: insufficient says that none was seen."""
    found = judged(people([None] * 400, np.ones(400)))[PARITY]
    assert (found.status, "no group was seen" in found.reason) == (Status.INSUFFICIENT, True)


def test_no_groups_declared() -> None:
    """A limit without attributes: insufficient says where to declare them."""
    found = judged(people(["f", "m"] * 200, np.ones(400)), groups={})
    assert {verdict.status for verdict in found.values()} == {Status.INSUFFICIENT}
    assert all("spec.signals.groups" in verdict.reason for verdict in found.values())


def test_nothing_asked_is_nothing_said() -> None:
    """Neither limits nor metrics: there is no detector."""
    assert make_fairness(component(), None) is None
