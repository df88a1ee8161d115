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

    from detectors.fairness.group_rates import GroupRates

_FEWEST_GROUPS = 2
_SLACK = 1e-6  # effective sizes are compared with this relative slack


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
    """The last ``panes`` panes: the rates that are compared, all with the same groups.

    Where ``needs_all`` is False (bins of scores), rates that cannot be compared are left out.
    """

    panes: int
    rates: tuple[GroupRates, ...]
    needs_all: bool = True


@dataclass(frozen=True, slots=True)
class Comparison:
    """A window in which two groups or more of the minimum size can be compared.

    ``places`` are the positions of the compared rates among the window's, ``kept`` marks their
    groups, shape (groups,) each, and ``rates`` are of the kept groups.
    """

    panes: int
    places: tuple[int, ...]
    kept: tuple[NDArray[np.bool_], ...]
    rates: tuple[GroupRates, ...]
    complete: bool = True  # no rate of the window was left out

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
    """Leave out groups below the minimum; None where a rate has fewer than two groups left.

    Of rates of which not all are needed, those with two groups are compared; None without any.
    """
    least = minimum_group_size * (1 - _SLACK)
    masks = [rates.counted >= least for rates in window.rates]
    places = tuple(i for i, mask in enumerate(masks) if mask.sum() >= _FEWEST_GROUPS)
    complete = len(places) == len(masks)
    if not places or (window.needs_all and not complete):
        return None
    kept = tuple(masks[i] for i in places)
    rates = tuple(window.rates[i].keep(masks[i]) for i in places)
    return Comparison(window.panes, places, kept, rates, complete)


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
        if comparison.complete and _is_over(comparison, rule, rule.threshold):
            break
    return Parity(status, shown)


def _is_over(comparison: Comparison, rule: Rule, threshold: float) -> bool:
    return rule.form.is_over(comparison.concession(rule.form, DISPLAY_ERROR), threshold)


def _level(comparison: Comparison, rule: Rule, threshold: float) -> Status:
    if rule.form.breaches(comparison.claim(rule.form, rule.breach_error), threshold):
        return Status.BREACH
    if rule.form.breaches(comparison.claim(rule.form, rule.warning_error), threshold):
        return Status.WARNING
    return Status.OK
