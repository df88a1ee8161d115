"""The fairness detector on ProPublica's COMPAS table, against published and golden figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.fairness.family import make_fairness
from governance.component.metrics import FairnessMetric
from governance.event import Column, EventBatch
from tests.detectors.scenes import component, judging, near, pane, view

if TYPE_CHECKING:
    from governance.finding import Verdict

GOLDEN = json.loads(Path(__file__).with_name("compas.json").read_text())
EXPECTED = {row["name"]: row for row in GOLDEN["expected"]}
METRICS = {
    "selection": FairnessMetric.DEMOGRAPHIC_PARITY_DIFFERENCE,
    "true_positive": FairnessMetric.EQUAL_OPPORTUNITY_DIFFERENCE,
    "false_positive": FairnessMetric.FALSE_POSITIVE_RATE_DIFFERENCE,
    "positive_predictive_value": FairnessMetric.PREDICTIVE_PARITY_DIFFERENCE,
}


def defendants(races: tuple[str, ...]) -> EventBatch:
    """One event per defendant of these races; a medium or high score is the prediction 1."""
    rows = [row for row in GOLDEN["counts"] if row[0] in races]
    repeat = [row[3] for row in rows]
    race = np.repeat(np.array([races.index(row[0]) for row in rows], np.int32), repeat)
    prediction = np.repeat(np.array([row[1] for row in rows], np.int8), repeat)
    label = np.repeat(np.array([row[2] for row in rows], np.int8), repeat)
    columns = {
        "group.race": Column(race, races),
        "favourable": Column(prediction),
        "label": Column(label),
    }
    return EventBatch("1", len(race), columns)


def judged(metric: FairnessMetric, races: tuple[str, ...]) -> Verdict:
    governance = judging(thresholds={metric.value: 0.1}, groups=["race"])
    detector = make_fairness(component(governance=governance), None)
    assert detector is not None
    people = defendants(races)
    panes = [pane(detector, people, people)]
    (verdict,) = detector.judge(view(panes, vocabulary={"race": races}))
    return verdict


@pytest.mark.parametrize("name", EXPECTED)
def test_rates_bounds_and_status(name: str) -> None:
    """Every rate, interval, difference and status on the real table agrees to 1e-9."""
    row = EXPECTED[name]
    verdict = judged(METRICS[row["rate"]], tuple(group["group"] for group in row["groups"]))
    kept = [group for group in row["groups"] if group["kept"]]
    assert verdict.status.value == row["status"]
    assert (verdict.value, verdict.lower, verdict.upper) == (
        near(row["point"]),
        near(row["lower"]),
        near(row["upper"]),
    )
    assert [(g.group, g.events, g.rate, g.lower, g.upper) for g in verdict.groups] == [
        (g["group"], g["n"], near(g["rate"]), near(g["lower"]), near(g["upper"])) for g in kept
    ]


@pytest.mark.parametrize("name", EXPECTED)
def test_groups_left_out_are_named(name: str) -> None:
    """A group whose denominator is below 30 is named in the reason with its size."""
    row = EXPECTED[name]
    verdict = judged(METRICS[row["rate"]], tuple(group["group"] for group in row["groups"]))
    left_out = [f"{g['group']} {g['n']}" for g in row["groups"] if not g["kept"]]
    assert ("left_out: " in verdict.reason) == bool(left_out)
    assert all(named in verdict.reason for named in left_out)


def test_false_positives_as_published() -> None:
    """False positives are ProPublica's 805 of 1,795 and 349 of 1,488: 44.85 % and 23.45 %."""
    verdict = judged(
        FairnessMetric.FALSE_POSITIVE_RATE_DIFFERENCE, ("African-American", "Caucasian")
    )
    rates = [round(100 * (group.rate or 0), 2) for group in verdict.groups]
    assert rates == [44.85, 23.45]
