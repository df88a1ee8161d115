"""Truncated rate: the share of events whose body was longer than ``capture.maxBodyBytes``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.operations.shares import Proportion, Shares, flagged
from detectors.rate_check import rate_settings
from governance.component.metrics import RateCheck

if TYPE_CHECKING:
    from collections.abc import Callable

    from detectors.reference import Reference
    from governance.component.schema import Component

TRUNCATED_RATE = Proportion(
    RateCheck.TRUNCATED_RATE,
    "truncated",
    flagged,
    "no_bodies: no event of the window says whether its body was cut",
)


def make_truncated_rate(
    component: Component,
    reference: Reference | None,  # noqa: ARG001 - judged against a limit
    *,
    keyed: Callable[[str, str], str] | None = None,  # noqa: ARG001 - has no values to key
) -> Shares:
    """Bodies that were too long to be copied; raises ConfigError for a limit that cannot be one."""
    return Shares(TRUNCATED_RATE, rate_settings(component))
