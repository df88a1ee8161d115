"""What a release gate is told: never pass by absence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from alerting.sight import Sight
from alerting.verdict import Question, decide
from governance.component.key import ComponentKey
from governance.component.schema import API_VERSION, KIND, Component
from governance.finding import Finding, Status, Verdict, Window

HOUR_US = 3_600_000_000
NOW_US = 500_000 * HOUR_US
SEEN = Sight(Status.OK, "")
RATE = Verdict("error_rate", "", Status.OK, value=0.002, lower=0.001, upper=0.003, threshold=0.01)
DRIFT = Verdict("drift", "", Status.OK, modality="tabular")
BROKEN = replace(RATE, status=Status.BREACH, value=0.03, lower=0.025, upper=0.035)


def component(*metrics: tuple[str, float], rollback: bool = False) -> Component:
    model = {"name": "m", "version": "1", "modality": ["tabular"]}
    release = {
        "rolloutMetrics": [{"name": name, "threshold": limit} for name, limit in metrics],
        "rollbackOnFailure": rollback,
    }
    return Component.model_validate(
        {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": "m"},
            "spec": {"model": model, "release": release},
        }
    )


GATED = component(("error_rate", 0.01))


def bodies(*verdicts: Verdict, ago: int = 0, version: str = "2", revision: int = 0) -> list[Any]:
    """Findings of the window that ended ``ago`` hours before now."""
    number = 499_999 - ago
    window = Window("every", number, number * HOUR_US, (number + 1) * HOUR_US)
    key = ComponentKey("default", "m")
    return [Finding(key, version, 1, window, v, revision).to_json() for v in verdicts]


def outcome(candidate: list[Any], **fields: Any) -> tuple[str, str]:
    """The outcome, and its first reason."""
    asked = Question(fields.pop("of", GATED), "2", candidate, fields.pop("sight", SEEN), **fields)
    verdict = decide(asked, NOW_US)
    return verdict.outcome.value, (verdict.reasons or ("",))[0]


def beside(*verdicts: Verdict, ago: int = 0) -> dict[str, Any]:
    return {"baseline_version": "1", "baseline": bodies(*verdicts, ago=ago, version="1")}


def test_a_check_that_was_judged_well_passes() -> None:
    """The only way through."""
    assert outcome(bodies(RATE))[0] == "pass"
    assert outcome(bodies(replace(RATE, status=Status.WARNING)))[0] == "pass"
    assert outcome(bodies(RATE), **beside(RATE))[0] == "pass"


LOST = replace(RATE, status=Status.INSUFFICIENT, value=None, reason="lost: 0.2 of the events")


@pytest.mark.parametrize(
    ("candidate", "fields", "reason"),
    [
        ([], {}, "no data: no window of version '2'"),
        (bodies(DRIFT), {}, "error_rate: no data"),
        (bodies(RATE, ago=3), {}, "error_rate: stale: its last window ended 3h ago"),
        (bodies(LOST), {}, "error_rate: not judged: lost"),
        (bodies(RATE), {"sight": Sight(Status.BLIND, "silent")}, "blind: silent"),
        (bodies(BROKEN), {"sight": Sight(Status.BLIND, "silent")}, "blind: silent"),
        (bodies(RATE), {"baseline_version": "1"}, "missing baseline: no window of version '1'"),
        (bodies(RATE), beside(RATE, ago=1), "error_rate: missing baseline: version '1' has no"),
        (bodies(RATE), beside(LOST), "error_rate: missing baseline: it was not judged: lost"),
        (bodies(RATE), {"checks": ("latency_p95",)}, "latency_p95: no data"),
        (bodies(replace(RATE, threshold=None)), {}, "error_rate: no limit"),
        (bodies(replace(RATE, threshold=None)), {"of": component()}, "nothing judged"),
        (bodies(replace(DRIFT, subject="age")), {"checks": ("drift",)}, "drift: no data"),
        (bodies(BROKEN), beside(BROKEN), "error_rate: shared: version '1' breaches as well"),
        (bodies(BROKEN, ago=5), {}, "error_rate: stale"),
    ],
)
def test_nothing_passes_by_absence(
    candidate: list[Any], fields: dict[str, Any], reason: str
) -> None:
    """No data, stale data, lost telemetry, no baseline, no limit: inconclusive, and why."""
    found, why = outcome(candidate, **fields)
    assert found == "inconclusive"
    assert why.startswith(reason)


@pytest.mark.parametrize(
    ("candidate", "fields", "reason"),
    [
        (bodies(BROKEN), {}, "error_rate: breach: 0.03 [0.025, 0.035], limit 0.01"),
        (bodies(BROKEN), beside(RATE), "error_rate: breach"),
        (bodies(RATE, replace(DRIFT, status=Status.BREACH)), {}, "drift of tabular: breach"),
        (
            bodies(replace(RATE, value=0.009, lower=0.0085, upper=0.0095)),
            beside(RATE),
            "error_rate: worse than version '1': 0.009 against 0.002",
        ),
        (bodies(replace(BROKEN, value=0.09, lower=0.08, upper=0.1)), beside(BROKEN), "error_rate"),
        (bodies(BROKEN), {"checks": ("latency_p95",)}, "error_rate: breach"),
    ],
)
def test_what_is_proven_bad_fails(
    candidate: list[Any], fields: dict[str, Any], reason: str
) -> None:
    """A breach of any check, or worse than the baseline; whatever else is unknown."""
    found, why = outcome(candidate, **fields)
    assert found == "fail"
    assert why.startswith(reason)


def test_a_difference_that_may_be_chance_or_is_small_does_not_fail() -> None:
    """Wide intervals that overlap, and a sure difference below a tenth of the limit."""
    wide = replace(RATE, value=0.006, lower=0.001, upper=0.012)
    small = replace(RATE, value=0.0028, lower=0.00279, upper=0.00281)
    sure = replace(RATE, value=0.002, lower=0.00199, upper=0.00201)
    assert outcome(bodies(wide), **beside(RATE))[0] == "pass"
    assert outcome(bodies(small), **beside(sure))[0] == "pass"


def test_lower_is_worse_where_more_is_better() -> None:
    """Accuracy that falls is worse, accuracy that rises is not."""
    good = Verdict("accuracy", "", Status.OK, value=0.9, lower=0.89, upper=0.91, threshold=0.7)
    bad = replace(good, value=0.8, lower=0.79, upper=0.81)
    gated = component(("accuracy", 0.7))
    assert outcome(bodies(bad), of=gated, **beside(good))[0] == "fail"
    assert outcome(bodies(good), of=gated, **beside(bad))[0] == "pass"


def test_windows_that_wait_for_labels_are_passed_over() -> None:
    """The last one with all its labels decides, older than others may be."""
    waits = replace(
        RATE, check="accuracy", status=Status.INSUFFICIENT, reason="provisional until tomorrow"
    )
    settled = replace(RATE, check="accuracy", threshold=0.5)
    gated = component(("accuracy", 0.5))
    assert outcome([*bodies(waits), *bodies(settled, ago=30)], of=gated)[0] == "pass"
    assert outcome(bodies(waits), of=gated)[1] == (
        "accuracy: not judged: provisional until tomorrow"
    )


def test_rollback_is_advised_where_it_is_declared() -> None:
    """Only for a failure, and only with rollbackOnFailure."""
    rolling = component(("error_rate", 0.01), rollback=True)
    asked = Question(rolling, "2", bodies(BROKEN), SEEN)
    assert decide(asked, NOW_US).rollback
    assert not decide(replace(asked, component=GATED), NOW_US).rollback
    assert not decide(replace(asked, candidate=bodies(RATE)), NOW_US).rollback


def test_a_false_difference_is_as_rare_as_promised() -> None:
    """Of versions that are alike hardly any is called worse: 1 in 1,000 looks, at most."""
    rng = np.random.default_rng(7)
    failed, n, rate = 0, 2_000, 0.05
    for _ in range(2_000):
        pair = []
        for share in rng.binomial(n, rate, 2) / n:
            half = 1.96 * (share * (1 - share) / n) ** 0.5
            pair.append(replace(RATE, value=share, lower=share - half, upper=share + half))
        failed += outcome(bodies(pair[0]), **beside(pair[1]))[0] == "fail"
    assert failed <= 8  # 2 expected; more than 8 has a chance below 1 in 1,000
