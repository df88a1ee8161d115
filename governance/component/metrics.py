"""The closed lists of check names that a component may name with a limit."""

from __future__ import annotations

from enum import StrEnum


class FairnessMetric(StrEnum):
    """Keys of ``biasDetection.thresholds`` and items of ``biasDetection.metrics``.

    Names are Fairlearn's where it has one (all but predictive parity, the largest difference of
    precision between groups). A ``_difference`` breaches above its limit, a ``_ratio`` below.
    """

    ACCURACY_SCORE_DIFFERENCE = "accuracy_score_difference"
    ACCURACY_SCORE_RATIO = "accuracy_score_ratio"
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


class RateCheck(StrEnum):
    """Checks that ``release.rolloutMetrics`` gives a limit and that are judged as a rate.

    Performance breaches below its limit; ``error_rate`` and latencies (in milliseconds) above.
    """

    ACCURACY = "accuracy"
    PRECISION = "precision"
    RECALL = "recall"
    F1 = "f1"
    ERROR_RATE = "error_rate"
    LATENCY_P50 = "latency_p50"
    LATENCY_P95 = "latency_p95"
    LATENCY_P99 = "latency_p99"

    @property
    def is_latency(self) -> bool:
        """Whether the limit is a duration in milliseconds; else it is a share."""
        return self.value.startswith("latency_")

    def problem(self, limit: float) -> str:
        """What is wrong with a limit, in words with the remedy; empty if nothing is."""
        if self.is_latency and not limit > 0:
            return f"the limit {limit:g} of {self} must be above 0: write for example 200ms"
        if not self.is_latency and not 0 <= limit <= 1:
            return (
                f"the limit {limit:g} of {self} must be a share in [0, 1]: write for example 0.01"
            )
        return ""
