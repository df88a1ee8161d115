"""The closed lists of check names that a component may name with a limit."""

from __future__ import annotations

import math
from enum import Enum, StrEnum


class FairnessMetric(StrEnum):
    """Keys of ``biasDetection.thresholds`` and items of ``biasDetection.metrics``.

    Names are Fairlearn's where it has one (all but predictive parity, the largest difference of
    precision between groups). A ``_difference`` breaches above its limit, a ``_ratio`` below.
    Counterfactual fairness asks the model itself: ``gate`` alone judges it, nothing live does.
    """

    ACCURACY_SCORE_DIFFERENCE = "accuracy_score_difference"
    ACCURACY_SCORE_RATIO = "accuracy_score_ratio"
    COUNTERFACTUAL_FAIRNESS_DIFFERENCE = "counterfactual_fairness_difference"
    DEMOGRAPHIC_PARITY_DIFFERENCE = "demographic_parity_difference"
    DEMOGRAPHIC_PARITY_RATIO = "demographic_parity_ratio"
    EQUAL_OPPORTUNITY_DIFFERENCE = "equal_opportunity_difference"
    EQUAL_OPPORTUNITY_RATIO = "equal_opportunity_ratio"
    EQUALIZED_ODDS_DIFFERENCE = "equalized_odds_difference"
    EQUALIZED_ODDS_RATIO = "equalized_odds_ratio"
    FALSE_POSITIVE_RATE_DIFFERENCE = "false_positive_rate_difference"
    FALSE_POSITIVE_RATE_RATIO = "false_positive_rate_ratio"
    PREDICTIVE_PARITY_DIFFERENCE = "predictive_parity_difference"
    PREDICTIVE_PARITY_RATIO = "predictive_parity_ratio"

    @property
    def asks_the_model(self) -> bool:
        """Whether traffic cannot answer it: variants of a text are sent to the endpoint."""
        return self is FairnessMetric.COUNTERFACTUAL_FAIRNESS_DIFFERENCE


class LimitKind(Enum):
    """What the limit of a check is."""

    SHARE = "a share in [0, 1]"
    DURATION = "a duration"  # milliseconds
    NUMBER = "a number"  # tokens, bytes


class RateCheck(StrEnum):
    """Checks that ``release.rolloutMetrics`` gives a limit and that are judged as a rate.

    Performance breaches below its limit, operations above.
    """

    ACCURACY = "accuracy"
    PRECISION = "precision"
    RECALL = "recall"
    F1 = "f1"
    ERROR_RATE = "error_rate"
    UNDECODABLE_RATE = "undecodable_rate"
    TRUNCATED_RATE = "truncated_rate"
    REFUSAL_RATE = "refusal_rate"
    LENGTH_RATE = "length_rate"
    CONTENT_FILTER_RATE = "content_filter_rate"
    LATENCY_P50 = "latency_p50"
    LATENCY_P95 = "latency_p95"
    LATENCY_P99 = "latency_p99"
    TTFT_P50 = "ttft_p50"
    TTFT_P95 = "ttft_p95"
    TTFT_P99 = "ttft_p99"
    INPUT_TOKENS_P50 = "input_tokens_p50"
    INPUT_TOKENS_P95 = "input_tokens_p95"
    OUTPUT_TOKENS_P50 = "output_tokens_p50"
    OUTPUT_TOKENS_P95 = "output_tokens_p95"
    REQUEST_BYTES_P95 = "request_bytes_p95"
    RESPONSE_BYTES_P95 = "response_bytes_p95"

    @property
    def kind(self) -> LimitKind:
        """What its limit is."""
        quantity, _, quantile = self.value.rpartition("_p")
        if not quantile.isdigit():
            return LimitKind.SHARE
        return LimitKind.DURATION if quantity in {"latency", "ttft"} else LimitKind.NUMBER

    @property
    def example(self) -> str:
        """A limit as a component writes it."""
        return _EXAMPLES[self.kind]

    def problem(self, limit: float) -> str:
        """What is wrong with a limit, in words with the remedy; empty if nothing is."""
        if self.kind is LimitKind.SHARE:
            right, wanted = 0 <= limit <= 1, self.kind.value
        else:
            right, wanted = 0 < limit < math.inf, "above 0"
        if right:
            return ""
        return f"the limit {limit:g} of {self} must be {wanted}: write for example {self.example}"


_EXAMPLES = {LimitKind.SHARE: "0.01", LimitKind.DURATION: "200ms", LimitKind.NUMBER: "4096"}
