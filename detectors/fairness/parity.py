"""When groups are treated unequally: the rule of STATISTICS 1.4 over a ladder of windows.

Pure: takes effective counts per group and window, returns a verdict and the window that shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from detectors.trailing import DISPLAY_ERROR
from governance.finding import Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

_SLACK = 1e-6  # effective sizes are compared with this relative slack


@dataclass(frozen=True, slots=True)
class GroupRates:
    """One rate of every group: successes and effective sizes, float64, shape (groups,)."""

    successes: NDArray[np.float64]
    sizes: NDArray[np.float64]

    @property
    def shares(self) -> NDArray[np.float64]:
        """Successes / sizes; every size must be above 0."""
        return self.successes / self.sizes

    @property
    def pairs(self) -> int:
        """How many ordered pairs of groups there are."""
        return len(self.sizes) * (len(self.sizes) - 1)

    def keep(self, kept: NDArray[np.bool_]) -> GroupRates:
        """Only the groups that ``kept`` marks."""
        return GroupRates(self.successes[kept], self.sizes[kept])


class Form(Protocol):
    """How rates of groups are compared: ``Difference`` or ``Ratio``."""

    def point(self, rates: GroupRates) -> float:
        """The plain comparison of the extreme groups."""

    def claim(self, rates: GroupRates, error: float) -> float:
        """The bound that a breach rests on, corrected for picking the extreme pair."""

    def concession(self, rates: GroupRates, error: float) -> float:
        """The bound on the other side."""

    def bounds(self, rates: GroupRates, error: float = DISPLAY_ERROR) -> tuple[float, float]:
        """Lower and upper bound as shown, in [0, 1]."""

    def worst(self, values: Iterable[float]) -> float:
        """Of several rates the one that is farthest from equal."""

    def breaches(self, claim: float, threshold: float) -> bool:
        """Whether ``claim`` passes the threshold."""

    def is_over(self, concession: float, threshold: float) -> bool:
        """Whether ``concession`` proves that the threshold is kept."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What counts as a breach; errors are one-sided, of one look (``trailing.error_levels``)."""

    form: Form
    threshold: float | None  # None: shown, never judged
    minimum_group_size: float
    breach_error: float
    warning_error: float


@dataclass(frozen=True, slots=True)
class Window:
    """The last ``panes`` panes: the rates that are compared, all with the same groups."""

    panes: int
    rates: tuple[GroupRates, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A window in which every rate has two groups or more of the minimum size."""

    panes: int
    kept: tuple[NDArray[np.bool_], ...]  # per rate, shape (groups,)
    rates: tuple[GroupRates, ...]  # of the kept groups

    def point(self, form: Form) -> float:
        """The comparison's value, the worst over its rates."""
        return form.worst(form.point(rates) for rates in self.rates)

    def claim(self, form: Form, error: float) -> float:
        """Several rates (equalised odds) share the error evenly."""
        return form.worst(form.claim(rates, error / len(self.rates)) for rates in self.rates)

    def concession(self, form: Form, error: float) -> float:
        """Several rates (equalised odds) share the error evenly."""
        return form.worst(form.concession(rates, error / len(self.rates)) for rates in self.rates)

    def bounds(self, form: Form) -> tuple[float, float]:
        """Display bounds, the worst over the rates."""
        error = DISPLAY_ERROR / len(self.rates)
        lower, upper = zip(*(form.bounds(rates, error) for rates in self.rates), strict=True)
        return form.worst(lower), form.worst(upper)


@dataclass(frozen=True, slots=True)
class Parity:
    """A status with the window that shows it; no window where it is insufficient."""

    status: Status
    shown: Comparison | None


def compare(window: Window, minimum_group_size: float) -> Comparison | None:
    """Leave out groups below the minimum; None where a rate has fewer than two groups left."""
    least = minimum_group_size * (1 - _SLACK)
    kept = tuple(rates.sizes >= least for rates in window.rates)
    if any(mask.sum() < 2 for mask in kept):
        return None
    rates = tuple(r.keep(mask) for r, mask in zip(window.rates, kept, strict=True))
    return Comparison(window.panes, kept, rates)


def parity(windows: Iterable[Window], rule: Rule) -> Parity:
    """Judge a ladder of windows, shortest first.

    At most ``breach_error`` x (number of windows) of the judgements on equal groups are a false
    breach, if events are independent. ``shown`` is the shortest window that gave the status; for
    ``ok`` the longest that was looked at, or the shortest where there is no threshold.
    """
    status, shown = Status.INSUFFICIENT, None
    for window in windows:
        comparison = compare(window, rule.minimum_group_size)
        if comparison is None:
            continue
        if rule.threshold is None:
            return Parity(Status.OK, comparison)
        level = _level(comparison, rule, rule.threshold)
        if level is Status.BREACH:
            return Parity(level, comparison)
        if status is not Status.WARNING:
            status, shown = level, comparison
        if rule.form.is_over(comparison.concession(rule.form, DISPLAY_ERROR), rule.threshold):
            break
    return Parity(status, shown)


def _level(comparison: Comparison, rule: Rule, threshold: float) -> Status:
    if rule.form.breaches(comparison.claim(rule.form, rule.breach_error), threshold):
        return Status.BREACH
    if rule.form.breaches(comparison.claim(rule.form, rule.warning_error), threshold):
        return Status.WARNING
    return Status.OK
