"""The performance family: how right predictions are, from labels that arrive later."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from detectors import reasons
from detectors.cells import in_pieces
from detectors.limit import against_limit
from detectors.performance.accuracy import ACCURACY
from detectors.performance.catalog import MEASURES
from detectors.performance.degradation import Yardstick, worsening, yardsticks
from detectors.performance.ladder import Ladder
from detectors.performance.mean_absolute_error import MEAN_ABSOLUTE_ERROR
from detectors.performance.mean_error import MEAN_ERROR
from detectors.performance.remarks import judged, labelled
from detectors.performance.seen import (
    count_errors,
    count_outcomes,
    count_predicted,
    count_predictions,
    count_scored,
)
from detectors.rate_check import RateSettings, rate_settings
from governance.algebra.sums import merge
from governance.component.metrics import RateCheck

if TYPE_CHECKING:
    from collections.abc import Callable

    from detectors.base import WindowView
    from detectors.performance.measure import Measure
    from detectors.reference import Reference
    from governance.algebra.sums import Sums
    from governance.component.schema import Component, Signals
    from governance.event import EventBatch
    from governance.finding import Verdict

_OF_OUTCOMES = (
    "outcomes_declared: spec.signals.favourable makes predictions outcomes: leave it out to "
    "measure the errors of numbers"
)

_CLASSES = "where predictions are classes, say in spec.signals.favourable which are favourable"


class Kind(Enum):
    """What predictions and labels are."""

    OUTCOMES = "outcomes"
    NUMBERS = "numbers"
    UNDECLARED = "undeclared"  # nobody says which predictions are favourable


_USUAL = {
    Kind.OUTCOMES: (ACCURACY,),
    Kind.NUMBERS: (MEAN_ABSOLUTE_ERROR, MEAN_ERROR),
    Kind.UNDECLARED: (ACCURACY,),
}
"""What is shown where labels are declared."""


@dataclass(frozen=True, slots=True)
class Performance:
    """Shows ``measures`` and judges those that have a limit, and what ``yardsticks`` compare.

    ``kind`` says what predictions and labels are; measures of the other kind cannot be read.
    """

    settings: RateSettings
    measures: tuple[Measure, ...]
    kind: Kind
    yardsticks: tuple[Yardstick, ...] = ()

    def add(self, batch: EventBatch) -> Sums:
        return in_pieces(self._count, batch)

    def add_outcomes(self, batch: EventBatch) -> Sums:
        return in_pieces(self._count_labelled, batch)

    def judge(self, view: WindowView) -> list[Verdict]:
        nothing = self.settings.nothing(view)
        if nothing:
            return [
                *(self.settings.withheld(m.check, view, nothing) for m in self.measures),
                *(self._degradation(y, nothing, view) for y in self.yardsticks),
            ]
        ladder = Ladder(view, self.settings.unit)
        return [
            *(self._verdict(measure, ladder, view) for measure in self.measures),
            *(self._compare(yardstick, ladder, view) for yardstick in self.yardsticks),
        ]

    def _count(self, batch: EventBatch) -> Sums:
        if not self._readable():
            return {}
        return count_predicted(batch) if self.kind is Kind.NUMBERS else count_predictions(batch)

    def _count_labelled(self, batch: EventBatch) -> Sums:
        readable = self._readable()
        if not readable or self.kind is Kind.NUMBERS:
            return count_errors(batch) if readable else {}
        needs_scores = any(measure.needs_scores for measure in readable)
        scored = count_scored(batch) if needs_scores else {}
        return merge([count_outcomes(batch), scored])

    def _readable(self) -> list[Measure]:
        """The measures that predictions and labels are of the right kind for."""
        asked = (*self.measures, *(yardstick.measure for yardstick in self.yardsticks))
        return [measure for measure in asked if self._fits(measure)]

    def _fits(self, measure: Measure) -> bool:
        return self.kind is (Kind.NUMBERS if measure.of_numbers else Kind.OUTCOMES)

    def _verdict(self, measure: Measure, ladder: Ladder, view: WindowView) -> Verdict:
        settings = self.settings
        if not self._fits(measure):
            unfit = reasons.join((settings.lost(view), _unfit(measure)))
            return settings.withheld(measure.check, view, unfit)
        rule = settings.rule(settings.limits.get(measure.check), above=measure.above)
        found = against_limit(ladder.read(measure), rule)
        hold = reasons.join((settings.lost(view), reasons.provisional(view)))
        if found.shown is None:
            nothing = _nothing(measure)
            return settings.withheld(measure.check, view, reasons.join((hold, nothing)))
        seen = ladder.seen(found.shown.panes)
        window = replace(judged(found.status, found.shown, measure, seen), hold=hold)
        verdict = settings.verdict(measure.check, view, window)
        return replace(labelled(verdict, measure, seen), raw=found.shown.raw)

    def _compare(self, yardstick: Yardstick, ladder: Ladder, view: WindowView) -> Verdict:
        """How much worse a measure is than the reference's, as another measure."""
        measure, settings = yardstick.measure, self.settings
        hold = reasons.join((settings.lost(view), reasons.provisional(view)))
        lacks = yardstick.lacks if self._fits(measure) else _unfit(measure)
        if lacks:
            return self._degradation(yardstick, reasons.join((hold, lacks)), view)
        rule = settings.rule(settings.limits[RateCheck.DEGRADATION], above=True)
        found = against_limit(worsening(yardstick, ladder.read(measure)), rule)
        if found.shown is None:
            reason = reasons.join((hold, _nothing(measure)))
            return self._degradation(yardstick, reason, view)
        seen = ladder.seen(found.shown.panes)
        window = judged(found.status, found.shown, measure, seen)
        window = replace(window, hold=hold, remarks=(*window.remarks, yardstick.words))
        verdict = settings.verdict(RateCheck.DEGRADATION, view, window)
        verdict = replace(verdict, subject=measure.check.value, raw=found.shown.raw)
        return labelled(verdict, measure, seen)

    def _degradation(self, yardstick: Yardstick, reason: str, view: WindowView) -> Verdict:
        withheld = self.settings.withheld(RateCheck.DEGRADATION, view, reason)
        return replace(withheld, subject=yardstick.measure.check.value)


