"""Jensen-Shannon distance, base 2: in [0, 1], also where a category vanishes or appears."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.stats.effect import Effect, chi_square_effect

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.stats.ragged import Ragged

LN2 = float(np.log(2))


def jensen_shannon(
    window: NDArray[np.float64],
    p: NDArray[np.float64],
    m: NDArray[np.float64],
    df: NDArray[np.float64],
    bins: Ragged,
) -> Effect:
    """The effect of every window and feature, shape (K, F); parameters as in ``psi``.

    Notes
    -----
    STATISTICS 1.3. Eight times the divergence (in nats) is about chi-square over m, as PSI is.
    """
    n = bins.sum(window)
    q = window / bins.spread(np.where(n > 0, n, 1.0))
    middle = (q + p) / 2
    ratio = np.where(q > 0, q, 1.0) / np.where(q > 0, middle, 1.0)
    nats = bins.sum(q * np.log(ratio) + p * np.log(p / middle)) / 2
    eight = chi_square_effect(8 * np.maximum(0.0, nats), m, df)
    return Effect(_distance(eight.raw), *map(_distance, (eight.value, eight.lower, eight.upper)))


def _distance(eight: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sqrt(eight / (8 * LN2))
