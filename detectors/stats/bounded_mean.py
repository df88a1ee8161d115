"""Exact limits of the mean of bounded values: evidence by betting, no shape assumed.

Waudby-Smith & Ramdas 2024, "Estimating means of bounded random variables by betting", JRSS B 86:
who bets the same part f of a fortune on "the mean is above m" in every round owns, after n values
x in [0, 1], ``prod (1 + f (x / m - 1))``. If the mean is at most m, every factor expects at most
1, so the fortune expects at most 1, and reaches 1 / a with probability at most a (Markov). So does
the average over several f. An interval by Student's t promises no such thing: where a rare large
value has not been seen yet, its spread is 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

# Parts of the fortune: a large one suits a few values that lie close, a small one many that spread.
_PARTS = 0.99 * 0.5 ** np.arange(6)
_BISECTIONS = 60


def mean_limits(values: ArrayLike, error: float) -> tuple[float, float]:
    """Limits each of which misses the true mean with probability <= ``error``.

    Parameters
    ----------
    values
        Shape (n,), n >= 1, in [0, 1]; their order does not matter.
    error
        One-sided error probability, in (0, 1).

    Returns
    -------
    tuple of float
        Lower and upper limit, in [0, 1]. Cost: 120 passes over the distinct values.

    Notes
    -----
    Exact for any n and any distribution on [0, 1], if values are independent and alike. With all
    values equal to x the lower limit is about x (1 - ln(6 / error) / n).
    """
    distinct, counts = np.unique(np.asarray(values, dtype=np.float64), return_counts=True)
    below = _lower(distinct, counts, error)
    return below, 1 - _lower(1 - distinct, counts, error)


def log_evidence(values: ArrayLike, mean: float) -> float:
    """Natural logarithm of the e-value against "the mean is at most ``mean``".

    Parameters
    ----------
    values
        Shape (n,), n >= 1, in [0, 1].
    mean
        In (0, 1].
    """
    distinct, counts = np.unique(np.asarray(values, dtype=np.float64), return_counts=True)
    return _log_fortune(distinct, counts, mean)


def _lower(distinct: Floats, counts: NDArray[np.intp], error: float) -> float:
    """The smallest mean that the bet does not refute; the fortune falls as the mean rises."""
    bar = -np.log(error)
    refuted, held = 0.0, float(distinct @ counts / counts.sum())
    for _ in range(_BISECTIONS):
        middle = (refuted + held) / 2
        if middle > 0 and _log_fortune(distinct, counts, middle) >= bar:
            refuted = middle
        else:
            held = middle
    return refuted


def _log_fortune(distinct: Floats, counts: NDArray[np.intp], mean: float) -> float:
    gains = np.log1p(_PARTS[:, None] * (distinct / mean - 1)) @ counts
    most = float(gains.max())
    return most + float(np.log(np.mean(np.exp(gains - most))))
