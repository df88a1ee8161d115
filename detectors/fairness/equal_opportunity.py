"""Equal opportunity: of those who deserve the favourable outcome, every group gets as many.

Compares true positive rates. Source: Hardt, Price & Srebro 2016; equal to Fairlearn's
``equal_opportunity_difference`` and ``equal_opportunity_ratio``.
"""

from __future__ import annotations

from detectors.fairness.difference import Difference
from detectors.fairness.metric import Metric
from detectors.fairness.ratio import Ratio
from detectors.outcome_table import FAVOURABLE, UNFAVOURABLE, Arrival, Rate
from governance.component.metrics import FairnessMetric

TRUE_POSITIVE = Rate(
    name="true_positive",
    success=((FAVOURABLE, FAVOURABLE),),
    whole=((UNFAVOURABLE, FAVOURABLE), (FAVOURABLE, FAVOURABLE)),
    denominator="events labelled favourable",
    fragile=Arrival.BY_DECISION,
)
DIFFERENCE = Metric(FairnessMetric.EQUAL_OPPORTUNITY_DIFFERENCE, Difference(), (TRUE_POSITIVE,))
RATIO = Metric(FairnessMetric.EQUAL_OPPORTUNITY_RATIO, Ratio(), (TRUE_POSITIVE,))
