"""Schema violation rate: the share of answers that violate ``spec.signals.responseSchema``.

An answer that is no JSON violates every schema.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.operations.shares import COUNTED, TRUE, UNKNOWN, Proportion, Shares
from detectors.rate_check import rate_settings
from governance.component.metrics import RateCheck

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from detectors.reference import Reference
    from governance.component.schema import Component


def _sides(valid: NDArray[Any]) -> NDArray[np.int8]:
    """1 is valid, 0 is not, NaN is unknown."""
    known = np.where(valid == 0, TRUE, COUNTED)
    return np.where(np.isfinite(valid), known, UNKNOWN).astype(np.int8)


SCHEMA_VIOLATION_RATE = Proportion(
    RateCheck.SCHEMA_VIOLATION_RATE,
    "text.response_schema_valid",
    _sides,
    "no_answers: no event of the window has an answer that could be checked by "
    "spec.signals.responseSchema",
)


def make_schema_violation_rate(
    component: Component,
    reference: Reference | None,  # noqa: ARG001 - judged against a limit
    *,
    keyed: Callable[[str, str], str] | None = None,  # noqa: ARG001 - has no values to key
) -> Shares:
    """Violations of every component; raises ConfigError for a limit that cannot be one."""
    return Shares(SCHEMA_VIOLATION_RATE, rate_settings(component))
