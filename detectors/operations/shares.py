"""The share of events of which something is true, against the limit of its check.

Error rate, undecodable and truncated bodies and refusals are each one ``Proportion``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors import reasons
from detectors.cells import count, in_pieces, read, sampling_weight, share
from detectors.limit import Share, against_limit
from detectors.points import Rate
from detectors.rate_check import Judged
from detectors.trailing import seen, trailing_windows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from detectors.base import Pane, WindowView
    from detectors.points import Point
    from detectors.rate_check import RateSettings
    from governance.algebra.sums import Sums
    from governance.component.metrics import RateCheck
    from governance.event import EventBatch
    from governance.finding import Verdict

UNKNOWN, COUNTED, TRUE = 0, 1, 2  # what a proportion says of an event
_SHAPE = (3,)


def flagged(flag: NDArray[Any]) -> NDArray[np.int8]:
    """Sides of a column that is 1 (true), 0 (not) or -1 (unknown)."""
    sides = (flag >= 0).astype(np.int8)
    sides += flag == 1
    return sides


@dataclass(frozen=True, slots=True)
class Proportion:
    """What makes an event count, and what makes it true, from one column.

    ``sides`` maps the column's values, shape (n,), to ``UNKNOWN``, ``COUNTED`` or ``TRUE``.
    """

    check: RateCheck
    column: str
    sides: Callable[[NDArray[Any]], NDArray[np.int8]]
    missing: str

    @property
    def array(self) -> str:
        """Name of the counts."""
        return f"operations.{self.check.value}"

    def share(self, panes: int, sums: Mapping[str, NDArray[np.int64]]) -> Share:
        """Successes and effective size."""
        cells = read(sums, self.array, _SHAPE)
        successes, size = share(cells[TRUE], cells[COUNTED:].total())
        return Share(panes, float(successes), float(size))


@dataclass(frozen=True, slots=True)
class Shares:
    """Judges a proportion against its limit, if there is one; above it is the breach."""

    proportion: Proportion
    settings: RateSettings

    def add(self, batch: EventBatch) -> Sums:
        return in_pieces(self._count, batch) if self.proportion.column in batch.columns else {}

    def add_outcomes(self, batch: EventBatch) -> Sums:  # noqa: ARG002 - needs no labels
        return {}

    def judge(self, view: WindowView) -> list[Verdict]:
        """One verdict; none where there is neither a limit nor an event that counts."""
        proportion, settings = self.proportion, self.settings
        check, limit = proportion.check, settings.limits.get(proportion.check)
        if limit is None and not seen(view, proportion.array):
            return []
        ladder = trailing_windows(view, proportion.array, settings.unit)
        shares = (proportion.share(window.panes, window.sums) for window in ladder)
        found, lost = against_limit(shares, settings.rule(limit, above=True)), settings.lost(view)
        if limit is None and found.shown is None:
            return []
        nothing = settings.nothing(view)
        if nothing:
            return [settings.withheld(check, view, nothing)]
        if found.shown is None:
            return [settings.withheld(check, view, reasons.join((lost, proportion.missing)))]
        return [settings.verdict(check, view, Judged(found.status, found.shown, lost))]

    def points(self, pane: Pane) -> dict[str, Point]:
        """The share of one pane."""
        found = self.proportion.share(1, pane.sums)
        if pane.lost_share > self.settings.max_loss or found.size <= 0:
            return {}
        return {self.proportion.check.value: Rate(found.value, found.size)}

    def _count(self, batch: EventBatch) -> Sums:
        values = batch.columns[self.proportion.column].values
        keys = self.proportion.sides(values)
        return count(self.proportion.array, keys, _SHAPE, sampling_weight(batch))
