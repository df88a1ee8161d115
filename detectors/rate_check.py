"""What the rate checks share: the limits that a component declares, and how a verdict looks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from detectors import reasons
from detectors.limit import LimitRule, Share
from detectors.reference import WindowCut
from detectors.trailing import error_levels
from governance.component.metrics import RateCheck
from governance.errors import ConfigError
from governance.finding import Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from detectors.base import WindowView
    from governance.component.schema import Component


@dataclass(frozen=True, slots=True)
class Judged:
    """A window that was judged; ``hold`` says why its status does not count, empty if it does."""

    status: Status
    shown: Share
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
        """The rule of one check; ``limit`` is a share."""
        return LimitRule(limit, above, self.breach_error, self.warning_error)

    def lost(self, view: WindowView) -> str:
        """Why a newest pane with too much lost telemetry is not judged; empty if it is."""
        return reasons.lost(view, self.max_loss)

    def nothing(self, view: WindowView) -> str:
        """Why nothing can be shown of the newest pane; empty if something can."""
        no_events = "" if view.panes[-1].events else reasons.NO_EVENTS
        return no_events or reasons.filling(view, self.unit)

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
        """The verdict on a share, with value and bounds also where it does not count."""
        shown = judged.shown
        unlimited = "" if check in self.limits else reasons.NO_THRESHOLD
        reason = reasons.join((judged.hold, unlimited, *judged.remarks))
        lower, upper = shown.bounds()
        return replace(
            self.withheld(check, view, reason),
            status=Status.INSUFFICIENT if judged.hold else judged.status,
            value=shown.value,
            lower=lower,
            upper=upper,
            panes=shown.panes,
            effective_events=shown.size,
        )


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
    levels = error_levels(spec.monitoring.false_alarm_every, max(1, len(limits)))
    modality, unit = spec.model.modality[0].value, WindowCut.of(spec.monitoring.windows).unit
    return RateSettings(modality, limits, spec.monitoring.max_loss, *levels, unit)
