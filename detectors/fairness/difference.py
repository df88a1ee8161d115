"""Largest difference of a rate between groups, with bounds that know the pair was picked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.trailing import DISPLAY_ERROR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from detectors.fairness.group_rates import GroupRates

    Floats = NDArray[np.float64]


class Difference:
    """max - min of the groups' rates; in [0, 1], 0 is equal; a breach is a large one.

    Bounds take the square-and-add form of Newcombe 1998 over every ordered pair (g, h) of groups,
    d = p_g - p_h with Clopper-Pearson limits L, U: lower = max of d - sqrt((p_g - L_g)^2 +
    (U_h - p_h)^2), Bonferroni over the G (G - 1) pairs since the extreme pair was found by
    looking; upper = max of d + sqrt((U_g - p_g)^2 + (p_h - L_h)^2), which needs no correction.
    """

    def point(self, rates: GroupRates) -> float:
        """Plain max - min, equal to Fairlearn's difference ``between_groups``."""
        return rates.spread

    def reach(self, rates: GroupRates) -> float:
        """A lower bound is never above the difference itself."""
        return rates.spread

    def claim(self, rates: GroupRates, error: float) -> float:
        """Lower bound, not cut at 0; false with probability <= ``error``."""
        low, high = rates.limits(error / rates.pairs)
        return lower_bound(rates.shares, low, high)

    def concession(self, rates: GroupRates, error: float) -> float:
        """Upper bound, not cut at 1."""
        known = rates.upper_by_error
        if error not in known:
            known[error] = upper_bound(rates.shares, *rates.limits(error))
        return known[error]

    def bounds(self, rates: GroupRates, error: float = DISPLAY_ERROR) -> tuple[float, float]:
        """Lower and upper bound as shown, in [0, 1]."""
        lower, upper = self.claim(rates, error), self.concession(rates, error)
        return max(0.0, lower), min(1.0, upper)

    def worst(self, values: Iterable[float]) -> float:
        """Of several rates the one that is farthest from equal."""
        return max(values)

    def breaches(self, claim: float, threshold: float) -> bool:
        """Whether a claim that holds reaches the threshold."""
        return claim >= threshold

    def is_over(self, concession: float, threshold: float) -> bool:
        """Whether a newer window proves that the difference is below the threshold."""
        return concession < threshold


def lower_bound(shares: Floats, low: Floats, high: Floats) -> float:
    """The largest lower bound over ordered pairs; arrays of shape (groups,)."""
    arm = np.hypot((shares - low)[:, None], (high - shares)[None, :])
    return _largest(shares[:, None] - shares[None, :] - arm)


def upper_bound(shares: Floats, low: Floats, high: Floats) -> float:
    """The largest upper bound over ordered pairs; arrays of shape (groups,)."""
    arm = np.hypot((high - shares)[:, None], (shares - low)[None, :])
    return _largest(shares[:, None] - shares[None, :] + arm)


def _largest(pairs: Floats) -> float:
    """Maximum off the diagonal: a group is not compared with itself."""
    pairs.reshape(-1)[:: len(pairs) + 1] = -np.inf
    return float(pairs.max())
