"""Performance without labels: what scores, taken as probabilities, say of predictions.

Confidence-based performance estimation (Bialek, Kuberski, Perrakis & Bifet 2024, "Estimating model
performance under covariate shift without labels", arXiv 2401.08348; NannyML calls it CBPE): an
event with score s that was predicted favourable is a true positive with probability s and a false
one with 1 - s, so expected tables and histograms are sums over events, and every measure can be
read from them. Where the reference has labels, what a score means is learned from them first.

An estimate is right while scores are calibrated probabilities and features keep their relation to
the label: it sees a change of who comes, never a change of what happens to them. So it raises at
most a warning.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from detectors import reasons
from detectors.cells import Cells, count, in_pieces, read, sampling_weight
from detectors.limit import against_limit
from detectors.outcome_table import OUTCOMES, UNFAVOURABLE, OutcomeTable, outcome_codes
from detectors.performance.catalog import ESTIMATES
from detectors.performance.seen import Seen, nothing_seen, read_seen
from detectors.rate_check import Judged, RateSettings, rate_settings
from detectors.score_bins import CENTRES, NO_SCORE, SCORE_BINS, score_bins
from detectors.stats.isotonic import rising_shares
from detectors.trailing import trailing_windows
from governance.finding import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from detectors.base import WindowView
    from detectors.performance.estimate import Estimate
    from detectors.reference import Reference
    from governance.algebra.sums import Sums
    from governance.component.metrics import RateCheck
    from governance.component.schema import Component
    from governance.event import EventBatch
    from governance.finding import Verdict

ASSUMPTION = (
    "estimate: assumes that scores are calibrated probabilities and that the relation of features "
    "to labels has not changed"
)
FEWEST_LABELS = 1_000  # of the reference, to learn from them what a score means
_PREFIX = _SCORES = "estimated.scores"
_SHAPE = (SCORE_BINS + 1, OUTCOMES)  # score by prediction; the last bin holds what has no score
_NO_SCORES = (
    "no_scores: no event of the window has a prediction and a score in [0, 1]: say in "
    "spec.signals.score where the probability of the favourable outcome is"
)


@dataclass(frozen=True, slots=True, eq=False)
class Estimated:
    """Estimates the measures that have a limit.

    ``meaning`` is the probability of a favourable label per bin of the score, shape (SCORE_BINS,).
    """

    settings: RateSettings
    checks: tuple[RateCheck, ...]
    meaning: NDArray[np.float64]
    learned: str  # what it was learned from, in words; empty: scores as they are
    undeclared: str = ""

    def add(self, batch: EventBatch) -> Sums:
        return {} if self.undeclared else in_pieces(_scores, batch)

    def add_outcomes(self, batch: EventBatch) -> Sums:  # noqa: ARG002 - needs no labels
        return {}

    def judge(self, view: WindowView) -> list[Verdict]:
        nothing = self.undeclared or self.settings.nothing(view)
        if nothing:
            return [self.settings.withheld(check, view, nothing) for check in self.checks]
        expected = [
            (window.panes, self.expected(window.sums))
            for window in trailing_windows(view, _PREFIX, self.settings.unit)
        ]
        return [self._verdict(check, expected, view) for check in self.checks]

    def _verdict(
        self, check: RateCheck, expected: list[tuple[int, Seen]], view: WindowView
    ) -> Verdict:
        settings, measure = self.settings, ESTIMATES[check]
        found = against_limit(
            _ladder(measure.read, expected), settings.rule(settings.limits[check], above=False)
        )
        hold = settings.lost(view)
        if found.shown is None:
            return settings.withheld(check, view, reasons.join((hold, _NO_SCORES)))
        status = Status.WARNING if found.status is Status.BREACH else found.status
        remarks = (ASSUMPTION, self.learned)
        return settings.verdict(check, view, Judged(status, found.shown, hold, remarks))

    def expected(self, sums: Sums) -> Seen:
        """The sums of a window as if its labels were known on average."""
        scores = read(sums, _SCORES, _SHAPE)
        by_label = _split(scores[:NO_SCORE], self.meaning)
        scored = Cells(*(np.zeros(_SHAPE) for _ in range(3)))
        for ours, split in zip(_arrays(scored), by_label, strict=True):
            ours[:NO_SCORE, UNFAVOURABLE:] = split.sum(axis=1)
        table = Cells(*(np.zeros((1, OUTCOMES, OUTCOMES)) for _ in range(3)))
        for ours, split in zip(_arrays(table), by_label, strict=True):
            ours[0, :, UNFAVOURABLE:] = split.sum(axis=0)
        predictions = Cells(*(array.sum(axis=0)[None] for array in _arrays(scores)))
        return replace(nothing_seen(), table=OutcomeTable(predictions, table), scored=scored)


def make_estimates(
    component: Component,
    reference: Reference | None,
    *,
    keyed: Callable[[str, str], str] | None = None,  # noqa: ARG001 - has no values to key
) -> Estimated | None:
    """The estimates with a limit in ``rolloutMetrics``; ConfigError for one that cannot be."""
    settings = rate_settings(component)
    checks = tuple(check for check in ESTIMATES if check in settings.limits)
    if not checks:
        return None
    declared = component.spec.signals.favourable is not None
    undeclared = "" if declared else reasons.FAVOURABLE_NOT_DECLARED
    return Estimated(settings, checks, *_meaning(reference), undeclared)


def _meaning(reference: Reference | None) -> tuple[NDArray[np.float64], str]:
    known = None if reference is None else reference.performance_sums()
    if known is None:
        return CENTRES, ""
    version, sums = known
    labels = read_seen(sums, sums).usable_scores.weight
    if labels.sum() < FEWEST_LABELS:
        return CENTRES, ""
    learned = f"calibrated: on {labels.sum():,.0f} labels of the reference, version {version}"
    return rising_shares(labels[:, 1], labels.sum(axis=1), CENTRES), learned


def _scores(batch: EventBatch) -> Sums:
    keys = score_bins(batch.columns.get("score"), batch.n).astype(np.int32) * OUTCOMES
    keys += outcome_codes(batch.columns.get("favourable"), batch.n)
    return count(_SCORES, keys, _SHAPE, sampling_weight(batch))


def _ladder(
    measure: Callable[[Seen], Estimate | None], expected: list[tuple[int, Seen]]
) -> list[Estimate]:
    found = ((panes, measure(seen)) for panes, seen in expected)
    return [estimate.over(panes) for panes, estimate in found if estimate is not None]


def _split(scores: Cells, meaning: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Each array of cells by what its labels are expected to be, shape (bins, predictions, 2)."""
    parts = np.stack([1 - meaning, meaning], axis=1)[:, None, :]
    return [array[:, :, None] * parts for array in _arrays(scores)]


def _arrays(cells: Cells) -> tuple[NDArray[np.float64], ...]:
    return cells.events, cells.weight, cells.squared_weight
