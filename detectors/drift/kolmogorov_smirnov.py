"""Kolmogorov-Smirnov distance: the largest gap between two distribution functions, in [0, 1]."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.stats.effect import Effect, Z

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.drift.gap import Gap
    from detectors.stats.ragged import Ragged

SLACK = 1e-12
NULL_MEAN_SQUARE = np.pi**2 / 12  # of sqrt(m) K where nothing changed
LEAST_VARIANCE = 0.1


def kolmogorov_smirnov(
    window: NDArray[np.float64],
    reference: NDArray[np.float64],
    m: NDArray[np.float64],
    bins: Ragged,
) -> Effect:
    """The effect of every window and feature, shape (K, F).

    Parameters
    ----------
    window
        Fine counts of finite rows, shape (K, bins); each feature of each window has some.
    reference
        The same of the reference, shape (bins,).
    m
        Effective sizes from finite rows, shape (K, F).
    bins
        The features.

    Notes
    -----
    STATISTICS 1.3. Of equal maxima the first edge gives the variance.
    """
    below = bins.cumsum(window / bins.spread(bins.sum(window)))
    gap = np.abs(below - bins.cumsum(reference / bins.spread(bins.sum(reference))))
    raw = bins.max(gap)
    here = np.where(gap >= bins.spread(raw) - SLACK, np.arange(gap.shape[-1]), gap.shape[-1])
    share = np.take_along_axis(below, bins.min(here), axis=-1)
    return gap_effect(raw, share * (1 - share), NULL_MEAN_SQUARE, m)


def fine_kolmogorov_smirnov(gap: Gap, m: NDArray[np.float64]) -> Effect:
    """The effect from rows and places in pieces, shape (K, F): the gap inside them as well."""
    size = np.abs(gap.after)
    here = (size >= size.max(axis=-1, keepdims=True) - SLACK).argmax(axis=-1)
    below = np.cumsum(gap.share, axis=-1)
    share = np.take_along_axis(below, here[..., None], axis=-1)[..., 0]
    return gap_effect(gap.largest(), share * (1 - share), NULL_MEAN_SQUARE, m)


def gap_effect(
    raw: NDArray[np.float64],
    variance: NDArray[np.float64],
    null_mean_square: NDArray[np.float64] | float,
    m: NDArray[np.float64],
) -> Effect:
    """A gap between two shares: its bias of ``null_mean_square / m`` taken off, its interval."""
    half = Z * np.sqrt(np.maximum(variance, LEAST_VARIANCE) / m)
    value = np.sqrt(np.maximum(0.0, raw**2 - null_mean_square / m))
    return Effect(raw, value, np.maximum(0.0, value - half), raw + half)
