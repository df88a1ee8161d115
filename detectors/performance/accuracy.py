"""Accuracy: the share of labelled events whose prediction was right."""

from __future__ import annotations

from detectors.outcome_table import FAVOURABLE, UNFAVOURABLE, Arrival, Rate
from detectors.performance.measure import share_measure
from governance.component.metrics import RateCheck

RIGHT = Rate(
    name="accuracy",
    success=((UNFAVOURABLE, UNFAVOURABLE), (FAVOURABLE, FAVOURABLE)),
    whole=(
        (UNFAVOURABLE, UNFAVOURABLE),
        (UNFAVOURABLE, FAVOURABLE),
        (FAVOURABLE, UNFAVOURABLE),
        (FAVOURABLE, FAVOURABLE),
    ),
    denominator="labelled events",
    fragile=Arrival.INCOMPLETE,
)
ACCURACY = share_measure(RateCheck.ACCURACY, RIGHT)
