"""Error rate: the share of requests that the service failed.

An error is a status of 500 or above, or no answer at all (status 0). A 4xx is an answer to a wrong
request: it counts as a request and not as an error, as in the usual ratio of 5xx to all responses.
An event without a status code is in neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors import reasons
from detectors.cells import count, in_pieces, read, sampling_weight, share
from detectors.limit import Share, against_limit
from detectors.rate_check import Judged, RateSettings, rate_settings
from detectors.trailing import trailing_windows
from governance.component.metrics import RateCheck

if TYPE_CHECKING:
    from collections.abc import Callable

    from detectors.base import WindowView
    from detectors.reference import Reference
    from detectors.trailing import Trailing
    from governance.algebra.sums import Sums
    from governance.component.schema import Component
    from governance.event import EventBatch
    from governance.finding import Verdict

_ARRAY = "operations.error_rate"
_ANSWERED, _FAILED = 1, 2  # 0 is unknown
_SHAPE = (3,)
_NO_STATUS = "no_status: no event of the window carries a status code"


@dataclass(frozen=True, slots=True)
class ErrorRate:
    """Judges the share of failed requests against the limit of ``error_rate``, if there is one."""

    settings: RateSettings

    def add(self, batch: EventBatch) -> Sums:
        return in_pieces(_count, batch) if "status_code" in batch.columns else {}

    def add_outcomes(self, batch: EventBatch) -> Sums:  # noqa: ARG002 - needs no labels
        return {}

    def judge(self, view: WindowView) -> list[Verdict]:
        """One verdict; none where there is neither a limit nor a status code."""
        check, settings = RateCheck.ERROR_RATE, self.settings
        limit = settings.limits.get(check)
        shares = [_share(window) for window in trailing_windows(view, _ARRAY, settings.unit)]
        if limit is None and not any(share.size for share in shares):
            return []
        nothing = settings.nothing(view)
        if nothing:
            return [settings.withheld(check, view, nothing)]
        found, lost = against_limit(shares, settings.rule(limit, above=True)), settings.lost(view)
        if found.shown is None:
            return [settings.withheld(check, view, reasons.join((lost, _NO_STATUS)))]
        return [settings.verdict(check, view, Judged(found.status, found.shown, lost))]


def make_error_rate(
    component: Component,
    reference: Reference | None,  # noqa: ARG001 - judged against a limit
    *,
    keyed: Callable[[str, str], str] | None = None,  # noqa: ARG001 - has no values to key
) -> ErrorRate:
    """The error rate of every component; raises ConfigError for a limit that cannot be one."""
    return ErrorRate(rate_settings(component))


def _count(batch: EventBatch) -> Sums:
    status = batch.columns["status_code"].values
    keys = (status >= 0).astype(np.int8)  # _ANSWERED, else unknown
    keys += (status == 0) | (status >= 500)  # _FAILED
    return count(_ARRAY, keys, _SHAPE, sampling_weight(batch))


def _share(window: Trailing) -> Share:
    cells = read(window.sums, _ARRAY, _SHAPE)
    failed, size = share(cells[_FAILED], cells[_ANSWERED:].total())
    return Share(window.panes, float(failed), float(size))
