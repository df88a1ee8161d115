"""Population stability index: sum of (q - p) ln(q / p) over coarse bins.

Read it as "at least" below five expected rows per bin, and prefer Jensen-Shannon there: the value
of a vanished or new category depends on the window's size (STATISTICS 3.5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.stats.effect import Effect, chi_square_effect

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.stats.ragged import Ragged


def psi(
    window: NDArray[np.float64],
    p: NDArray[np.float64],
    m: NDArray[np.float64],
    df: NDArray[np.float64],
    bins: Ragged,
) -> Effect:
    """The effect of every window and feature, shape (K, F).

    Parameters
    ----------
    window
        Coarse counts of the windows, shape (K, bins).
    p
        Smoothed shares of the reference, shape (bins,).
    m
        Effective sizes, shape (K, F).
    df
        Degrees of freedom of the reference, shape (F,).
    bins
        The features.

    Notes
    -----
    STATISTICS 1.3. Half a row is added to every bin of window and reference.
    """
    size = np.array(bins.sizes)
    q = (window + 0.5) / bins.spread(bins.sum(window) + size / 2)
    return chi_square_effect(bins.sum((q - p) * np.log(q / p)), m, df)
