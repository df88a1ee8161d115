"""How far correlations moved from those of a reference, how sure that is, and between what limits.

Multivariate drift that no single feature shows. A window's correlations are centred and scaled by
its own means and deviations, so what moves the features one by one does not move them. If nothing
changed, a window's change of the correlations of feature i with all others is in first order the
mean over its events of the influences (Devlin, Gnanadesikan & Kettenring 1975)

    psi_ij = y_i y_j - r_ij (y_i^2 + y_j^2) / 2,    y: standardised scores,  r: the reference's,

so m |change_i|^2 has the null distribution of a squared distance of means: the Pearson III of
``detectors.stats.mmd``. The evidence is the mean of the e-values of all features. One pair that
comes apart shows in two features of few dimensions, not in one statistic of hundreds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.stats.effect import Effect, Z
from detectors.stats.evidence import LOG_E_CAP
from detectors.stats.mmd import GramNulls, gram_null, log_e_of, tail_probability

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.stats.mmd import GramNull

    Floats = NDArray[np.float64]

COLLAPSED = 0.5  # of the reference's deviation: below, a window's feature counts for less
LEAST_VARIANCE = 1.0  # times m, of the correlation of features that are independent
VARIES = 1e-6  # a variance of scores below it is none


@dataclass(frozen=True, slots=True)
class Moments:
    """Means, variances and correlations of scores, of shapes (d,), (d,) and (d, d).

    Where a score does not vary its correlations are 0; the diagonal is 0 throughout.
    """

    rows: float
    mean: Floats
    variance: Floats
    correlation: Floats


def moments(matrix: Floats) -> Moments:
    """From sums of 1, scores and products (``governance.algebra.products.symmetric``)."""
    rows = float(matrix[0, 0])
    mean = matrix[0, 1:] / rows
    covariance = matrix[1:, 1:] / rows - np.outer(mean, mean)
    variance = np.maximum(0.0, np.diag(covariance))
    varies = variance > VARIES
    spread = np.sqrt(np.where(varies, variance, 1.0))
    correlation = covariance / np.outer(spread, spread) * np.outer(varies, varies)
    np.fill_diagonal(correlation, 0.0)
    return Moments(rows, mean, variance, np.clip(correlation, -1.0, 1.0))


def changes(matrices: Floats, past: Moments) -> Floats:
    """Window's correlations less the reference's, shape (K, d, d), from (K, d + 1, d + 1).

    Of a feature whose deviation fell below ``COLLAPSED`` of the reference's little can be said:
    there the reference's correlation is shrunk as the window's is, down to 0. An empty window has
    no changes.
    """
    rows = matrices[:, 0, 0]
    size = np.where(rows > 0, rows, 1.0)
    mean = matrices[:, 0, 1:] / size[:, None]
    covariance = matrices[:, 1:, 1:] / size[:, None, None] - mean[:, :, None] * mean[:, None, :]
    past_spread = np.sqrt(np.where(past.variance > VARIES, past.variance, 1.0))
    own = np.sqrt(np.maximum(0.0, np.diagonal(covariance, axis1=1, axis2=2))) / past_spread
    spread = np.maximum(own, COLLAPSED) * past_spread
    shrunk = np.minimum(1.0, own / COLLAPSED)
    correlation = covariance / (spread[:, :, None] * spread[:, None, :])
    varies = past.variance > VARIES
    usable = np.outer(varies, varies) & ~np.eye(len(varies), dtype=bool)
    change = correlation - past.correlation * (shrunk[:, :, None] * shrunk[:, None, :])
    return np.where(usable & (rows > 0)[:, None, None], change, 0.0)


def influences(standard: Floats, correlation: Floats, feature: int) -> Floats:
    """Influence of each row on the correlations of one feature with the others, shape (n, d - 1).

    ``standard`` are standardised scores, shape (n, d).
    """
    others = np.delete(np.arange(standard.shape[1]), feature)
    own, rest = standard[:, [feature]], standard[:, others]
    psi: Floats = own * rest - correlation[feature, others] * (own**2 + rest**2) / 2
    return psi


def row_nulls(standard: Floats, correlation: Floats) -> tuple[GramNull, ...]:
    """The null of every feature's squared change, from standardised scores of reference rows.

    One more row is added that says the opposite in every pair: even of features that determine
    each other a reference of n rows cannot tell that they always will.
    """
    nulls = []
    for feature in range(standard.shape[1]):
        psi = influences(standard, correlation, feature)
        own = np.delete(correlation[feature], feature)
        opposite = np.where(psi.any(axis=0), -np.where(own < 0, -1.0, 1.0) - own, 0.0)
        nulls.append(gram_null(np.vstack([psi, opposite])))
    return tuple(nulls)


def log_evidence(change: Floats, m: Floats, nulls: GramNulls) -> Floats:
    """Natural logarithm of the e-value of every window, shape (K,).

    Parameters
    ----------
    change
        Shape (K, d, d).
    m
        Effective sizes, shape (K,).
    nulls
        Of the d features; those that cannot change give no e-value.

    Notes
    -----
    The mean of e-values is an e-value, however they depend on each other.
    """
    live = nulls.first > VARIES
    squared = (change**2).sum(axis=2)[:, live]
    p = tail_probability(squared, m[:, None], _only(nulls, live))
    logs = np.minimum(log_e_of(p), LOG_E_CAP)
    top = logs.max(axis=1)
    mean: Floats = top + np.log(np.exp(logs - top[:, None]).mean(axis=1))
    return mean


def row_effect(change: Floats, m: Floats, nulls: GramNulls) -> Effect:
    """How far the correlations of the feature that changed most moved, shape (K,) each.

    The root of the sum of squared changes with all other features, its bias taken off; parameters
    as in ``log_evidence``. The upper bound is that of all features.

    Notes
    -----
    The errors of the squared length and along the change add up as independent ones do (95 %).
    Correlations that are strong in the reference vary little; in a window they may be 0, where
    their variance is ``LEAST_VARIANCE``.
    """
    live = nulls.first > VARIES
    squared = (change**2).sum(axis=2)[:, live]
    found = _lengths(squared, m[:, None], _only(nulls, live))
    most = (found.value + 1e-9 * found.raw).argmax(axis=1)
    windows = np.arange(len(change))
    return Effect(
        found.raw[windows, most],
        found.value[windows, most],
        found.lower[windows, most],
        found.upper.max(axis=1),
    )


def _lengths(squared: Floats, m: Floats, nulls: GramNulls) -> Effect:
    square = np.maximum(0.0, squared - nulls.first / m)
    value = np.sqrt(square)
    noise = Z * np.sqrt(2 * nulls.second) / m
    along = Z**2 * np.maximum(nulls.largest, LEAST_VARIANCE) / m
    below = np.sqrt((value - np.sqrt(np.maximum(0.0, square - noise))) ** 2 + along)
    above = np.sqrt((np.sqrt(square + noise) - value) ** 2 + along)
    return Effect(np.sqrt(squared), value, np.maximum(0.0, value - below), value + above)


def _only(nulls: GramNulls, live: NDArray[np.bool_]) -> GramNulls:
    return GramNulls(nulls.first[live], nulls.second[live], nulls.third[live], nulls.largest[live])
