"""Numbers against a limit: the rule over a ladder of windows (STATISTICS 2). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from detectors.ladder import FEWEST_EFFECTIVE
from detectors.stats.limits import share_limits
from detectors.trailing import DISPLAY_ERROR
from governance.finding import Status

if TYPE_CHECKING:
    from collections.abc import Iterable


class Bounded(Protocol):
    """What the last ``panes`` panes say of one number, and how sure it is.

    ``size`` is how many equally weighted events would know as much; without any there is no value.
    """

    @property
    def panes(self) -> int:
        """How many panes were looked at."""

    @property
    def size(self) -> float:
        """Effective events."""

    @property
    def value(self) -> float:
        """The number itself."""

    def bounds(self, error: float = DISPLAY_ERROR) -> tuple[float, float]:
        """Lower and upper limit, each with one-sided ``error``; infinite where nothing bounds."""


Judgeable = TypeVar("Judgeable", bound=Bounded)


@dataclass(frozen=True, slots=True)
class LimitRule:
    """What counts as a breach; errors are one-sided, of one look (``trailing.error_levels``)."""

    limit: float | None  # in the unit of what is judged; None: shown, never judged
    above: bool  # whether it is above the limit that is bad
    breach_error: float
    warning_error: float

    def claim(self, share: Bounded, error: float) -> float:
        """The bound that a breach rests on."""
        return share.bounds(error)[0 if self.above else 1]

    def concession(self, share: Bounded) -> float:
        """The bound on the other side, at ``DISPLAY_ERROR``."""
        return share.bounds()[1 if self.above else 0]


@dataclass(frozen=True, slots=True)
class Share:
    """Successes and effective size of a share in the last ``panes`` panes."""

    panes: int
    successes: float
    size: float

    @property
    def value(self) -> float:
        """Successes / size; the size must be above 0."""
        return self.successes / self.size

    def bounds(self, error: float = DISPLAY_ERROR) -> tuple[float, float]:
        """Clopper-Pearson limits, each with one-sided ``error``."""
        return share_limits(self.successes, self.size, error)


@dataclass(frozen=True, slots=True)
class Limited(Generic[Judgeable]):
    """A status with the window that shows it; no window where it is insufficient."""

    status: Status
    shown: Judgeable | None


def against_limit(shares: Iterable[Judgeable], rule: LimitRule) -> Limited[Judgeable]:
    """Judge a ladder of windows, shortest first; windows without an event are skipped.

    At most ``breach_error`` x (number of windows) of the judgements on a number that keeps its
    limit are a false breach, if events are independent. ``shown`` is the shortest window that gave
    the status; for ``ok`` the longest that was looked at, or the shortest where there is no limit.
    A window that has fewer than ``FEWEST_EFFECTIVE`` events and may lie on either side of the limit
    is shown, and insufficient.
    """
    status, shown = Status.INSUFFICIENT, None
    for share in shares:
        if share.size <= 0:
            continue
        if rule.limit is None:
            return Limited(Status.OK, share)
        level = _level(share, rule, rule.limit)
        if level is Status.BREACH:
            return Limited(level, share)
        if status is not Status.WARNING:
            status, shown = level, share
        if not _past(rule.concession(share), rule, rule.limit):
            return Limited(status, shown)
    if status is Status.OK and shown is not None and shown.size < FEWEST_EFFECTIVE:
        status = Status.INSUFFICIENT  # so few events could be on either side of the limit
    return Limited(status, shown)


def _level(share: Bounded, rule: LimitRule, limit: float) -> Status:
    if not _past(share.value, rule, limit):
        return Status.OK  # no bound passes what the value keeps
    if _past(rule.claim(share, rule.breach_error), rule, limit):
        return Status.BREACH
    if _past(rule.claim(share, rule.warning_error), rule, limit):
        return Status.WARNING
    return Status.OK


def _past(bound: float, rule: LimitRule, limit: float) -> bool:
    """Strictly: a rate of 0 does not pass a limit of 0."""
    return bound > limit if rule.above else bound < limit
