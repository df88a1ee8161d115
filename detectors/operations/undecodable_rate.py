"""Undecodable rate: the share of bodies of which nothing could be made.

A request that is not valid for its protocol, or a good answer that cannot be read. A body that was
too long to be copied (``truncated``) was not looked at and is in neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.operations.shares import Proportion, Shares, flagged
from detectors.rate_check import rate_settings
from governance.component.metrics import RateCheck

if TYPE_CHECKING:
    from collections.abc import Callable

    from detectors.reference import Reference
    from governance.component.schema import Component

UNDECODABLE_RATE = Proportion(
    RateCheck.UNDECODABLE_RATE,
    "undecodable",
    flagged,
    "no_bodies: no event of the window says whether its body could be read",
)


def make_undecodable_rate(
    component: Component,
    reference: Reference | None,  # noqa: ARG001 - judged against a limit
    *,
    keyed: Callable[[str, str], str] | None = None,  # noqa: ARG001 - has no values to key
) -> Shares:
    """Malformed traffic of every component; raises ConfigError for a limit that cannot be one."""
    return Shares(UNDECODABLE_RATE, rate_settings(component))
