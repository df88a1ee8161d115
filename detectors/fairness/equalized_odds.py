"""Equalised odds: true and false positive rates are both equal between groups.

The worse of the two comparisons, each bounded at half the error. Source: Hardt, Price & Srebro
2016; equal to Fairlearn's ``equalized_odds_difference`` and ``equalized_odds_ratio`` (worst case).
"""

from __future__ import annotations

from detectors.fairness.difference import Difference
from detectors.fairness.equal_opportunity import TRUE_POSITIVE
from detectors.fairness.false_positive_parity import FALSE_POSITIVE
from detectors.fairness.metric import Metric
from detectors.fairness.ratio import Ratio
from governance.component.metrics import FairnessMetric

_RATES = (TRUE_POSITIVE, FALSE_POSITIVE)
DIFFERENCE = Metric(FairnessMetric.EQUALIZED_ODDS_DIFFERENCE, Difference(), _RATES)
RATIO = Metric(FairnessMetric.EQUALIZED_ODDS_RATIO, Ratio(), _RATES)
