"""Calibration within groups: a score means the same in every group.

A score is calibrated within a group if, of its members who get about that score, as large a part
is favourable as the score says (Kleinberg, Mullainathan & Raghavan 2016; calibration by group of
Chouldechova 2017 and Pleiss et al. 2017). Compared is the gap of every group in every bin of
scores, gap = favourable share - mean score: the largest difference between two groups in one bin.
It is 0 where all groups are calibrated, and where all are off alike; how far everyone is off is the
calibration error of performance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.fairness.difference import Difference
from detectors.fairness.metric import Metric
from detectors.fairness.score_cells import SCORE_BINS, ScoreBin
from governance.component.metrics import FairnessMetric

if TYPE_CHECKING:
    from detectors.fairness.group_rates import GroupRates


class Gap(Difference):
    """``Difference`` whose value is debiased: noise alone makes gaps in every bin.

    D^2 - Var(D) has the mean of the true squared gap, D the difference of two groups (the debiased
    estimator of Kumar, Liang & Ma 2019, bin by bin). Bounds and verdicts do not read the value.
    """

    def point(self, rates: GroupRates) -> float:
        """Over pairs of groups the largest sqrt(max(0, D^2 - Var(D)))."""
        successes, sizes = rates.evidence
        share = successes / sizes
        variance = share * (1 - share) / np.maximum(sizes - 1, 1)
        gaps = rates.shares[:, None] - rates.shares[None, :]
        squared = gaps**2 - variance[:, None] - variance[None, :]
        return float(np.sqrt(max(0.0, squared.max())))


DIFFERENCE = Metric(
    FairnessMetric.CALIBRATION_WITHIN_GROUPS_DIFFERENCE,
    Gap(),
    tuple(map(ScoreBin, range(SCORE_BINS))),
    plain=Difference(),
)