def make_performance(
    component: Component,
    reference: Reference | None,
    *,
    keyed: Callable[[str, str], str] | None = None,  # noqa: ARG001 - has no values to key
) -> Performance | None:
    """Measures with a limit in ``rolloutMetrics``, and the usual ones where labels are declared.

    Those are accuracy where ``favourable`` says what a prediction means, else the mean absolute
    and the mean error. ``degradation`` compares every measure that has a limit, or the first of
    the usual ones, with that of the reference's labelled rows.

    Raises
    ------
    ConfigError
        If a limit cannot be one.
    """
    signals, settings = component.spec.signals, rate_settings(component)
    kind = _kind(signals)
    usual = _USUAL[kind]
    limited = tuple(m for m in MEASURES if m.check in settings.limits)
    compared = (limited or usual[:1]) if RateCheck.DEGRADATION in settings.limits else ()
    shown = {*limited, *compared, *(usual if signals.label is not None else ())}
    if not shown:
        return None
    rulers = yardsticks([m for m in compared if m is not MEAN_ERROR], reference)
    return Performance(settings, tuple(m for m in MEASURES if m in shown), kind, rulers)


def _kind(signals: Signals) -> Kind:
    if signals.favourable is not None:
        return Kind.OUTCOMES
    return Kind.NUMBERS if signals.of_numbers else Kind.UNDECLARED


def _unfit(measure: Measure) -> str:
    return _OF_OUTCOMES if measure.of_numbers else reasons.FAVOURABLE_NOT_DECLARED


def _nothing(measure: Measure) -> str:
    nothing = f"no_labels: the window holds no {measure.counted}"
    return f"{nothing}; {_CLASSES}" if measure.of_numbers else nothing
