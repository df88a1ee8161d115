"""The performance measures, as literal imports: a new one is one file and one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.performance.accuracy import ACCURACY
from detectors.performance.balanced_accuracy import BALANCED_ACCURACY
from detectors.performance.brier_score import BRIER_SCORE
from detectors.performance.expected_calibration_error import EXPECTED_CALIBRATION_ERROR
from detectors.performance.f1 import F1
from detectors.performance.log_loss import LOG_LOSS
from detectors.performance.mean_absolute_error import MEAN_ABSOLUTE_ERROR
from detectors.performance.mean_error import MEAN_ERROR
from detectors.performance.precision import PRECISION
from detectors.performance.recall import RECALL
from detectors.performance.roc_auc import ROC_AUC
from detectors.performance.root_mean_squared_error import ROOT_MEAN_SQUARED_ERROR
from governance.component.metrics import RateCheck

if TYPE_CHECKING:
    from collections.abc import Mapping

    from detectors.performance.measure import Measure

MEASURES: tuple[Measure, ...] = (
    ACCURACY,
    BALANCED_ACCURACY,
    PRECISION,
    RECALL,
    F1,
    ROC_AUC,
    LOG_LOSS,
    BRIER_SCORE,
    EXPECTED_CALIBRATION_ERROR,
    MEAN_ABSOLUTE_ERROR,
    ROOT_MEAN_SQUARED_ERROR,
    MEAN_ERROR,
)

ESTIMATES: Mapping[RateCheck, Measure] = {
    RateCheck.ESTIMATED_ACCURACY: ACCURACY,
    RateCheck.ESTIMATED_PRECISION: PRECISION,
    RateCheck.ESTIMATED_RECALL: RECALL,
    RateCheck.ESTIMATED_F1: F1,
    RateCheck.ESTIMATED_ROC_AUC: ROC_AUC,
}
"""What is estimated without labels, and the measure that it estimates."""
