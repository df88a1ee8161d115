"""Demographic parity: favourable predictions are equally frequent in every group.

Source: Calders, Kamiran & Pechenizkiy 2009; equal to Fairlearn's ``demographic_parity_difference``
and ``demographic_parity_ratio`` where every group is large enough to be kept.
"""

from __future__ import annotations

from detectors.fairness.difference import Difference
from detectors.fairness.metric import Metric
from detectors.fairness.ratio import Ratio
from detectors.outcome_table import FAVOURABLE, UNFAVOURABLE, Arrival, Rate
from governance.component.metrics import FairnessMetric

SELECTION = Rate(
    name="selection",
    success=((FAVOURABLE,),),
    whole=((UNFAVOURABLE,), (FAVOURABLE,)),
    denominator="events with a prediction",
    fragile=Arrival.ANY,
)
DIFFERENCE = Metric(FairnessMetric.DEMOGRAPHIC_PARITY_DIFFERENCE, Difference(), (SELECTION,))
RATIO = Metric(FairnessMetric.DEMOGRAPHIC_PARITY_RATIO, Ratio(), (SELECTION,))
