"""Evidence against "nothing changed": e-values of counts, as natural logarithms.

STATISTICS 1.2 and 1.3. Two bets are averaged: that the shares became anything near or far (a
Dirichlet-multinomial mixture), and, where bins have an order, that they tilted or spread along it.
An e-value of 1,000 is seen at most once in 1,000 windows in which nothing changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import gammaln, ndtri

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.stats.ragged import Ragged

    Floats = NDArray[np.float64]

CONCENTRATIONS = (0.05, 0.2, 0.8)  # of the mixture: c = (B - 1) / each
TILTS = (0.1, -0.1, 0.2, -0.2, 0.4, -0.4, 0.8, -0.8)
SPREADS = (0.15, -0.15, 0.3, -0.3, 0.6, -0.6)
LOG_E_CAP = 600.0  # an e-value is capped before it is added up


@dataclass(frozen=True, slots=True)
class Null:
    """What the reference says about the shares of every bin, with all that evidence needs of it.

    ``p`` is smoothed. ``llr`` has a row per bin and a column per tilt and spread, zero for
    features without order. ``ordered`` is per feature.
    """

    bins: Ragged
    p: Floats
    log_p: Floats
    base: Floats
    c: Floats  # (3, F)
    log_gamma_base: Floats  # (3, F): sum over bins of lgamma(c base)
    llr: Floats  # (bins, 14)
    ordered: NDArray[np.bool_]


def smoothed(counts: NDArray[Any], bins: Ragged) -> Floats:
    """Shares of the reference with half a row in every bin, shape (bins,)."""
    size = np.array(bins.sizes)
    half_rows: Floats = (counts + 0.5) / bins.spread(bins.sum(counts) + size / 2)
    return half_rows


def make_null(counts: NDArray[Any], bins: Ragged, ordered_bins: tuple[int, ...]) -> Null:
    """Constants of the reference.

    Parameters
    ----------
    counts
        Coarse counts of the reference, shape (bins,).
    bins
        The features; each has at least two bins.
    ordered_bins
        Per feature the number of leading bins that have an order (the finite ones); 0 = none.
    """
    p = smoothed(counts, bins)
    size = np.array(bins.sizes, dtype=np.float64)
    base = 0.9 * p + 0.1 / bins.spread(size)
    c = (size - 1) / np.array(CONCENTRATIONS)[:, None]
    llr = np.zeros((len(p), len(TILTS) + len(SPREADS)))
    for feature, finite in enumerate(ordered_bins):
        if finite:
            llr[bins.slice(feature)] = tilt_matrix(p[bins.slice(feature)], finite)
    return Null(
        bins,
        p,
        np.log(p),
        base,
        c,
        bins.sum(gammaln(bins.spread(c) * base)),
        llr,
        np.array(ordered_bins) > 0,
    )


def tilt_matrix(p: Floats, finite: int) -> Floats:
    """Log-likelihood ratios of 14 tilts and spreads against p, shape (B, 14).

    The first ``finite`` of the B bins have an order; the others (missing, non-finite) score 0.
    """
    inner = p[:finite] / p[:finite].sum()
    location = _standardised(ndtri(np.cumsum(inner) - inner / 2), inner)
    square = location**2
    square = square - inner @ square
    scale = _standardised(square - location * (inner @ (square * location)), inner)
    eta = np.zeros((len(p), len(TILTS) + len(SPREADS)))
    eta[:finite, : len(TILTS)] = np.outer(location, TILTS)
    eta[:finite, len(TILTS) :] = np.outer(scale, SPREADS)
    return eta - np.log(p @ np.exp(eta))


def log_mixture(y: Floats, m: Floats, null: Null) -> Floats:
    """Logarithm of the Dirichlet-multinomial e-value.

    Parameters
    ----------
    y
        Deflated counts, shape (K, bins), which add up to ``m`` per feature.
    m
        Effective sizes, shape (K, F).

    Returns
    -------
    ndarray of float64, shape (K, F)
    """
    bins = null.bins
    c = null.c[:, None, :]  # (3, 1, F)
    grown = bins.sum(gammaln(bins.spread(c) * null.base + y))  # (3, K, F)
    log_e = gammaln(c) - gammaln(c + m) + grown - null.log_gamma_base[:, None, :]
    mixture: Floats = _log_mean_exp(log_e) - bins.sum(y * null.log_p)
    return mixture


def log_tilt(y: Floats, null: Null) -> Floats:
    """Logarithm of the mean of 14 tilt and spread e-values, shape (K, F); 0 without an order."""
    along = null.bins.sum(np.moveaxis(y[..., None] * null.llr, -1, 0))  # (14, K, F)
    return _log_mean_exp(along)


def log_evidence(y: Floats, m: Floats, null: Null) -> Floats:
    """Logarithm of every e-value, shape (K, F); both bets where the bins have an order."""
    mixture = log_mixture(y, m, null)
    both = np.logaddexp(mixture, log_tilt(y, null)) - np.log(2)
    return np.where(null.ordered, both, mixture)


def _standardised(score: Floats, p: Floats) -> Floats:
    centred = score - p @ score
    spread = np.sqrt(p @ centred**2)
    return centred / spread if spread > 1e-12 else np.zeros_like(centred)


def _log_mean_exp(logs: Floats) -> Floats:
    """Over the first axis."""
    top = logs.max(axis=0)
    mean: Floats = top + np.log(np.exp(logs - top).mean(axis=0))
    return mean
