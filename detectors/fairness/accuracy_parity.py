"""Accuracy parity: predictions are right equally often in every group.

Also called overall accuracy equality. Source: Berk et al. 2018; equal to Fairlearn's derived
``accuracy_score_difference`` and ``accuracy_score_ratio``. As accuracy itself it survives neither
labels that come sooner for one truth nor labels that come sooner for one decision.
"""

from __future__ import annotations

from detectors.fairness.difference import Difference
from detectors.fairness.metric import Metric
from detectors.fairness.ratio import Ratio
from detectors.performance.accuracy import RIGHT
from governance.component.metrics import FairnessMetric

DIFFERENCE = Metric(FairnessMetric.ACCURACY_SCORE_DIFFERENCE, Difference(), (RIGHT,))
RATIO = Metric(FairnessMetric.ACCURACY_SCORE_RATIO, Ratio(), (RIGHT,))
