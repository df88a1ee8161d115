"""Fairness over many windows: rare false breaches, soon ones of real differences.

STATISTICS 3.6. Two groups of 50 events a pane, threshold .1.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmarks.tables import compas
from benchmarks.tables import parity as groups
from benchmarks.tables.parity import CASES, Case, bounds
from benchmarks.tables.parity_time import (
    EVENTS,
    EVERY,
    THRESHOLD,
    breaches,
    delays,
    panes,
    sequence_bounds,
    table,
)
from detectors.fairness.difference import Difference
from detectors.fairness.group_rates import GroupRates
from detectors.fairness.parity import Rule, Window, parity
from detectors.trailing import LENGTHS, error_levels
from governance.finding import Status
from tests.guarantees.page import show

RULE = Rule(Difference(), THRESHOLD, 30, *error_levels(EVERY, 1))


def slow_breach(successes: np.ndarray) -> bool:
    """The rule itself on the panes of one run, shape (T, 2)."""
    ladder = (
        Window(
            k, (GroupRates(successes[-k:].sum(axis=0).astype(float), np.full(2, k * EVENTS * 1.0)),)
        )
        for k in LENGTHS
        if k <= len(successes)
    )
    return parity(ladder, RULE).status is Status.BREACH


def test_many_runs_at_once_equal_one_by_one() -> None:
    """The fast rule of the tables gives what ``parity`` gives on every pane."""
    drawn = panes(np.random.default_rng(16), 0.2, 6)[:, :40]
    fast = breaches(drawn)
    slow = [[slow_breach(run[: newest + 1]) for newest in range(40)] for run in drawn]
    assert fast.any()
    np.testing.assert_array_equal(fast, slow)


@pytest.mark.parametrize("difference", [0.0, 0.1])
def test_false_breaches(difference: float) -> None:
    """100 runs below and at the threshold: panes in breach within one in a thousand."""
    found = breaches(panes(np.random.default_rng(17), difference, 100))
    assert found.sum() <= stats.binom.ppf(0.999, found.size, 1 / EVERY)


def test_real_differences_are_found_soon() -> None:
    """.3 against .1 within 8 panes of 50 events in the mean of 100 runs."""
    found = breaches(panes(np.random.default_rng(18), 0.3, 100))
    assert found.any(axis=1).all()
    assert found.argmax(axis=1).mean() + 1 <= 8


def test_the_confidence_sequence_holds_throughout() -> None:
    """50 runs of 200 panes: the difference's bounds hold at every pane in 95 % of the runs."""
    lower, upper = sequence_bounds(panes(np.random.default_rng(19), 0.2, 50))
    held = ((lower <= 0.2) & (upper >= 0.2)).all(axis=1)
    assert held.sum() >= stats.binom.ppf(0.001, 50, 0.95)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bounds_know_that_the_pair_was_picked(case: Case) -> None:
    """300 windows of 2 to 10 groups: both bounds hold in 95 %, the ratio's too."""
    found = bounds(case, 300)
    assert min(found.covered, found.ratio_covered) >= stats.binom.ppf(0.001, 300, 0.95) / 300


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_claims_of_groups(case: Case) -> None:
    """10,000 windows: bounds hold in 95 %, claims at 1e-3 are false no more often than that."""
    found = bounds(case, 10_000)
    assert min(found.covered, found.ratio_covered) >= 0.95
    assert found.claims * 10_000 <= stats.binom.ppf(0.999, 10_000, groups.CLAIM_ERROR)


@pytest.mark.slow
def test_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    """400 runs: at the threshold 1 pane in 1,000 at most; the sequence holds in 95 %."""
    calm, soon = table(), delays()
    show(capsys, groups.table(), calm, soon, compas.table(), compas.differences())
    assert all(in_breach <= 1 / EVERY for _, in_breach, *_ in calm.numbers)
    assert all(held >= 0.95 for *_, held in soon.numbers)
    assert calm.numbers[0][1] == 0
