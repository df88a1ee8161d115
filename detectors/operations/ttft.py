"""Time to first token: from the first byte of the request to the first byte of the answer's body.

Values, bounds and threshold are in milliseconds, as ``ttft_ms`` on the wire. An answer that is not
streamed has it too: the time until it began.
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

TTFT = Quantity(
    column="ttft_ms",
    allowed={RateCheck.TTFT_P50: 0.5, RateCheck.TTFT_P95: 0.05, RateCheck.TTFT_P99: 0.01},
    buckets=LogBuckets(1e-3, 1e9),
    above="began after more than {limit:g} ms",
    missing="no_ttft: no event of the window carries a time to first token",
    unit="ms",
)


def make_ttft(
    component: Component,
    reference: Reference | None,  # noqa: ARG001 - judged against a limit
    *,
    keyed: Callable[[str, str], str] | None = None,  # noqa: ARG001 - has no values to key
) -> Quantiles:
    """Times to first token of a component; raises ConfigError for a limit that cannot be one."""
    return Quantiles(TTFT, rate_settings(component))
