"""Payload size: bytes of request and response bodies as they went over the wire.

A body that was too long to be copied has its true length all the same.
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

REQUEST_BYTES = Quantity(
    column="request_bytes",
    allowed={RateCheck.REQUEST_BYTES_P95: 0.05},
    buckets=LogBuckets(0.5, 2.0**53),
    above="had more than {limit:g} bytes of request",
    missing="no_bytes: no event of the window carries the size of its request",
    unit="bytes",
)
RESPONSE_BYTES = Quantity(
    column="response_bytes",
    allowed={RateCheck.RESPONSE_BYTES_P95: 0.05},
    buckets=LogBuckets(0.5, 2.0**53),
    above="had more than {limit:g} bytes of response",
    missing="no_bytes: no event of the window carries the size of its response",
    unit="bytes",
)


def make_request_bytes(
    component: Component,
    reference: Reference | None,  # noqa: ARG001 - judged against a limit
    *,
    keyed: Callable[[str, str], str] | None = None,  # noqa: ARG001 - has no values to key
) -> Quantiles:
    """Sizes of requests; raises ConfigError for a limit that cannot be one."""
    return Quantiles(REQUEST_BYTES, rate_settings(component))


def make_response_bytes(
    component: Component,
    reference: Reference | None,  # noqa: ARG001 - judged against a limit
    *,
    keyed: Callable[[str, str], str] | None = None,  # noqa: ARG001 - has no values to key
) -> Quantiles:
    """Sizes of responses; raises ConfigError for a limit that cannot be one."""
    return Quantiles(RESPONSE_BYTES, rate_settings(component))
