"""False alarms of rates against a limit: at the limit at most 1 window in ``falseAlarmEvery``."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from detectors.limit import LimitRule, Share, against_limit
from detectors.trailing import LENGTHS, error_levels
from governance.finding import Status

EVERY, RUNS = 20, 1_500


def breaches(rate: float, limit: float, *, above: bool, size: int) -> int:
    """Breaches in independent ladders of 64 panes with ``size`` events each."""
    rule = LimitRule(limit, above, *error_levels(EVERY, 1))
    panes = np.random.default_rng(4).binomial(size, rate, (RUNS, max(LENGTHS)))
    trailing = np.cumsum(panes[:, ::-1], axis=1)
    ladders = ([Share(k, int(sums[k - 1]), k * size) for k in LENGTHS] for sums in trailing)
    return sum(against_limit(ladder, rule).status is Status.BREACH for ladder in ladders)


@pytest.mark.parametrize(("limit", "above"), [(0.05, True), (0.3, True), (0.9, False)])
def test_false_breaches(limit: float, *, above: bool) -> None:
    """1,500 ladders exactly at the limit breach no more often than 1 in 20 allows (p > .001)."""
    found = breaches(limit, limit, above=above, size=50)
    assert found <= stats.binom.ppf(0.999, RUNS, 1 / EVERY)


def test_real_excess_is_found() -> None:
    """The rule is not silent: 8 % against 5 % breaches in 99 % of ladders."""
    assert breaches(0.08, 0.05, above=True, size=50) >= 0.99 * RUNS
