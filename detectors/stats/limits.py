"""Limits of a share: exact intervals, effective sizes under sampling, anytime-valid intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

_BISECTIONS = 80  # halves an interval of width 1 to below the spacing of floats near 1


def limits(successes: ArrayLike, sizes: ArrayLike, error: ArrayLike) -> tuple[Floats, Floats]:
    """Clopper-Pearson limits, each of which misses the true share with probability <= ``error``.

    Parameters
    ----------
    successes, sizes
        Shape (...), 0 <= successes <= sizes, sizes > 0; fractions are allowed (effective sizes).
    error
        One-sided error probability, in (0, 1/2); one for all, or shape (...).

    Returns
    -------
    lower, upper
        Shares in [0, 1]; lower is 0 where there is no success, upper 1 where there is no failure.

    Notes
    -----
    Clopper & Pearson 1934: lower = I^-1(s, n-s+1; a), upper = I^-1(s+1, n-s; 1-a), where I is the
    regularised incomplete beta function. Exact for independent events.
    """
    s, n, a = np.asarray(successes, float), np.asarray(sizes, float), np.asarray(error)
    none, every = s <= 0, s >= n
    some_s, some_f = np.where(none, 1.0, s), np.where(every, 1.0, n - s)
    lower = special.betaincinv(some_s, n - some_s + 1, a)
    upper = special.betaincinv(n - some_f + 1, some_f, 1 - a)
    return np.where(none, 0.0, lower), np.where(every, 1.0, upper)


def share_limits(successes: float, size: float, error: float) -> tuple[float, float]:
    """``limits`` of a single share, which arrays would make ten times as slow."""
    s, f = successes, size - successes
    lower = 0.0 if s <= 0 else float(special.betaincinv(s, size - s + 1, error))
    upper = 1.0 if f <= 0 else float(special.betaincinv(size - f + 1, f, 1 - error))
    return lower, upper


def limits_reach(
    share: float, successes: ArrayLike, sizes: ArrayLike, error: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether the lower and the upper of ``limits`` are at least ``share`` in (0, 1), shape (...).

    Several times as fast as to compute them: I_x(a, b) instead of its inverse.
    """
    s, n = np.broadcast_arrays(np.asarray(successes, float), np.asarray(sizes, float))
    none, every = s <= 0, s >= n
    some_s, some_f = np.where(none, 1.0, s), np.where(every, 1.0, n - s)
    lower = special.betainc(some_s, n - some_s + 1, share) <= error
    upper = special.betainc(n - some_f + 1, some_f, share) <= 1 - error
    return lower & ~none, upper | every


def poisson_limits(count: ArrayLike, error: float) -> tuple[Floats, Floats]:
    """Limits of a Poisson mean, each of which misses it with probability <= ``error``.

    ``count`` has shape (...), at least 0; fractions are allowed. Garwood 1936: lower =
    P^-1(c; a), upper = P^-1(c + 1; 1 - a), where P is the regularised incomplete gamma function.
    """
    c = np.asarray(count, float)
    lower = special.gammaincinv(np.where(c > 0, c, 1.0), error)
    return np.where(c > 0, lower, 0.0), special.gammaincinv(c + 1, 1 - error)


def effective_counts(
    events: ArrayLike,
    weight: tuple[ArrayLike, ArrayLike],
    squared_weight: tuple[ArrayLike, ArrayLike],
) -> tuple[Floats, Floats]:
    """Successes and size that carry as much evidence about a share as weighted events do.

    Parameters
    ----------
    events
        N, how many events were seen, shape (...).
    weight, squared_weight
        Sums of w and of w^2, w = 1 / sampling probability: (over all N events, over successes).

    Returns
    -------
    successes, sizes
        Shape (...); successes / sizes is the weighted share. Equal weights give sizes = N exactly,
        weights of 1 the plain counts; no event gives (0, 0).

    Notes
    -----
    Linearised variance of a ratio estimate with half an event of weight b = W / N added to each
    outcome: p = (sum wy + b/2) / (W + b), n = p (1-p) (W + b)^2 / (sum w^2 (y-p)^2
    + b^2/2 (p^2 + (1-p)^2)) - 1, at least 0. Kish's size covers only .69-.84 where the rarer
    outcome is the one that was sampled.
    """
    seen, total, favourable, total2, favourable2 = (
        np.asarray(a, float) for a in (events, *weight, *squared_weight)
    )
    equal = seen * total2 == total**2
    if equal.all():  # most traffic is not sampled
        sizes = np.where(equal, seen, 0.0)
    else:
        sizes = np.where(equal, seen, _linearised(seen, (total, favourable), (total2, favourable2)))
    return sizes * favourable / np.where(total > 0, total, 1.0), sizes


def _linearised(
    seen: Floats, weight: tuple[Floats, Floats], squared_weight: tuple[Floats, Floats]
) -> Floats:
    """The size of unequal weights; parameters as in ``effective_counts``."""
    (total, favourable), (total2, favourable2) = weight, squared_weight
    mean = total / np.maximum(seen, 1)
    scale = np.where(total + mean > 0, total + mean, 1.0)
    p = (favourable + mean / 2) / scale
    spread = favourable2 * (1 - p) ** 2 + (total2 - favourable2) * p**2
    noise = spread + mean**2 / 2 * (p**2 + (1 - p) ** 2)
    linear: Floats = p * (1 - p) * scale**2 / np.where(noise > 0, noise, 1.0) - 1
    return np.maximum(0, linear)


def confidence_sequence(
    successes: ArrayLike, failures: ArrayLike, error: float = 0.05
) -> tuple[Floats, Floats]:
    """Limits that hold the true share at every time at once with probability >= 1 - ``error``.

    Parameters
    ----------
    successes, failures
        Counts since the start, shape (...), fractions allowed, at least one event.

    Notes
    -----
    Beta-binomial mixture (Robbins 1970) with prior Beta(1/2, 1/2): all p with
    ln B(s+.5, f+.5) - ln B(.5, .5) - s ln p - f ln(1-p) <= ln(2 / error). For reports on "since
    rollout"; a verdict looks at trailing windows instead, because this never forgets.
    """
    s, f = np.broadcast_arrays(np.asarray(successes, float), np.asarray(failures, float))
    gain = special.betaln(s + 0.5, f + 0.5) - special.betaln(0.5, 0.5) - np.log(2 / error)
    mode = s / (s + f)
    lower = _crossing(s, f, gain, (np.zeros_like(mode), mode))
    upper = _crossing(s, f, gain, (np.ones_like(mode), mode))
    return np.where(s <= 0, 0.0, lower), np.where(f <= 0, 1.0, upper)


def _crossing(s: Floats, f: Floats, gain: Floats, ends: tuple[Floats, Floats]) -> Floats:
    """Where the mixture's log evidence against p meets the bar, by bisection."""
    outside, inside = ends
    for _ in range(_BISECTIONS):
        middle = (outside + inside) / 2
        holds = gain - special.xlogy(s, middle) - special.xlog1py(f, -middle) <= 0
        inside, outside = np.where(holds, middle, inside), np.where(holds, outside, middle)
    return inside
