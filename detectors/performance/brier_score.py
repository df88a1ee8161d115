"""Brier score: the mean squared distance of the score from the label (Brier 1950), in [0, 1]."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.outcome_table import Arrival
from detectors.performance.loss import mean_loss
from detectors.performance.measure import Measure
from detectors.score_bins import bin_means
from governance.component.metrics import RateCheck

if TYPE_CHECKING:
    from detectors.performance.estimate import Estimate
    from detectors.performance.seen import Seen


def _read(seen: Seen) -> Estimate | None:
    return mean_loss(_LOSS, seen.usable_scores)


# Antiderivatives of s^2 and of (1 - s)^2.
_LOSS = np.stack([bin_means(lambda s: s**3 / 3), bin_means(lambda s: -((1 - s) ** 3) / 3)], axis=1)
BRIER_SCORE = Measure(
    RateCheck.BRIER_SCORE,
    "labelled events with a score in [0, 1]",
    Arrival.INCOMPLETE,
    _read,
    above=True,
    needs_scores=True,
)
