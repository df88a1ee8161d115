"""When groups are treated unequally: the rule of STATISTICS 1.4 over a ladder of windows.

Pure: takes effective counts per group and window, returns a verdict and the window that shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from detectors.trailing import DISPLAY_ERROR
from governance.finding import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from detectors.fairness.group_rates import GroupRates

_FEWEST_GROUPS = 2


class Form(Protocol):
    """How rates of groups are compared: ``Difference`` or ``Ratio``."""

    def point(self, rates: GroupRates) -> float:
        """The plain comparison of the extreme groups."""

    def reach(self, rates: GroupRates) -> float:
        """What no claim goes beyond, at any error."""

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

    def claimed(self, rule: Rule) -> Iterator[tuple[GroupRates, float]]:
        """The limits that a level asks for."""
        parts = len(self.rates)
        for rates in self.able(rule):
            for error in (rule.breach_error, rule.warning_error):
                yield rates, error / parts / rates.pairs

    def able(self, rule: Rule) -> tuple[GroupRates, ...]:
        """The rates that could breach; of most windows none, so that no limit is needed."""
        form, threshold = rule.form, rule.threshold
        if threshold is None:
            return ()
        return tuple(r for r in self.rates if form.breaches(form.reach(r), threshold))

    def conceded(self) -> Iterator[tuple[GroupRates, float]]:
        """The limits that ``concession`` asks for at ``DISPLAY_ERROR``."""
        return ((rates, DISPLAY_ERROR / len(self.rates)) for rates in self.rates)

    def displayed(self) -> Iterator[tuple[GroupRates, float]]:
        """The limits that ``bounds`` asks for, and those of the groups' rates."""
        for rates, error in self.conceded():
            yield from ((rates, error), (rates, error / rates.pairs), (rates, DISPLAY_ERROR))

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
    large = [rates.kept(minimum_group_size) for rates in window.rates]
    places = tuple(i for i, (_, kept) in enumerate(large) if len(kept.sizes) >= _FEWEST_GROUPS)
    complete = len(places) == len(large)
    if not places or (window.needs_all and not complete):
        return None
    masks, rates = zip(*(large[i] for i in places), strict=True)
    return Comparison(window.panes, places, masks, rates, complete)


def parity(windows: Iterable[Window], rule: Rule) -> Parity:
    """Judge a ladder of windows, shortest first.

    At most ``breach_error`` x (number of windows) of the judgements on equal groups are a false
    breach, if events are independent. ``shown`` is the shortest window that gave the status; for
    ``ok`` the longest that was looked at, or the shortest where there is no threshold.
    """
    trial = Trial(rule)
    for window in windows:
        comparison = compare(window, rule.minimum_group_size)
        if comparison is not None and trial.see(comparison):
            break
    return Parity(trial.status, trial.shown)


class Trial:
    """The rule's state between two windows of a ladder."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self.status = Status.INSUFFICIENT
        self.shown: Comparison | None = None

    def see(self, comparison: Comparison) -> bool:
        """Judge the next longer window; True if no further one is looked at."""
        rule = self._rule
        if rule.threshold is None:
            self.status, self.shown = Status.OK, comparison
            return True
        level = _level(comparison, rule, rule.threshold)
        if level is Status.BREACH or self.status is not Status.WARNING:
            self.status, self.shown = level, comparison
        if level is Status.BREACH:
            return True
        return comparison.complete and _is_over(comparison, rule, rule.threshold)


def _is_over(comparison: Comparison, rule: Rule, threshold: float) -> bool:
    return rule.form.is_over(comparison.concession(rule.form, DISPLAY_ERROR), threshold)


def _level(comparison: Comparison, rule: Rule, threshold: float) -> Status:
    """As of ``claim``, without the rates that cannot breach."""
    form, parts = rule.form, len(comparison.rates)
    able = comparison.able(rule)
    for status, error in (
        (Status.BREACH, rule.breach_error),
        (Status.WARNING, rule.warning_error),
    ):
        if any(form.breaches(form.claim(rates, error / parts), threshold) for rates in able):
            return status
    return Status.OK
