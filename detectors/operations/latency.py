"""Latency quantiles: shown from buckets within 1 %, judged by an exact counter.

"p95 > limit" is "more than 5 % of the requests took longer than the limit" (STATISTICS 2): where a
limit is declared, those requests are counted when they are seen, so the verdict does not depend on
buckets. Values, bounds and threshold are in milliseconds, as ``latency_ms`` on the wire: from the
first byte of the request to the last byte of the response, failed requests included.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from detectors import reasons
from detectors.cells import Cells, count, in_pieces, read, sampling_weight, share
from detectors.limit import Share, against_limit
from detectors.operations.buckets import bucket, quantile_ms
from detectors.rate_check import Judged, RateSettings, rate_settings
from detectors.trailing import Trailing, trailing_windows
from governance.algebra.sums import merge
from governance.component.metrics import RateCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from detectors.base import WindowView
    from detectors.reference import Reference
    from governance.algebra.sums import Sums
    from governance.component.schema import Component
    from governance.event import EventBatch
    from governance.finding import Verdict

SLOWER_ALLOWED: Mapping[RateCheck, float] = {
    RateCheck.LATENCY_P50: 0.5,
    RateCheck.LATENCY_P95: 0.05,
    RateCheck.LATENCY_P99: 0.01,
}
_BUCKETS = "operations.latency"
_WITHIN, _SLOWER = 1, 2  # 0 is unknown
_SHAPE = (3,)
_NO_LATENCY = "no_latency: no event of the window carries a latency"


@dataclass(frozen=True, slots=True)
class Latency:
    """Shows the median, the 95 and the 99 % quantile, and judges those that have a limit."""

    settings: RateSettings

    def add(self, batch: EventBatch) -> Sums:
        return in_pieces(self._count, batch) if "latency_ms" in batch.columns else {}

    def add_outcomes(self, batch: EventBatch) -> Sums:  # noqa: ARG002 - needs no labels
        return {}

    def judge(self, view: WindowView) -> list[Verdict]:
        """A verdict per quantile; without any latency only for those that have a limit."""
        windows = trailing_windows(view, _BUCKETS, self.settings.unit)
        seen = any(_buckets(window).events.any() for window in windows)
        checks = SLOWER_ALLOWED if seen else self._limits()
        return [self._verdict(check, view, windows) for check in checks]

    def _count(self, batch: EventBatch) -> Sums:
        latency = batch.columns["latency_ms"].values.astype(np.float64)
        known, weight = np.isfinite(latency) & (latency >= 0), sampling_weight(batch)
        keys = np.zeros(batch.n, dtype=np.intp)
        keys[known] = bucket(latency[known]) + 1
        shape = (int(keys.max(initial=0)) + 1,)
        counters = [
            count(_counter(limit), _speed(latency, known, limit), _SHAPE, weight)
            for limit in self._limits().values()
        ]
        return merge([count(_BUCKETS, keys, shape, weight), *counters])

    def _limits(self) -> dict[RateCheck, float]:
        return {c: limit for c, limit in self.settings.limits.items() if c.is_latency}

    def _verdict(self, check: RateCheck, view: WindowView, windows: list[Trailing]) -> Verdict:
        settings, limit = self.settings, self.settings.limits.get(check)
        nothing = settings.nothing(view)
        if nothing:
            return settings.withheld(check, view, nothing)
        allowed = SLOWER_ALLOWED[check]
        rule = settings.rule(None if limit is None else allowed, above=True)
        found, lost = against_limit((_share(w, limit) for w in windows), rule), settings.lost(view)
        if found.shown is None:
            return settings.withheld(check, view, reasons.join((lost, _NO_LATENCY)))
        shown = next(window for window in windows if window.panes == found.shown.panes)
        slower = "" if limit is None else _words(found.shown, limit, allowed)
        judged = Judged(found.status, found.shown, lost, (slower,))
        value, lower, upper = quantile_ms(_buckets(shown), 1 - allowed)
        verdict = settings.verdict(check, view, judged)
        return replace(verdict, value=value, lower=lower, upper=upper)


def make_latency(
    component: Component,
    reference: Reference | None,  # noqa: ARG001 - judged against a limit
    *,
    keyed: Callable[[str, str], str] | None = None,  # noqa: ARG001 - has no values to key
) -> Latency:
    """The latencies of every component; raises ConfigError for a limit that cannot be one."""
    return Latency(rate_settings(component))


def _counter(limit_ms: float) -> str:
    """The exact counter of one limit; another limit is another counter."""
    return f"{_BUCKETS}.over_{limit_ms!r}_ms"


def _speed(
    latency: NDArray[np.float64], known: NDArray[np.bool_], limit_ms: float
) -> NDArray[np.int8]:
    speed = known.astype(np.int8)  # _WITHIN, else unknown
    speed += known & (latency > limit_ms)  # _SLOWER
    return speed


def _buckets(window: Trailing) -> Cells:
    size = len(window.sums.get(_BUCKETS, ()))
    return read(window.sums, _BUCKETS, (max(1, size),))[1:]


def _share(window: Trailing, limit_ms: float | None) -> Share:
    """Slower than the limit; without one all measured events, so that the window can be shown."""
    if limit_ms is None:
        within = slower = _buckets(window).total()
    else:
        cells = read(window.sums, _counter(limit_ms), _SHAPE)
        within, slower = cells[_WITHIN:].total(), cells[_SLOWER]
    successes, size = share(slower, within)
    return Share(window.panes, float(successes), float(size))


def _words(slower: Share, limit_ms: float, allowed: float) -> str:
    low, high = slower.bounds()
    return (
        f"slower: {slower.value:.4g} [{low:.4g}, {high:.4g}] of {slower.size:.6g} requests took "
        f"longer than {limit_ms:g} ms, {allowed:g} is allowed"
    )
