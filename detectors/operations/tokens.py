"""Tokens in and out of a language model, as the model itself counts them.

Their quantiles are judged against a limit; their mean and total say what the traffic costs.
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

INPUT_TOKENS = Quantity(
    column="input_tokens",
    allowed={RateCheck.INPUT_TOKENS_P50: 0.5, RateCheck.INPUT_TOKENS_P95: 0.05},
    buckets=LogBuckets(0.5, 2.0**31),
    above="had more than {limit:g} input tokens",
    missing="no_tokens: no event of the window carries input tokens",
    unit="tokens",
    mean="input_tokens_mean",
)
OUTPUT_TOKENS = Quantity(
    column="output_tokens",
    allowed={RateCheck.OUTPUT_TOKENS_P50: 0.5, RateCheck.OUTPUT_TOKENS_P95: 0.05},
    buckets=LogBuckets(0.5, 2.0**31),
    above="had more than {limit:g} output tokens",
    missing="no_tokens: no event of the window carries output tokens",
    unit="tokens",
    mean="output_tokens_mean",
)


def make_input_tokens(
    component: Component,
    reference: Reference | None,  # noqa: ARG001 - judged against a limit
    *,
    keyed: Callable[[str, str], str] | None = None,  # noqa: ARG001 - has no values to key
) -> Quantiles:
    """Input tokens of every component; raises ConfigError for a limit that cannot be one."""
    return Quantiles(INPUT_TOKENS, rate_settings(component))


def make_output_tokens(
    component: Component,
    reference: Reference | None,  # noqa: ARG001 - judged against a limit
    *,
    keyed: Callable[[str, str], str] | None = None,  # noqa: ARG001 - has no values to key
) -> Quantiles:
    """Output tokens of every component; raises ConfigError for a limit that cannot be one."""
    return Quantiles(OUTPUT_TOKENS, rate_settings(component))
