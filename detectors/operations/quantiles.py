"""Quantiles of a quantity: shown from buckets within 1 %, judged by an exact counter.

"p95 > limit" is "more than 5 % of the events are above the limit" (STATISTICS 2): where a limit is
declared, those events are counted when they are seen, so the verdict does not depend on buckets.
Latency, time to first token, tokens and bytes are each one ``Quantity``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from detectors import reasons
from detectors.cells import Cells, count, in_pieces, read, sampling_weight, share
from detectors.limit import Share, against_limit
from detectors.points import Magnitude
from detectors.rate_check import Judged
from detectors.trailing import seen, trailing_windows
from governance.algebra.sums import merge
from governance.finding import Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from detectors.base import Pane, WindowView
    from detectors.limit import Bounded
    from detectors.operations.buckets import LogBuckets
    from detectors.points import Point
    from detectors.rate_check import RateSettings
    from detectors.trailing import Trailing
    from governance.algebra.sums import Sums
    from governance.component.metrics import RateCheck
    from governance.event import EventBatch

SERIES = 0.05  # of the events may lie above the quantile that is followed over time
_WITHIN, _ABOVE = 1, 2  # 0 is unknown
_SHAPE = (3,)


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something that is measured per event; missing, negative and infinite values are unknown.

    ``allowed`` gives, per check, the share of events that may lie above its limit. ``above``
    says in words what such an event did, with ``{limit:g}`` in it.
    """

    column: str
    allowed: Mapping[RateCheck, float]
    buckets: LogBuckets
    above: str
    missing: str
    unit: str
    mean: str = ""  # check that shows the mean of a quantity that adds up to a cost

    @property
    def array(self) -> str:
        """Name of the counts per bucket; every other name of the quantity begins with it."""
        return f"operations.{self.column.removesuffix('_ms')}"

    def counter(self, limit: float) -> str:
        """The exact counter of one limit; another limit is another counter."""
        return f"{self.array}.over_{limit!r}_{self.unit}"

    def cells(self, sums: Mapping[str, NDArray[np.int64]]) -> Cells:
        """Events per bucket; no event at all where nothing was measured."""
        size = len(sums.get(self.array, ()))
        return read(sums, self.array, (max(1, size),))[1:]


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Shows the quantiles of a quantity, and judges those that have a limit."""

    quantity: Quantity
    settings: RateSettings

    def add(self, batch: EventBatch) -> Sums:
        return in_pieces(self._count, batch) if self.quantity.column in batch.columns else {}

    def add_outcomes(self, batch: EventBatch) -> Sums:  # noqa: ARG002 - needs no labels
        return {}

    def judge(self, view: WindowView) -> list[Verdict]:
        """A verdict per quantile; without any value only for those that have a limit."""
        windows = list(self._windows(view))
        checks = self.quantity.allowed if windows else self._limits()
        found = [self._verdict(check, view, windows) for check in checks]
        return found + self._means(view, windows)

    def points(self, pane: Pane) -> dict[str, Point]:
        """The quantity's series: its mean, else its second quantile."""
        cells = self.quantity.cells(pane.sums)
        if pane.lost_share > self.settings.max_loss or not cells.events.any():
            return {}
        quantity = self.quantity
        if quantity.mean:
            return {quantity.mean: Magnitude(quantity.buckets.mean(cells)[0])}
        (check, allowed) = next(item for item in quantity.allowed.items() if item[1] == SERIES)
        return {check.value: Magnitude(quantity.buckets.quantile(cells, 1 - allowed))}

    def _windows(self, view: WindowView) -> Iterator[Trailing]:
        """Those in which something was measured; the first alone where there is no limit."""
        if not seen(view, self.quantity.array):
            return iter(())
        ladder = trailing_windows(view, self.quantity.array, self.settings.unit)
        measured = (w for w in ladder if self.quantity.cells(w.sums).events.any())
        return measured if self._limits() else islice(measured, 1)

    def _count(self, batch: EventBatch) -> Sums:
        quantity = self.quantity
        values = batch.columns[quantity.column].values.astype(np.float64)
        known, weight = np.isfinite(values) & (values >= 0), sampling_weight(batch)
        keys = np.zeros(batch.n, dtype=np.intp)
        keys[known] = quantity.buckets.index(values[known]) + 1
        shape = (int(keys.max(initial=0)) + 1,)
        counters = [
            count(quantity.counter(limit), _side(values, known, limit), _SHAPE, weight)
            for limit in self._limits().values()
        ]
        return merge([count(quantity.array, keys, shape, weight), *counters])

    def _limits(self) -> dict[RateCheck, float]:
        return {c: v for c, v in self.settings.limits.items() if c in self.quantity.allowed}

    def _verdict(self, check: RateCheck, view: WindowView, windows: list[Trailing]) -> Verdict:
        settings, limit = self.settings, self.settings.limits.get(check)
        nothing = settings.nothing(view)
        if nothing:
            return settings.withheld(check, view, nothing)
        allowed = self.quantity.allowed[check]
        rule = settings.rule(None if limit is None else allowed, above=True)
        found = against_limit((self._share(w, limit) for w in windows), rule)
        lost = settings.lost(view)
        if found.shown is None:
            return settings.withheld(check, view, reasons.join((lost, self.quantity.missing)))
        shown = next(window for window in windows if window.panes == found.shown.panes)
        above = "" if limit is None else self._words(found.shown, limit, allowed)
        judged = Judged(found.status, found.shown, lost, (above,))
        cells = self.quantity.cells(shown.sums)
        buckets, q = self.quantity.buckets, 1 - allowed
        lower, upper = buckets.quantile_limits(cells, q)
        verdict = settings.verdict(check, view, judged)
        return replace(verdict, value=buckets.quantile(cells, q), lower=lower, upper=upper)

    def _means(self, view: WindowView, windows: list[Trailing]) -> list[Verdict]:
        """The mean of a quantity that adds up to a cost, and the total: shown, never judged."""
        settings, quantity = self.settings, self.quantity
        if not quantity.mean or not windows or settings.nothing(view):
            return []
        cells, lost = quantity.cells(windows[0].sums), settings.lost(view)
        value, lower, upper = quantity.buckets.mean(cells)
        total = f"total: {value * cells.weight.sum():,.0f} {quantity.unit}"
        verdict = Verdict(
            check=quantity.mean,
            subject="",
            modality=settings.modality,
            status=Status.INSUFFICIENT if lost else Status.OK,
            reason=reasons.join((lost, total, reasons.NO_THRESHOLD)),
            value=value,
            lower=lower,
            upper=upper,
            panes=windows[0].panes,
            events=view.panes[-1].events,
            effective_events=float(cells.weight.sum() ** 2 / cells.squared_weight.sum()),
        )
        return [verdict]

    def _share(self, window: Trailing, limit: float | None) -> Share:
        """Above the limit; without one all measured events, so that the window can be shown."""
        if limit is None:
            within = above = self.quantity.cells(window.sums).total()
        else:
            cells = read(window.sums, self.quantity.counter(limit), _SHAPE)
            within, above = cells[_WITHIN:].total(), cells[_ABOVE]
        successes, size = share(above, within)
        return Share(window.panes, float(successes), float(size))

    def _words(self, above: Bounded, limit: float, allowed: float) -> str:
        low, high = above.bounds()
        did = self.quantity.above.format(limit=limit)
        return (
            f"above: {above.value:.4g} [{low:.4g}, {high:.4g}] of {above.size:.6g} events {did}, "
            f"{allowed:g} is allowed"
        )


def _side(values: NDArray[np.float64], known: NDArray[np.bool_], limit: float) -> NDArray[np.int8]:
    side = known.astype(np.int8)  # _WITHIN, else unknown
    side += known & (values > limit)  # _ABOVE
    return side
