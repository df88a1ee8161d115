"""The closed lists of check names that a component may name with a limit."""

from __future__ import annotations

import math
from enum import Enum, StrEnum


class FairnessMetric(StrEnum):
    """Keys of ``biasDetection.thresholds`` and items of ``biasDetection.metrics``.

    Names are Fairlearn's where it has one (all but predictive parity, the largest difference of
    precision between groups, and calibration within groups). A ``_difference`` breaches above its
    limit, a ``_ratio`` below.
    Counterfactual fairness asks the model itself: ``gate`` alone judges it, nothing live does.
    """

    ACCURACY_SCORE_DIFFERENCE = "accuracy_score_difference"
    ACCURACY_SCORE_RATIO = "accuracy_score_ratio"
    COUNTERFACTUAL_FAIRNESS_DIFFERENCE = "counterfactual_fairness_difference"
    CALIBRATION_WITHIN_GROUPS_DIFFERENCE = "calibration_within_groups_difference"
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
    NUMBER = "a number"  # tokens, bytes, losses


class RateCheck(StrEnum):
    """Checks that ``release.rolloutMetrics`` gives a limit and that are judged as a rate.

    Shares of performance breach below their limit, its losses and errors above, as operations do.
    ``estimated_*`` need no labels and raise at most a warning; ``degradation`` is how much worse
    performance is than the reference's.
    """

    ACCURACY = "accuracy"
    BALANCED_ACCURACY = "balanced_accuracy"
    PRECISION = "precision"
    RECALL = "recall"
    F1 = "f1"
    ROC_AUC = "roc_auc"
    LOG_LOSS = "log_loss"
    BRIER_SCORE = "brier_score"
    EXPECTED_CALIBRATION_ERROR = "expected_calibration_error"
    MEAN_ABSOLUTE_ERROR = "mean_absolute_error"
    ROOT_MEAN_SQUARED_ERROR = "root_mean_squared_error"
    MEAN_ERROR = "mean_error"
    ESTIMATED_ACCURACY = "estimated_accuracy"
    ESTIMATED_PRECISION = "estimated_precision"
    ESTIMATED_RECALL = "estimated_recall"
    ESTIMATED_F1 = "estimated_f1"
    ESTIMATED_ROC_AUC = "estimated_roc_auc"
    DEGRADATION = "degradation"
    ERROR_RATE = "error_rate"
    UNDECODABLE_RATE = "undecodable_rate"
    TRUNCATED_RATE = "truncated_rate"
    REFUSAL_RATE = "refusal_rate"
    SCHEMA_VIOLATION_RATE = "schema_violation_rate"
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
        if self in _LOSSES:
            return LimitKind.NUMBER
        quantity, _, quantile = self.value.rpartition("_p")
        if not quantile.isdigit():
            return LimitKind.SHARE
        return LimitKind.DURATION if quantity in {"latency", "ttft"} else LimitKind.NUMBER

    @property
    def example(self) -> str:
        """A limit as a component writes it."""
        return "0.5" if self in _LOSSES else _EXAMPLES[self.kind]

    @property
    def needs_labels(self) -> bool:
        """Whether it is a measure of performance that is read from labelled events."""
        return self in _LABELLED

    @property
    def of_numbers(self) -> bool:
        """Whether it is an error of predictions that are numbers."""
        return self in _LOSSES - {RateCheck.LOG_LOSS}

    @property
    def of_outcomes(self) -> bool:
        """Whether it compares outcomes, or their scores, that are favourable or not."""
        return self.is_estimate or (self.needs_labels and not self.of_numbers)

    @property
    def is_estimate(self) -> bool:
        """Whether it is estimated without labels, so that it raises at most a warning."""
        return self.value.startswith("estimated_")

    def problem(self, limit: float) -> str:
        """What is wrong with a limit, in words with the remedy; empty if nothing is."""
        if self.kind is LimitKind.SHARE:
            right, wanted = 0 <= limit <= 1, self.kind.value
        else:
            right, wanted = 0 < limit < math.inf, "above 0"
        if right:
            return ""
        return f"the limit {limit:g} of {self} must be {wanted}: write for example {self.example}"


def is_bad_above(check: str) -> bool:
    """Whether a check is worse the larger its value: not ratios between groups, nor accuracy."""
    return not check.endswith("_ratio") and check not in _BEST_ABOVE


_LOSSES = frozenset(
    {
        RateCheck.LOG_LOSS,
        RateCheck.MEAN_ABSOLUTE_ERROR,
        RateCheck.ROOT_MEAN_SQUARED_ERROR,
        RateCheck.MEAN_ERROR,
    }
)
_LABELLED = _LOSSES | {
    RateCheck.ACCURACY,
    RateCheck.BALANCED_ACCURACY,
    RateCheck.PRECISION,
    RateCheck.RECALL,
    RateCheck.F1,
    RateCheck.ROC_AUC,
    RateCheck.BRIER_SCORE,
    RateCheck.EXPECTED_CALIBRATION_ERROR,
}
_EXAMPLES = {LimitKind.SHARE: "0.01", LimitKind.DURATION: "200ms", LimitKind.NUMBER: "4096"}
_BEST_ABOVE = frozenset(
    check.value
    for check in RateCheck
    if check.is_estimate
    or check.value in {"accuracy", "balanced_accuracy", "precision", "recall", "f1", "roc_auc"}
)
