"""Refusal rate: the share of answers in which the model says that it refuses.

Counted where the protocol has a place for it (``message.refusal`` of chat completions); the words
of an answer are not searched for apologies.
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

REFUSAL_RATE = Proportion(
    RateCheck.REFUSAL_RATE,
    "refusal",
    flagged,
    "no_answers: no event of the window says whether the model refused",
)


def make_refusal_rate(
    component: Component,
    reference: Reference | None,  # noqa: ARG001 - judged against a limit
    *,
    keyed: Callable[[str, str], str] | None = None,  # noqa: ARG001 - has no values to key
) -> Shares:
    """Refusals of every component; raises ConfigError for a limit that cannot be one."""
    return Shares(REFUSAL_RATE, rate_settings(component))
