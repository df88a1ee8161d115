"""Traffic: how many events a window held, with the interval that chance alone gives it.

Events that were sampled count as often as they stand for. Windows that count events have no
traffic of their own: every one holds as many as it was told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors import reasons
from detectors.cells import Cells, count, in_pieces, read, sampling_weight
from detectors.points import Count
from detectors.rate_check import rate_settings
from detectors.stats.limits import poisson_limits
from detectors.trailing import DISPLAY_ERROR
from governance.algebra.sums import merge
from governance.finding import Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from detectors.base import Pane, WindowView
    from detectors.points import Point
    from detectors.rate_check import RateSettings
    from detectors.reference import Reference
    from governance.algebra.sums import Sums
    from governance.component.schema import Component
    from governance.event import EventBatch

_ARRAY = "operations.traffic"
_SHAPE = (1,)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Shows the events of the newest window; what is unusual about it, ``rate_change`` says."""

    settings: RateSettings

    def add(self, batch: EventBatch) -> Sums:
        return in_pieces(_count, batch) if batch.n else {}

    def add_outcomes(self, batch: EventBatch) -> Sums:  # noqa: ARG002 - needs no labels
        return {}

    def judge(self, view: WindowView) -> list[Verdict]:
        """One verdict; an empty window is 0 events, which is a number like any other."""
        settings, unit = self.settings, self.settings.unit
        panes = view.panes[-unit:]
        hold = settings.filling(view) or settings.lost(view)
        cells = read(merge(pane.sums for pane in panes), _ARRAY, _SHAPE)[0]
        events, weight = _estimate(cells)
        lower, upper = poisson_limits(float(cells.weight) / weight, DISPLAY_ERROR)
        return [
            Verdict(
                check="traffic",
                subject="",
                modality=settings.modality,
                status=Status.INSUFFICIENT if hold else Status.OK,
                reason=reasons.join((hold, reasons.NO_THRESHOLD)),
                value=events,
                lower=float(lower) * weight,
                upper=float(upper) * weight,
                panes=len(panes),
                events=view.panes[-1].events,
                effective_events=events / weight,
            )
        ]

    def points(self, pane: Pane) -> dict[str, Point]:
        """The events of one pane; none is a point too."""
        if pane.lost_share > self.settings.max_loss:
            return {}
        return {"traffic": Count(*_estimate(read(pane.sums, _ARRAY, _SHAPE)[0]))}


def make_traffic(
    component: Component,
    reference: Reference | None,  # noqa: ARG001 - nothing to compare with
    *,
    keyed: Callable[[str, str], str] | None = None,  # noqa: ARG001 - has no values to key
) -> Traffic | None:
    """The traffic of every component whose windows are cut by time."""
    if component.spec.monitoring.windows.kind == "events":
        return None
    return Traffic(rate_settings(component))


def _count(batch: EventBatch) -> Sums:
    return count(_ARRAY, np.zeros(batch.n, dtype=np.int8), _SHAPE, sampling_weight(batch))


def _estimate(cells: Cells) -> tuple[float, float]:
    """Events, and how many one of those that were seen stands for: sum w^2 / sum w."""
    weight = float(cells.weight)
    return weight, float(cells.squared_weight) / weight if weight else 1.0
