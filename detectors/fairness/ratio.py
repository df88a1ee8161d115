"""Smallest ratio of a rate between groups (the four-fifths rule), with bounds on the log scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.trailing import DISPLAY_ERROR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from detectors.fairness.group_rates import GroupRates

    Floats = NDArray[np.float64]

_SMALLEST = 1e-12  # keeps the logarithm of a lower limit of 0 finite


class Ratio:
    """min / max of the groups' rates; in [0, 1], 1 is equal; a breach is a small one.

    Bounds take ``Difference``'s form on logarithms, with centre (s + 1/2) / (n + 1) so that a group
    without a success has one: upper bound Bonferroni over ordered pairs, lower uncorrected.
    """

    def point(self, rates: GroupRates) -> float:
        """Plain min / max, equal to Fairlearn's ratio; 0 / 0 is 1 (nobody is treated worse)."""
        shares = rates.shares
        return float(shares.min() / shares.max()) if shares.max() > 0 else 1.0

    def reach(self, rates: GroupRates) -> float:
        """An upper bound is never below the ratio of the centres."""
        successes, sizes = rates.evidence
        centre = np.log((successes + 0.5) / (sizes + 1))
        return float(np.exp(centre.min() - centre.max()))

    def claim(self, rates: GroupRates, error: float) -> float:
        """Upper bound, not cut at 1; false with probability <= ``error``."""
        centre, low, high = _logarithms(rates, error / rates.pairs)
        arm = np.hypot((high - centre)[:, None], (centre - low)[None, :])
        return _smallest(centre[:, None] - centre[None, :] + arm)

    def concession(self, rates: GroupRates, error: float) -> float:
        """Lower bound."""
        centre, low, high = _logarithms(rates, error)
        arm = np.hypot((centre - low)[:, None], (high - centre)[None, :])
        return _smallest(centre[:, None] - centre[None, :] - arm)

    def bounds(self, rates: GroupRates, error: float = DISPLAY_ERROR) -> tuple[float, float]:
        """Lower and upper bound as shown, in [0, 1]."""
        return self.concession(rates, error), min(1.0, self.claim(rates, error))

    def worst(self, values: Iterable[float]) -> float:
        """Of several rates the one that is farthest from equal."""
        return min(values)

    def breaches(self, claim: float, threshold: float) -> bool:
        """Whether a claim that holds lies below the threshold."""
        return claim < threshold

    def is_over(self, concession: float, threshold: float) -> bool:
        """Whether a newer window proves that the ratio reaches the threshold."""
        return concession >= threshold


def _logarithms(rates: GroupRates, error: float) -> tuple[Floats, Floats, Floats]:
    """Logarithms of centre, lower and upper limit, shape (groups,); the limits hold the centre."""
    successes, sizes = rates.evidence
    centre = (successes + 0.5) / (sizes + 1)
    low, high = rates.limits(error)
    low = np.minimum(np.maximum(low, _SMALLEST), centre)
    return np.log(centre), np.log(low), np.log(np.maximum(high, centre))


def _smallest(pairs: Floats) -> float:
    """Exponential of the minimum off the diagonal: a group is not compared with itself."""
    np.fill_diagonal(pairs, np.inf)
    return float(np.exp(pairs.min()))
