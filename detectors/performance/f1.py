"""F1: the harmonic mean of precision and recall.

F1 = 2 TP / (2 TP + FP + FN) is increasing in the share j = TP / (TP + FP + FN) (Jaccard's index):
F1 = 2 j / (1 + j). Given how many events are not true negatives, TP is binomial,
so its exact limits carry over.
"""

from __future__ import annotations

from detectors.outcome_table import FAVOURABLE, UNFAVOURABLE, Arrival, Rate
from detectors.performance.measure import share_measure
from governance.component.metrics import RateCheck


def _f1(jaccard: float) -> float:
    return 2 * jaccard / (1 + jaccard)


F1 = share_measure(
    RateCheck.F1,
    Rate(
        name="jaccard",
        success=((FAVOURABLE, FAVOURABLE),),
        whole=(
            (UNFAVOURABLE, FAVOURABLE),
            (FAVOURABLE, UNFAVOURABLE),
            (FAVOURABLE, FAVOURABLE),
        ),
        denominator="labelled events that are not true negatives",
        fragile=Arrival.INCOMPLETE,
    ),
    _f1,
)
