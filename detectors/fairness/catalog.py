"""The fairness metrics by name, as literal imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.fairness import (
    accuracy_parity,
    calibration,
    demographic_parity,
    equal_opportunity,
    equalized_odds,
    false_positive_parity,
    predictive_parity,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from detectors.fairness.metric import Metric
    from governance.component.metrics import FairnessMetric

METRICS: Mapping[FairnessMetric, Metric] = {
    metric.name: metric
    for metric in (
        accuracy_parity.DIFFERENCE,
        accuracy_parity.RATIO,
        calibration.DIFFERENCE,
        demographic_parity.DIFFERENCE,
        demographic_parity.RATIO,
        equal_opportunity.DIFFERENCE,
        equal_opportunity.RATIO,
        equalized_odds.DIFFERENCE,
        equalized_odds.RATIO,
        false_positive_parity.DIFFERENCE,
        false_positive_parity.RATIO,
        predictive_parity.DIFFERENCE,
        predictive_parity.RATIO,
    )
}
