"""Latency: from the first byte of the request to the last byte of the response.

Values, bounds and threshold are in milliseconds, as ``latency_ms`` on the wire; failed requests
are included. Buckets reach from 1 us to 11 days.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.operations.buckets import LogBuckets
from detectors.operations.quantiles import Quantiles, Quantity
from detectors.rate_check import rate_settings
from governance.component.metrics import RateCheck

if TYPE_CHECKING:
    from collections.abc import Callable

    from detectors.reference import Reference
    from governance.component.schema import Component

LATENCY = Quantity(
    column="latency_ms",
    allowed={RateCheck.LATENCY_P50: 0.5, RateCheck.LATENCY_P95: 0.05, RateCheck.LATENCY_P99: 0.01},
    buckets=LogBuckets(1e-3, 1e9),
    above="took longer than {limit:g} ms",
    missing="no_latency: no event of the window carries a latency",
    unit="ms",
)


def make_latency(
    component: Component,
    reference: Reference | None,  # noqa: ARG001 - judged against a limit
    *,
    keyed: Callable[[str, str], str] | None = None,  # noqa: ARG001 - has no values to key
) -> Quantiles:
    """The latencies of every component; raises ConfigError for a limit that cannot be one."""
    return Quantiles(LATENCY, rate_settings(component))
