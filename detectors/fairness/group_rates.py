"""One rate of every group, and what real windows know of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.stats.limits import limits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GroupRates:
    """One rate of every group: successes and effective sizes, float64, shape (groups,).

    ``kish`` is of how many equal events the weight could come: the effective size is right for
    sampling by outcome, but not where one heavy event makes the share. None = weights are equal.

    ``expected`` is what a share is counted from: the mean score where calibration is asked for,
    nothing elsewhere. ``rho`` says how much more such shares of real windows differ than those of
    independent events (``detectors.group_reference``); None = they are independent.
    """

    successes: Floats
    sizes: Floats
    kish: Floats | None = None
    expected: Floats | None = None
    rho: Floats | None = None

    @property
    def shares(self) -> Floats:
        """Successes / sizes, less what is expected; every size must be above 0."""
        return self.from_expected(self.successes / self.sizes)

    @property
    def counted(self) -> Floats:
        """What ``minimumGroupSize`` is compared with: a group is as small as either size."""
        return self.sizes if self.kish is None else np.minimum(self.sizes, self.kish)

    @property
    def pairs(self) -> int:
        """How many ordered pairs of groups there are."""
        return len(self.sizes) * (len(self.sizes) - 1)

    @property
    def evidence(self) -> tuple[Floats, Floats]:
        """Successes and sizes of as many independent events as know the same."""
        if self.rho is None:
            return self.successes, self.sizes
        return self.successes / self.rho, self.sizes / self.rho

    def limits(self, error: float) -> tuple[Floats, Floats]:
        """Limits of the shares, each of which is wrong with probability <= ``error``.

        Clopper-Pearson. Given their scores events are independent with unequal chances, of which
        the binomial limits are conservative (Hoeffding 1956).
        """
        low, high = limits(*self.evidence, error)
        return self.from_expected(low), self.from_expected(high)

    def keep(self, kept: NDArray[np.bool_]) -> GroupRates:
        """Only the groups that ``kept`` marks."""
        return GroupRates(
            self.successes[kept],
            self.sizes[kept],
            None if self.kish is None else self.kish[kept],
            None if self.expected is None else self.expected[kept],
            None if self.rho is None else self.rho[kept],
        )

    def from_expected(self, shares: Floats) -> Floats:
        """Shares less what is expected."""
        return shares if self.expected is None else shares - self.expected
