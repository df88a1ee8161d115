"""COMPAS: known figures of accuracy, and the scores that are calibrated and unequal in errors."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from detectors.fairness.family import make_fairness
from governance.event import Column, EventBatch
from governance.finding import Status, Verdict
from tests.detectors.scenes import component, judging, pane, shared_folder, view

RACES = ("African-American", "Caucasian")
METRICS = (
    "accuracy_score_difference",
    "calibration_within_groups_difference",
    "false_positive_rate_difference",
)


@pytest.fixture(scope="module")
def defendants() -> EventBatch:
    """6,150 black and white defendants; the decile is read as the middle of a tenth."""
    with (shared_folder() / "data" / "compas" / "compas_counts.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["race"] in RACES]
    counts = [int(row["count"]) for row in rows]
    read = {
        "group.race": [RACES.index(row["race"]) for row in rows],
        "favourable": [row["score_text"] != "Low" for row in rows],
        "label": [row["two_year_recid"] == "1" for row in rows],
    }
    columns = {name: Column(np.repeat(v, counts).astype(np.int8)) for name, v in read.items()}
    score = (np.array([int(row["decile_score"]) for row in rows]) - 0.5) / 10
    columns["score"] = Column(np.repeat(score, counts))
    return EventBatch("1", sum(counts), columns)


@pytest.fixture(scope="module")
def verdicts(defendants: EventBatch) -> dict[str, Verdict]:
    governance = judging(thresholds=dict.fromkeys(METRICS, 0.1), groups=["race"])
    detector = make_fairness(component(governance=governance), None)
    assert detector is not None
    looked = view([pane(detector, defendants, defendants)], vocabulary={"race": RACES})
    return {verdict.check: verdict for verdict in detector.judge(looked)}


def test_accuracy_is_the_published_one(verdicts: dict[str, Verdict]) -> None:
    """63.8 % of black and 67.0 % of white defendants (Dressel & Farid 2018, table 2): no breach."""
    found = verdicts["accuracy_score_difference"]
    rates = {group.group: round(100 * (group.rate or 0), 1) for group in found.groups}
    assert rates == {"African-American": 63.8, "Caucasian": 67.0}
    assert found.status is Status.OK


def test_scores_are_calibrated_and_errors_are_not_equal(verdicts: dict[str, Verdict]) -> None:
    """Chouldechova 2017: a score means about the same for both, false positives differ by .21."""
    assert verdicts["calibration_within_groups_difference"].status is Status.OK
    assert (verdicts["calibration_within_groups_difference"].value or 1) < 0.1
    assert verdicts["false_positive_rate_difference"].status is Status.BREACH
    assert verdicts["false_positive_rate_difference"].value == pytest.approx(0.2139, abs=5e-5)
