"""What Prometheus sees of operational findings."""

from __future__ import annotations

from dataclasses import replace

from alerting.exposition import finding_families
from governance.component.key import ComponentKey
from governance.finding import Finding, GroupRate, Status, Verdict, Window


def exported(*verdicts: Verdict) -> dict[str, dict[str, float]]:
    """Values by family and last label."""
    key, window = ComponentKey("shop", "prices"), Window("every", 7, 0, 3_600_000_000)
    bodies = [Finding(key, "1", 1, window, verdict).to_json() for verdict in verdicts]
    return {
        family.name: {labels[-1]: value for labels, value in family.samples}
        for family in finding_families(bodies)
    }


def test_values_are_in_base_units() -> None:
    """Durations are seconds; tokens, bytes, events and shares are what they are."""
    values = {
        "latency_p95": 250.0,
        "ttft_p99": 80.0,
        "input_tokens_p95": 4_096.0,
        "request_bytes_p95": 2_000.0,
        "traffic": 31.0,
        "refusal_rate": 0.25,
    }
    found = exported(*(Verdict(name, "", Status.OK, value=v) for name, v in values.items()))
    seconds = {"latency_p95": 0.25, "ttft_p99": 0.08}
    assert found["evenhand_check"] == values | seconds


def test_finish_reasons_have_their_interval() -> None:
    """One series a reason, with bounds and events beside it."""
    verdict = Verdict(
        "finish_reason", "length", Status.OK, value=0.2, lower=0.1, upper=0.4, events=50
    )
    found = exported(verdict)
    base = "evenhand_finish_reason_ratio"
    assert [found[base + end]["length"] for end in ("", "_lower", "_upper", "_events")] == [
        *(0.2, 0.1, 0.4),
        50,
    ]
    assert found["evenhand_check"] == {}


def test_changes_have_a_score_per_series() -> None:
    """A history that is still building has none."""
    found = exported(
        Verdict("rate_change", "traffic", Status.WARNING, "traffic: ...", value=9.2, threshold=4.0),
        Verdict("rate_change", "", Status.INSUFFICIENT, "history_building: 3 of 121 windows"),
    )
    assert found["evenhand_rate_change_score"] == {"traffic": 9.2}
    assert found["evenhand_finding_status"]["warning"] == 1.0


def test_performance_has_its_value_and_degradation_a_series_per_measure() -> None:
    """Losses are in their own unit; what is compared with the reference has bounds."""
    found = exported(
        Verdict("log_loss", "", Status.OK, value=1.7, label_coverage=0.75),
        Verdict("mean_error", "", Status.OK, value=0.3, raw=-0.3),
        Verdict("degradation", "roc_auc", Status.OK, value=-0.01, lower=-0.03, upper=0.01),
        Verdict("degradation", "log_loss", Status.INSUFFICIENT, "no_reference_labels: ..."),
    )
    assert found["evenhand_check"] == {"log_loss": 1.7, "mean_error": 0.3}
    assert found["evenhand_degradation"] == {"roc_auc": -0.01}
    assert found["evenhand_degradation_lower"] == {"roc_auc": -0.03}
    assert found["evenhand_label_coverage_ratio"] == {"": 0.75}
    assert "evenhand_fairness" not in found


def test_fairness_has_its_groups_and_all_windows_since_rollout() -> None:
    """Every metric is a series with bounds; the report since rollout is one beside it."""
    groups = (GroupRate("f", 50, 0.9, 0.8, 0.95), GroupRate("m", 40, 0.7, 0.5, 0.8))
    accuracy = Verdict(
        "accuracy_score_difference",
        "sex",
        Status.OK,
        value=0.2,
        lower=0.0,
        upper=0.4,
        groups=groups,
    )
    gaps = replace(accuracy, check="calibration_within_groups_difference")
    lasting = replace(accuracy, check="accuracy_score_difference_since_rollout", value=0.15)
    found = exported(accuracy, gaps, lasting)
    assert found["evenhand_fairness"] == {
        "accuracy_score_difference": 0.2,
        "calibration_within_groups_difference": 0.2,
        "accuracy_score_difference_since_rollout": 0.15,
    }
    assert found["evenhand_fairness_upper"]["calibration_within_groups_difference"] == 0.4
    assert found["evenhand_group_rate"] == {"accuracy": 0.7}
