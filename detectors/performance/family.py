"""The performance family: how often predictions are right, from labels that arrive later."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from detectors import label_caps, reasons
from detectors.cells import count, in_pieces, read, sampling_weight
from detectors.limit import Limited, Share, against_limit
from detectors.outcome_table import (
    FAVOURABLE,
    OUTCOMES,
    UNFAVOURABLE,
    OutcomeTable,
    outcome_codes,
)
from detectors.performance.accuracy import ACCURACY
from detectors.performance.f1 import F1
from detectors.performance.precision import PRECISION
from detectors.performance.recall import RECALL
from detectors.rate_check import Judged, RateSettings, rate_settings
from detectors.trailing import trailing_windows
from governance.finding import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from detectors.base import WindowView
    from detectors.performance.measure import Measure
    from detectors.reference import Reference
    from detectors.trailing import Trailing
    from governance.algebra.sums import Sums
    from governance.component.schema import Component
    from governance.event import EventBatch
    from governance.finding import Verdict

MEASURES = (ACCURACY, PRECISION, RECALL, F1)
_PREFIX = "performance."
_PREDICTIONS, _OUTCOMES = "performance.predictions", "performance.outcomes"
_EVERYONE = np.ones(1, dtype=np.bool_)  # performance is of one group: all events


@dataclass(frozen=True, slots=True)
class Performance:
    """Shows ``measures`` and judges those that have a limit; below it is the breach."""

    settings: RateSettings
    measures: tuple[Measure, ...]
    undeclared: str = ""

    def add(self, batch: EventBatch) -> Sums:
        if self.undeclared:
            return {}
        return in_pieces(_predictions, batch)

    def add_outcomes(self, batch: EventBatch) -> Sums:
        if self.undeclared:
            return {}
        return in_pieces(_outcomes, batch)

    def judge(self, view: WindowView) -> list[Verdict]:
        nothing = self.undeclared or self.settings.nothing(view)
        if nothing:
            return [self.settings.withheld(m.check, view, nothing) for m in self.measures]
        tables = [(w.panes, _table(w)) for w in trailing_windows(view, _PREFIX, self.settings.unit)]
        return [self._verdict(measure, tables, view) for measure in self.measures]

    def _verdict(
        self, measure: Measure, tables: list[tuple[int, OutcomeTable]], view: WindowView
    ) -> Verdict:
        limit = self.settings.limits.get(measure.check)
        rule = self.settings.rule(None if limit is None else measure.share_of(limit), above=False)
        found = against_limit((_share(panes, t, measure) for panes, t in tables), rule)
        hold = reasons.join((self.settings.lost(view), reasons.provisional(view)))
        if found.shown is None:
            nothing = f"no_labels: the window holds no {measure.rate.denominator}"
            return self.settings.withheld(measure.check, view, reasons.join((hold, nothing)))
        table = next(table for panes, table in tables if panes == found.shown.panes)
        judged = _judged(found, found.shown, measure, table)
        verdict = self.settings.verdict(measure.check, view, replace(judged, hold=hold))
        return _expressed(verdict, measure, table)


def make_performance(
    component: Component,
    reference: Reference | None,  # noqa: ARG001 - judged against a limit
    *,
    keyed: Callable[[str, str], str] | None = None,  # noqa: ARG001 - has no values to key
) -> Performance | None:
    """Measures with a limit in ``rolloutMetrics``, and accuracy where labels are declared.

    Raises
    ------
    ConfigError
        If a limit is outside [0, 1].
    """
    signals, settings = component.spec.signals, rate_settings(component)
    labelled = signals.label is not None and signals.favourable is not None
    measures = tuple(
        m for m in MEASURES if m.check in settings.limits or (m is ACCURACY and labelled)
    )
    undeclared = "" if signals.favourable else reasons.FAVOURABLE_NOT_DECLARED
    return Performance(settings, measures, undeclared) if measures else None


def _predictions(batch: EventBatch) -> Sums:
    keys = outcome_codes(batch.columns.get("favourable"), batch.n)
    return count(_PREDICTIONS, keys, (1, OUTCOMES), sampling_weight(batch))


def _outcomes(batch: EventBatch) -> Sums:
    keys = outcome_codes(batch.columns.get("favourable"), batch.n) * np.int8(OUTCOMES)
    keys += outcome_codes(batch.columns.get("label"), batch.n)
    return count(_OUTCOMES, keys, (1, OUTCOMES, OUTCOMES), sampling_weight(batch))


def _table(window: Trailing) -> OutcomeTable:
    return OutcomeTable(
        read(window.sums, _PREDICTIONS, (1, OUTCOMES)),
        read(window.outcomes, _OUTCOMES, (1, OUTCOMES, OUTCOMES)),
    )


def _share(panes: int, table: OutcomeTable, measure: Measure) -> Share:
    successes, sizes = table.share(measure.rate)
    return Share(panes, float(successes[0]), float(sizes[0]))


def _judged(found: Limited, shown: Share, measure: Measure, table: OutcomeTable) -> Judged:
    """Cap a breach that missing labels could make up, and say how much they could change."""
    fragile = measure.rate.fragile
    cap = found.status is Status.BREACH and label_caps.explains(fragile, table, _EVERYONE)
    _, missing, _ = table.labels(_EVERYONE)
    unfavourable, favourable = (
        measure.express(_share(shown.panes, table.completed(label), measure).value)
        for label in (UNFAVOURABLE, FAVOURABLE)
    )
    remarks = (
        reasons.capped(fragile) if cap else "",
        reasons.labels_missing(missing, unfavourable, favourable),
    )
    return Judged(Status.WARNING if cap else found.status, shown, remarks=remarks)


def _expressed(verdict: Verdict, measure: Measure, table: OutcomeTable) -> Verdict:
    labels, _, coverage = table.labels(_EVERYONE)
    value, lower, upper = (
        None if share is None else measure.express(share)
        for share in (verdict.value, verdict.lower, verdict.upper)
    )
    return replace(
        verdict, value=value, lower=lower, upper=upper, labels=labels, label_coverage=coverage
    )
