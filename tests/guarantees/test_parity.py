"""False alarms of fairness: at equal groups at most one window in ``falseAlarmEvery`` breaches.

The hardest case is simulated: the threshold is 0, so that the bounds alone must hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from detectors.base import Pane
from detectors.fairness.family import make_fairness
from governance.finding import Status
from tests.detectors.scenes import HOUR_US, component, judging, view

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from detectors.base import Detector, WindowView
    from governance.finding import Verdict

EVERY = 20  # the smallest that can be declared: most false alarms, so that few runs show them
PANES, RUNS = 64, 800
CELLS = "fairness.race.predictions"
METRICS = ("demographic_parity_difference", "demographic_parity_ratio")


def ladders(rates: Sequence[float], sizes: Sequence[int], runs: int) -> Iterator[WindowView]:
    """Independent ladders: 64 panes, in each ``sizes`` events per group selected at ``rates``."""
    rng = np.random.default_rng(20)
    names = {"race": tuple(f"group {number}" for number in range(len(sizes)))}
    for _ in range(runs):
        selected = rng.binomial(sizes, rates, (PANES, len(sizes)))
        cells = np.zeros((PANES, len(sizes) + 2, 3), dtype=np.int64)
        cells[:, 2:, 2], cells[:, 2:, 1] = selected, np.array(sizes) - selected
        yield view(
            [
                Pane(i, i * HOUR_US, (i + 1) * HOUR_US, sum(sizes), {CELLS: counts})
                for i, counts in enumerate(cells)
            ],
            vocabulary=names,
        )


def verdicts(
    metric: str, threshold: float, rates: Sequence[float], sizes: Sequence[int], runs: int = RUNS
) -> list[Verdict]:
    detector = parity(metric, threshold, EVERY)
    return [verdict for look in ladders(rates, sizes, runs) for verdict in detector.judge(look)]


def parity(metric: str, threshold: float, every: int) -> Detector:
    declared = component(
        governance=judging(thresholds={metric: threshold}, groups=["race"]),
        monitoring={"falseAlarmEvery": every},
    )
    detector = make_fairness(declared, None)
    assert detector is not None
    return detector


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("sizes", [(20, 60, 200), (5, 5, 5)])
def test_false_breaches(metric: str, sizes: tuple[int, ...]) -> None:
    """800 ladders of equal groups hold no more false breaches than 1 in 20 allows (p > .001)."""
    threshold = 1.0 if metric.endswith("_ratio") else 0.0
    judged = verdicts(metric, threshold, (0.3, 0.3, 0.3), sizes)
    breaches = sum(verdict.status is Status.BREACH for verdict in judged)
    assert breaches <= stats.binom.ppf(0.999, RUNS, 1 / EVERY)


def test_real_differences_are_found() -> None:
    """The rule is not silent: a difference of .2 against .1 breaches in 99 % of ladders."""
    judged = verdicts(METRICS[0], 0.1, (0.3, 0.4, 0.5), (30, 30, 30), runs=200)
    assert np.mean([verdict.status is Status.BREACH for verdict in judged]) >= 0.99


def test_intervals_hold_the_truth() -> None:
    """Both display bounds of equal and unequal groups hold in at least 95 % of 400 ladders."""
    for rates in ((0.3, 0.3, 0.3), (0.25, 0.3, 0.42)):
        truth = max(rates) - min(rates)
        judged = verdicts(METRICS[0], 0.9, rates, (40, 60, 200), runs=400)
        held = [(v.lower or 0) <= truth <= (v.upper or 0) for v in judged]
        assert np.mean(held) >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(50, 50), (5, 20, 100), (2, 2, 5, 5, 10, 10, 20, 20, 50, 50)])
def test_ten_thousand_ladders_of_equal_groups(sizes: tuple[int, ...]) -> None:
    """Threshold .1, 2 to 10 groups, small ones among them: at most 1 breach at 1 in 1,000."""
    detector = parity(METRICS[0], 0.1, 1_000)
    looks = ladders((0.3,) * len(sizes), sizes, 10_000)
    statuses = [verdict.status for look in looks for verdict in detector.judge(look)]
    assert len(statuses) == 10_000
    assert statuses.count(Status.BREACH) <= 1
    assert Status.INSUFFICIENT not in statuses
