"""Error rate: the share of requests that the service failed.

An error is a status of 500 or above, or no answer at all (status 0). A 4xx is an answer to a wrong
request: it counts as a request and not as an error, as in the usual ratio of 5xx to all responses.
An event without a status code is in neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.operations.shares import Proportion, Shares
from detectors.rate_check import rate_settings
from governance.component.metrics import RateCheck

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from detectors.reference import Reference
    from governance.component.schema import Component


def _sides(status: NDArray[Any]) -> NDArray[np.int8]:
    sides = (status >= 0).astype(np.int8)  # COUNTED, else UNKNOWN
    sides += (status == 0) | (status >= 500)  # TRUE
    return sides


ERROR_RATE = Proportion(
    RateCheck.ERROR_RATE,
    "status_code",
    _sides,
    "no_status: no event of the window carries a status code",
)


def make_error_rate(
    component: Component,
    reference: Reference | None,  # noqa: ARG001 - judged against a limit
    *,
    keyed: Callable[[str, str], str] | None = None,  # noqa: ARG001 - has no values to key
) -> Shares:
    """The error rate of every component; raises ConfigError for a limit that cannot be one."""
    return Shares(ERROR_RATE, rate_settings(component))
