"""Predictive parity: a favourable prediction is right equally often in every group.

Compares positive predictive values (precision). Source: Chouldechova 2017.
"""

from __future__ import annotations

from detectors.fairness.difference import Difference
from detectors.fairness.metric import Metric
from detectors.fairness.ratio import Ratio
from detectors.outcome_table import FAVOURABLE, UNFAVOURABLE, Arrival, Rate
from governance.component.metrics import FairnessMetric

PREDICTIVE_VALUE = Rate(
    name="positive_predictive_value",
    success=((FAVOURABLE, FAVOURABLE),),
    whole=((FAVOURABLE, UNFAVOURABLE), (FAVOURABLE, FAVOURABLE)),
    denominator="labelled events predicted favourable",
    fragile=Arrival.INCOMPLETE,
)
DIFFERENCE = Metric(FairnessMetric.PREDICTIVE_PARITY_DIFFERENCE, Difference(), (PREDICTIVE_VALUE,))
RATIO = Metric(FairnessMetric.PREDICTIVE_PARITY_RATIO, Ratio(), (PREDICTIVE_VALUE,))
