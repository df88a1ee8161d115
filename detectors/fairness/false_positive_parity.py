"""False positive parity: of those who do not deserve it, every group gets the outcome as often.

Also called predictive equality. Source: Corbett-Davies et al. 2017; equal to Fairlearn's
``false_positive_rate_difference`` and ``false_positive_rate_ratio``.
"""

from __future__ import annotations

from detectors.fairness.difference import Difference
from detectors.fairness.metric import Metric
from detectors.fairness.ratio import Ratio
from detectors.outcome_table import FAVOURABLE, UNFAVOURABLE, Arrival, Rate
from governance.component.metrics import FairnessMetric

FALSE_POSITIVE = Rate(
    name="false_positive",
    success=((FAVOURABLE, UNFAVOURABLE),),
    whole=((UNFAVOURABLE, UNFAVOURABLE), (FAVOURABLE, UNFAVOURABLE)),
    denominator="events labelled not favourable",
    fragile=Arrival.BY_DECISION,
)
DIFFERENCE = Metric(FairnessMetric.FALSE_POSITIVE_RATE_DIFFERENCE, Difference(), (FALSE_POSITIVE,))
RATIO = Metric(FairnessMetric.FALSE_POSITIVE_RATE_RATIO, Ratio(), (FALSE_POSITIVE,))
