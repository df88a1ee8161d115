"""Accuracy parity and calibration within groups: few false breaches, bounds that hold.

STATISTICS 3.6. Groups are equal in the hardest way: calibrated, with scores that differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from benchmarks.tables import parity_labels
from benchmarks.tables.parity_labels import (
    ACCURACY,
    CALIBRATION,
    COVERED,
    NEW,
    SIZES,
    Truth,
    breaches,
    covered,
    shown,
)
from detectors.fairness.difference import Difference
from detectors.fairness.since_rollout import AnytimeRates
from tests.guarantees.page import show

if TYPE_CHECKING:
    from governance.component.metrics import FairnessMetric

EVERY, RUNS = 20, 100


@pytest.mark.parametrize("metric", NEW)
def test_false_breaches(metric: FairnessMetric) -> None:
    """100 ladders of three equal groups, no limit: no more breaches than 1 in 20 allows."""
    threshold = 1.0 if metric.value.endswith("_ratio") else 0.0
    found = breaches(metric, Truth(SIZES["3 of 5, 20, 100"]), threshold, EVERY, RUNS)
    assert found <= stats.binom.ppf(0.999, RUNS, 1 / EVERY)


@pytest.mark.parametrize("metric", [ACCURACY, CALIBRATION])
def test_real_differences_are_found(metric: FairnessMetric) -> None:
    """One of three groups is off by .3: in breach of .1 in 29 of 30 ladders at least."""
    truth = Truth((100, 100, 100), (0.0, 0.0, -0.3))
    assert breaches(metric, truth, 0.1, 1_000, 30) >= 29


@pytest.mark.parametrize("metric", [ACCURACY, CALIBRATION])
@pytest.mark.parametrize("name", COVERED)
def test_bounds_hold(metric: FairnessMetric, name: str) -> None:
    """150 windows: both bounds hold the true difference in 95 %, within chance."""
    held, _, _ = covered(shown(metric, COVERED[name], 150), COVERED[name])
    assert held >= stats.binom.ppf(0.001, 150, 0.95) / 150


def test_the_value_is_nearer_to_the_truth_than_the_raw_one() -> None:
    """Calibrated groups of 200: the raw gap is .1 by chance, the value a third of it."""
    truth = COVERED["3 equal, 200 each"]
    _, raw, value = covered(shown(CALIBRATION, truth, 150), truth)
    assert raw > 0.1
    assert value < raw / 2


@pytest.mark.slow
@pytest.mark.parametrize("groups", [2, 10])
def test_since_rollout_holds_at_every_time(groups: int) -> None:
    """100 rollouts of 60 windows, equal groups: no more than 1 in 20 ever claims a difference."""
    rng, false = np.random.default_rng(3), 0
    for _ in range(100):
        seen = rng.binomial(30, 0.3, (60, groups)).cumsum(axis=0).astype(float)
        looks = (AnytimeRates(s, np.full(groups, 30.0 * (t + 1))) for t, s in enumerate(seen))
        false += any(Difference().bounds(rates)[0] > 0 for rates in looks)
    assert false <= 100 / 20


@pytest.mark.slow
@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("metric", NEW)
def test_ten_thousand_ladders_of_equal_groups(metric: FairnessMetric, name: str) -> None:
    """Limit .1 (ratio .8), 2 to 10 groups, small ones among them: at most 1 breach."""
    threshold = 0.8 if metric.value.endswith("_ratio") else 0.1
    assert breaches(metric, Truth(SIZES[name]), threshold, 1_000, 10_000) <= 1


@pytest.mark.slow
def test_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    """1,000 ladders and windows a case: no breach of a limit, bounds hold in 95 %."""
    calm, held = parity_labels.table(), parity_labels.coverage()
    show(capsys, calm, held)
    assert all(strict <= 0.05 and usual <= 0.001 for strict, usual in calm.numbers)
    assert all(share >= 0.95 for _, share, *_ in held.numbers)
