"""Finish reasons: why answers ended, as shares of all answers that say so.

Each reason that was seen is shown under ``finish_reason``; ``length_rate`` (answers that were cut
off) and ``content_filter_rate`` are judged where they have a limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors import reasons
from detectors.cells import count, in_pieces, read, sampling_weight, share
from detectors.limit import Share, against_limit
from detectors.rate_check import Judged, rate_settings
from detectors.trailing import seen, trailing_windows
from governance.component.metrics import RateCheck
from governance.event import FINISH_REASONS
from governance.finding import Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from detectors.base import WindowView
    from detectors.rate_check import RateSettings
    from detectors.reference import Reference
    from governance.algebra.sums import Sums
    from governance.component.schema import Component
    from governance.event import EventBatch

JUDGED = {RateCheck.LENGTH_RATE: "length", RateCheck.CONTENT_FILTER_RATE: "content_filter"}
_COLUMN = "finish_reason"
_ARRAY = "operations.finish_reason"
_SHAPE = (1 + len(FINISH_REASONS),)  # 0 is unknown
_CELL = {reason: i + 1 for i, reason in enumerate(FINISH_REASONS)}
_MISSING = "no_finish_reason: no event of the window says why its answer ended"


@dataclass(frozen=True, slots=True)
class FinishReason:
    """Shows the share of every reason, and judges those whose rate has a limit."""

    settings: RateSettings

    def add(self, batch: EventBatch) -> Sums:
        return in_pieces(_count, batch) if _COLUMN in batch.columns else {}

    def add_outcomes(self, batch: EventBatch) -> Sums:  # noqa: ARG002 - needs no labels
        return {}

    def judge(self, view: WindowView) -> list[Verdict]:
        """A verdict per reason seen in the newest window, and one per limit."""
        limits = [check for check in JUDGED if check in self.settings.limits]
        if not limits and not seen(view, _ARRAY):
            return []
        nothing = self.settings.nothing(view)
        if nothing:
            return [self.settings.withheld(check, view, nothing) for check in limits]
        ladder = [(w.panes, w.sums) for w in trailing_windows(view, _ARRAY, self.settings.unit)]
        judged = [self._judged(check, view, ladder) for check in limits]
        return self._shown(view, *ladder[0]) + judged

    def _judged(
        self, check: RateCheck, view: WindowView, ladder: list[tuple[int, Sums]]
    ) -> Verdict:
        settings, lost = self.settings, self.settings.lost(view)
        shares = (_share(panes, sums, JUDGED[check]) for panes, sums in ladder)
        found = against_limit(shares, settings.rule(settings.limits[check], above=True))
        if found.shown is None:
            return settings.withheld(check, view, reasons.join((lost, _MISSING)))
        return settings.verdict(check, view, Judged(found.status, found.shown, lost))

    def _shown(
        self, view: WindowView, panes: int, sums: Mapping[str, NDArray[np.int64]]
    ) -> list[Verdict]:
        lost = self.settings.lost(view)
        shares = {reason: _share(panes, sums, reason) for reason in FINISH_REASONS}
        present = {reason: found for reason, found in shares.items() if found.successes > 0}
        return [self._verdict(view, reason, found, lost) for reason, found in present.items()]

    def _verdict(self, view: WindowView, reason: str, found: Share, lost: str) -> Verdict:
        lower, upper = found.bounds()
        return Verdict(
            check=_COLUMN,
            subject=reason,
            modality=self.settings.modality,
            status=Status.INSUFFICIENT if lost else Status.OK,
            reason=reasons.join((lost, reasons.NO_THRESHOLD)),
            value=found.value,
            lower=lower,
            upper=upper,
            panes=found.panes,
            events=view.panes[-1].events,
            effective_events=found.size,
        )


def make_finish_reason(
    component: Component,
    reference: Reference | None,  # noqa: ARG001 - judged against a limit
    *,
    keyed: Callable[[str, str], str] | None = None,  # noqa: ARG001 - a closed vocabulary has no key
) -> FinishReason:
    """Finish reasons of every component; raises ConfigError for a limit that cannot be one."""
    return FinishReason(rate_settings(component))


def _count(batch: EventBatch) -> Sums:
    column = batch.columns[_COLUMN]
    other = _CELL["other"]
    cells = [_CELL.get(text, other) for text in column.dictionary or ()]
    table = np.array([*cells, 0], dtype=np.int8)  # the missing code -1 reads the last one
    return count(_ARRAY, table[column.values], _SHAPE, sampling_weight(batch))


def _share(panes: int, sums: Mapping[str, NDArray[np.int64]], reason: str) -> Share:
    cells = read(sums, _ARRAY, _SHAPE)
    successes, size = share(cells[_CELL[reason]], cells[1:].total())
    return Share(panes, float(successes), float(size))
