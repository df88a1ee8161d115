"""Changes without a limit: every operational series against its own past (STATISTICS 2).

A robust heuristic without a guarantee, so it warns and never breaches; a lasting change warns for
three windows and is then silent until the series has been calm for 120. Nobody has declared a
threshold, so a calm series is shown and not judged: it lets no gate pass. What it reads are the
points of other detectors (``PointSource``), which are followed as panes close.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from detectors import reasons
from detectors.rate_check import rate_settings
from detectors.stats.rate_change import ALARM_AT, CALM, FEWEST
from governance.finding import Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from detectors.base import WindowView
    from detectors.rate_check import RateSettings
    from detectors.reference import Reference
    from detectors.stats.rate_change import Change
    from governance.algebra.sums import Sums
    from governance.component.schema import Component
    from governance.event import EventBatch

CHECK = "rate_change"
UNITS = {
    "traffic": " events",
    "latency_p95": " ms",
    "ttft_p95": " ms",
    "input_tokens_mean": " tokens",
    "output_tokens_mean": " tokens",
    "request_bytes_p95": " bytes",
    "response_bytes_p95": " bytes",
}
_NEEDED = 2 * FEWEST + 1  # points


@dataclass(frozen=True, slots=True)
class RateChange:
    """One verdict per series that the newest pane is a point of."""

    settings: RateSettings

    def add(self, batch: EventBatch) -> Sums:  # noqa: ARG002 - others count
        return {}

    def add_outcomes(self, batch: EventBatch) -> Sums:  # noqa: ARG002 - needs no labels
        return {}

    def judge(self, view: WindowView) -> list[Verdict]:
        """Nothing for a pane that is no point: cut short, or with too much lost."""
        scored = {name: change for name, change in view.changes.items() if change.is_scored}
        if scored:
            return [self._verdict(name, change, view) for name, change in scored.items()]
        return [self._building(view)] if view.changes else []

    def _verdict(self, series: str, change: Change, view: WindowView) -> Verdict:
        shown_only = "" if change.alarm else reasons.NO_THRESHOLD
        return Verdict(
            check=CHECK,
            subject=series,
            modality=self.settings.modality,
            status=Status.WARNING if change.alarm else Status.OK,
            reason=reasons.join((_words(series, change), shown_only)),
            value=change.score,
            raw=change.mean,
            panes=change.span,
            events=view.panes[-1].events,
        )

    def _building(self, view: WindowView) -> Verdict:
        points = max(change.points for change in view.changes.values())
        reason = (
            f"history_building: {points} of {_NEEDED} windows; changes are looked for once there "
            "are enough to compare with"
        )
        return Verdict(
            check=CHECK,
            subject="",
            modality=self.settings.modality,
            status=Status.INSUFFICIENT,
            reason=reason,
            events=view.panes[-1].events,
        )


def make_rate_change(
    component: Component,
    reference: Reference | None,  # noqa: ARG001 - compared with its own past
    *,
    keyed: Callable[[str, str], str] | None = None,  # noqa: ARG001 - has no values to key
) -> RateChange:
    """The series of every component."""
    return RateChange(rate_settings(component))


def _words(series: str, change: Change) -> str:
    side = "above" if change.mean > change.level else "below"
    over = "" if change.span == 1 else f" over the last {change.span} windows"
    words = (
        f"{series}: {_number(change.mean)}{UNITS.get(series, '')}{over}, {change.score:.1f} scale "
        f"units {side} the usual {_number(change.level)} (median of {change.means} windows)"
    )
    if change.score < ALARM_AT or change.alarm:
        return words
    return f"{words}; told already, silent until {CALM} windows were calm"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"
