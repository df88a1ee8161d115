"""One rate of every group, and what real windows know of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from detectors.stats.limits import limits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Kept = tuple[NDArray[np.bool_], "GroupRates"]

_SLACK = 1e-6  # effective sizes are compared with this relative slack


@dataclass(frozen=True, eq=False)  # not slotted: what several questions ask is computed once
class GroupRates:
    """One rate of every group: successes and effective sizes, float64, shape (groups,).

    ``kish`` is of how many equal events the weight could come: the effective size is right for
    sampling by outcome, but not where one heavy event makes the share. None = weights are equal.

    ``expected`` is what a share is counted from: the mean score where calibration is asked for,
    nothing elsewhere. ``rho`` says how much more such shares of real windows differ than those of
    independent events (``detectors.group_reference``); None = they are independent.

    ``limits_by_error`` are those that were asked for, ``upper_by_error`` what ``Difference`` read
    from them.
    """

    successes: Floats
    sizes: Floats
    kish: Floats | None = None
    expected: Floats | None = None
    rho: Floats | None = None
    upper_by_error: dict[float, float] = field(default_factory=dict, init=False)
    limits_by_error: dict[float, tuple[Floats, Floats]] = field(default_factory=dict, init=False)
    _kept: dict[float, Kept] = field(default_factory=dict, init=False)

    @cached_property
    def shares(self) -> Floats:
        """Successes / sizes, less what is expected; every size must be above 0."""
        return self.from_expected(self.successes / self.sizes)

    @cached_property
    def spread(self) -> float:
        """The largest share less the smallest."""
        return float(self.shares.max() - self.shares.min())

    @property
    def counted(self) -> Floats:
        """What ``minimumGroupSize`` is compared with: a group is as small as either size."""
        return self.sizes if self.kish is None else np.minimum(self.sizes, self.kish)

    @property
    def pairs(self) -> int:
        """How many ordered pairs of groups there are."""
        return len(self.sizes) * (len(self.sizes) - 1)

    @cached_property
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
        if error not in self.limits_by_error:
            self.limits_by_error[error] = self.found(*limits(*self.evidence, error))
        return self.limits_by_error[error]

    def kept(self, minimum: float) -> Kept:
        """Which groups are as large as ``minimum``, shape (groups,), and only their rates."""
        if minimum not in self._kept:
            large = self.counted >= minimum * (1 - _SLACK)
            self._kept[minimum] = large, self if large.all() else self.keep(large)
        return self._kept[minimum]

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

    def found(self, low: Floats, high: Floats) -> tuple[Floats, Floats]:
        """Limits of what was counted, as limits of the shares."""
        return self.from_expected(low), self.from_expected(high)


def find_limits(asked: Iterable[tuple[GroupRates, float]]) -> None:
    """Compute what ``GroupRates.limits`` will be asked for at these errors, all at once."""
    wanted = {(id(r), error): (r, error) for r, error in asked if error not in r.limits_by_error}
    if not wanted:
        return
    rates = [r for r, _ in wanted.values()]
    counts = [len(r.sizes) for r in rates]
    errors = np.repeat([error for _, error in wanted.values()], counts)
    successes = np.concatenate([r.evidence[0] for r in rates])
    sizes = np.concatenate([r.evidence[1] for r in rates])
    low, high = limits(successes, sizes, errors)
    start = 0
    for (r, error), n in zip(wanted.values(), counts, strict=True):
        part = slice(start, start + n)
        r.limits_by_error[error] = r.found(low[part], high[part])
        start += n
