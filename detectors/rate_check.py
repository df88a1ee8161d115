"""What the rate checks share: the limits that a component declares, and how a verdict looks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from detectors import reasons
from detectors.limit import LimitRule
from detectors.reference import WindowCut
from detectors.trailing import error_levels
from governance.component.metrics import RateCheck
from governance.errors import ConfigError
from governance.finding import Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from detectors.base import WindowView
    from detectors.limit import Bounded
    from governance.component.schema import Component


@dataclass(frozen=True, slots=True)
class Judged:
    """A window that was judged; ``hold`` says why its status does not count, empty if it does."""

    status: Status
    shown: Bounded
    hold: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RateSettings:
    """What a component says about its rate checks.

    The rate checks with a limit share one false breach in ``falseAlarmEvery`` windows: they are
    one family, ``performance``.
    """

    modality: str
    limits: Mapping[RateCheck, float]
    max_loss: float
    breach_error: float
    warning_error: float
    unit: int  # panes in one window

    def rule(self, limit: float | None, *, above: bool) -> LimitRule:
        """The rule of one check; ``limit`` in the unit of what is judged."""
        return LimitRule(limit, above, self.breach_error, self.warning_error)

    def lost(self, view: WindowView) -> str:
        """Why a newest pane with too much lost telemetry is not judged; empty if it is."""
        return reasons.lost(view, self.max_loss)

    def nothing(self, view: WindowView) -> str:
        """Why nothing can be shown of the newest pane; empty if something can."""
        no_events = "" if view.panes[-1].events else reasons.NO_EVENTS
        return no_events or self.filling(view)

    def filling(self, view: WindowView) -> str:
        """Why nothing is shown before the first window is full; empty after."""
        return reasons.filling(view, self.unit)

    def withheld(self, check: RateCheck, view: WindowView, reason: str) -> Verdict:
        """The verdict of a check that has nothing to show."""
        return Verdict(
            check=check.value,
            subject="",
            modality=self.modality,
            status=Status.INSUFFICIENT,
            reason=reason,
            threshold=self.limits.get(check),
            events=view.panes[-1].events,
        )

    def verdict(self, check: RateCheck, view: WindowView, judged: Judged) -> Verdict:
        """The verdict on a number, with value and bounds also where it does not count."""
        shown, status = judged.shown, Status.INSUFFICIENT if judged.hold else judged.status
        small = status is Status.INSUFFICIENT and not judged.hold
        few = reasons.too_few(shown.size) if small else ""
        unlimited = "" if check in self.limits else reasons.NO_THRESHOLD
        unsure = self._unsure(check, shown) if status is Status.WARNING else ""
        reason = reasons.join((judged.hold, few, unlimited, unsure, *judged.remarks))
        lower, upper = map(_known, shown.bounds())
        return Verdict(
            check=check.value,
            subject="",
            modality=self.modality,
            status=status,
            reason=reason,
            value=shown.value,
            lower=lower,
            upper=upper,
            threshold=self.limits.get(check),
            panes=shown.panes,
            events=view.panes[-1].events,
            effective_events=shown.size,
        )

    def _unsure(self, check: RateCheck, shown: Bounded) -> str:
        """Which bound still keeps the limit that the value does not; empty if none does."""
        limit = self.limits.get(check)
        if limit is None:
            return ""
        above = shown.value > limit
        bound = shown.bounds(self.breach_error)[0 if above else 1]
        kept = bound <= limit if above else bound >= limit
        return reasons.unsure(bound, self.breach_error, above=above) if kept else ""


def rate_settings(component: Component) -> RateSettings:
    """Read the limits of ``spec.release.rolloutMetrics``.

    Raises
    ------
    ConfigError
        If a limit cannot be one: a share outside [0, 1], a latency of 0.
    """
    spec = component.spec
    known = frozenset(RateCheck)
    named = [metric for metric in spec.release.rollout_metrics if metric.name in known]
    limits = {RateCheck(metric.name): metric.limit for metric in named}
    problems = [check.problem(limit) for check, limit in limits.items()]
    if any(problems):
        raise ConfigError(f"spec.release.rolloutMetrics: {reasons.join(problems)}")
    levels = error_levels(spec.monitoring.false_alarm_every, max(1, _judged(limits)))
    modality, unit = spec.model.modality[0].value, WindowCut.of(spec.monitoring.windows).unit
    return RateSettings(modality, limits, spec.monitoring.max_loss, *levels, unit)


def _judged(limits: Iterable[RateCheck]) -> int:
    """How many numbers can breach: estimates cannot, and degradation has subjects of its own."""
    checks = [check for check in limits if not check.is_estimate]
    subjects = max(1, sum(check.needs_labels for check in checks))
    return len(checks) + (subjects - 1 if RateCheck.DEGRADATION in checks else 0)


def _known(bound: float) -> float | None:
    """A bound as a finding says it: what nothing bounds is absent."""
    return bound if math.isfinite(bound) else None
