"""Calibration within groups: a score means the same in every group.

A score is calibrated within a group if, of its members who get about that score, as large a part
is favourable as the score says (Kleinberg, Mullainathan & Raghavan 2016; calibration by group of
Chouldechova 2017 and Pleiss et al. 2017). Compared is the gap of every group in every bin of
scores, gap = favourable share - mean score: the largest difference between two groups in one bin.
It is 0 where all groups are calibrated, and where all are off alike; how far everyone is off is the
calibration error of performance.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from detectors.fairness.difference import Difference
from detectors.fairness.metric import Metric
from detectors.fairness.score_cells import SCORE_BINS, ScoreBin
from governance.component.metrics import FairnessMetric

if TYPE_CHECKING:
    from detectors.fairness.group_rates import GroupRates

_MOST = 1.96**2  # of the variance: what the interval itself allows


class Gap(Difference):
    """``Difference`` whose value is debiased: noise alone makes gaps, and the largest is picked.

    Taken off D^2 is c Var(D), D the difference of two groups in a bin and c what the largest of so
    many squares is by chance: D^2 - Var(D) has the mean of the squared gap of a pair that was named
    beforehand (Kumar, Liang & Ma 2019). Bounds and verdicts do not read the value.
    """

    def point(self, rates: GroupRates) -> float:
        """Over pairs of groups the largest sqrt(max(0, D^2 - c Var(D)))."""
        successes, sizes = rates.evidence
        share = successes / sizes
        variance = share * (1 - share) / np.maximum(sizes - 1, 1)
        gaps = rates.shares[:, None] - rates.shares[None, :]
        noise = variance[:, None] + variance[None, :]
        squared = gaps**2 - largest_square(SCORE_BINS * rates.pairs // 2) * noise
        return float(np.sqrt(max(0.0, squared.max())))


def largest_square(count: int) -> float:
    """About the mean of the largest of ``count`` independent chi-squares of one degree.

    The quantile at 1 - e^-gamma / count (the mean of a Gumbel law), at least 1, which is exact for
    one, and at most 1.96^2, so that a value is never below its own lower bound.
    """
    tail = math.exp(-np.euler_gamma) / count
    return min(max(1.0, NormalDist().inv_cdf(1 - tail / 2) ** 2), _MOST)


DIFFERENCE = Metric(
    FairnessMetric.CALIBRATION_WITHIN_GROUPS_DIFFERENCE,
    Gap(),
    tuple(map(ScoreBin, range(SCORE_BINS))),
    plain=Difference(),
)
