"""Log loss: the mean of -ln(probability that was given to what happened), in nats.

Scores beyond 1e-6 from 0 or 1 are not told apart: no single loss is above 14.9, where scikit-learn
goes up to 36.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.outcome_table import Arrival
from detectors.performance.loss import mean_loss
from detectors.performance.measure import Measure
from detectors.score_bins import bin_means
from governance.component.metrics import RateCheck

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.performance.estimate import Estimate
    from detectors.performance.seen import Seen

    Floats = NDArray[np.float64]


def _read(seen: Seen) -> Estimate | None:
    return mean_loss(_LOSS, seen.usable_scores)


def _x_ln_x(x: Floats) -> Floats:
    return np.asarray(x * np.log(np.where(x > 0, x, 1.0)))


# Antiderivatives of -ln(1 - s) and of -ln s.
_LOSS = np.stack(
    [bin_means(lambda s: _x_ln_x(1 - s) - (1 - s)), bin_means(lambda s: s - _x_ln_x(s))], axis=1
)
LOG_LOSS = Measure(
    RateCheck.LOG_LOSS,
    "labelled events with a score in [0, 1]",
    Arrival.INCOMPLETE,
    _read,
    above=True,
    needs_scores=True,
)
