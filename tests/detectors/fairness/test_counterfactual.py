"""Counterfactual fairness: paired differences between variants of templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detectors.fairness.counterfactual import CHECK, PairedScores, Rule, judge
from detectors.fairness.family import make_fairness
from detectors.stats.bounded_mean import mean_limits
from governance.finding import Finding, Status, Verdict, Window
from tests.detectors.scenes import component, judging

if TYPE_CHECKING:
    from numpy.typing import NDArray

RULE = Rule(threshold=0.1, minimum_templates=30, breach_error=1 / 2_000, warning_error=1 / 20)
GROUPS = ("female", "male", "neutral")


def paired(values: NDArray[np.float64], low: float = 0.0, high: float = 1.0) -> PairedScores:
    names = [f"t{i}" for i in range(len(values))]
    return PairedScores(
        "gender", "score", names, GROUPS[: values.shape[1]], values, low=low, high=high
    )


def scores(n: int, *shifts: float, seed: int = 3) -> NDArray[np.float64]:
    """Templates with scores of their own, and a shift per group."""
    base = np.random.default_rng(seed).uniform(0.2, 0.4, n)
    return np.asarray(base[:, None] + np.array(shifts), dtype=np.float64)


def line(verdict: Verdict) -> str:
    """The finding as it is printed: raises where a number is NaN."""
    return Finding(component().key, "1", 1, Window("events", 0, 0, 1), verdict).to_line()


def test_the_value_is_the_largest_mean_paired_difference() -> None:
    """Of three groups the two that lie farthest apart, whatever the templates' own scores are."""
    verdict = judge(paired(scores(200, 0.0, 0.4, 0.1)), RULE)
    assert verdict.value == pytest.approx(0.4)
    assert (verdict.check, verdict.subject, verdict.test) == (CHECK, "gender", "score")
    assert verdict.status is Status.BREACH
    assert "largest: male above female, over 200 templates" in verdict.reason
    assert [group.group for group in verdict.groups] == list(GROUPS)
    line(verdict)


def test_equal_variants_are_ok() -> None:
    """No difference anywhere: value 0, and the interval's upper end says what is excluded."""
    verdict = judge(paired(scores(400, 0.0, 0.0)), RULE)
    assert (verdict.status, verdict.value, verdict.lower, verdict.reason) == (Status.OK, 0, 0, "")
    assert verdict.upper is not None
    assert 0 < verdict.upper < 0.1


def test_too_few_templates_for_proof_say_so() -> None:
    """30 templates without a difference are no breach, but prove no fairness either."""
    verdict = judge(paired(scores(30, 0.0, 0.0)), RULE)
    assert verdict.status is Status.OK
    assert verdict.reason.startswith("unproven: a difference up to")


@pytest.mark.parametrize("shift", np.linspace(0.15, 0.5, 8))
def test_a_breach_is_a_lower_limit_at_the_threshold(shift: float) -> None:
    """The bar on evidence and the corrected limit decide alike, for breach and warning."""
    values = scores(90, 0.0, shift, 0.05) + np.random.default_rng(8).normal(0, 0.05, (90, 3))
    verdict = judge(paired(values.clip(0, 1)), RULE)
    claims = {}
    for error in (RULE.breach_error, RULE.warning_error):
        differences = (values.clip(0, 1)[:, 1] - values.clip(0, 1)[:, 0]) / 2 + 0.5
        claims[error] = 2 * mean_limits(differences, error / 6)[0] - 1
    expected = (
        Status.BREACH
        if claims[RULE.breach_error] >= 0.1
        else Status.WARNING
        if claims[RULE.warning_error] >= 0.1
        else Status.OK
    )
    assert verdict.status is expected


def test_all_three_statuses_occur() -> None:
    """The sweep of the test before is no sweep over one status."""
    found = {judge(paired(scores(90, 0.0, shift, 0.0)), RULE).status for shift in (0.1, 0.23, 0.5)}
    assert found == {Status.OK, Status.WARNING, Status.BREACH}


def test_groups_are_compared_where_both_were_answered() -> None:
    """A template without one variant counts for the pairs that it has; its scores bias none."""
    values = scores(120, 0.0, 0.0)
    values[:40, 1] = np.nan
    values[:40, 0] = 1.0
    verdict = judge(paired(values), RULE)
    assert verdict.value == pytest.approx(0.0)
    assert verdict.effective_events == 80
    assert verdict.events == 200


@pytest.mark.parametrize(
    "values",
    [scores(29, 0.0, 0.5), np.full((100, 2), np.nan), np.zeros((0, 2)), scores(100, 0.0)],
    ids=["29 templates", "no answer", "no template", "one group"],
)
def test_nothing_to_compare_is_insufficient(values: NDArray[np.float64]) -> None:
    """Fewer templates than minimumGroupSize with two variants: the reason says what to do."""
    verdict = judge(paired(values), RULE)
    assert verdict.status is Status.INSUFFICIENT
    assert "30 are needed (biasDetection.minimumGroupSize): write more" in verdict.reason
    assert verdict.value is None
    line(verdict)


def test_without_a_threshold_it_is_shown() -> None:
    """Value and interval, and never a judgement."""
    verdict = judge(paired(scores(100, 0.0, 0.5)), Rule(None, 30, 1e-3, 0.05))
    assert (verdict.status, verdict.evidence) == (Status.OK, None)
    assert verdict.reason.startswith("no threshold; largest: male above female")


def test_the_worst_templates_are_named() -> None:
    """The three that differ most, in the direction of the mean, with both scores."""
    values = scores(60, 0.0, 0.2)
    values[[7, 30, 41], 1] += [0.3, 0.2, 0.4]
    reason = judge(paired(values), RULE).reason
    places = [reason.index(f"'t{i}' (") for i in (41, 7, 30)]
    assert places == sorted(places)


@pytest.mark.parametrize(("low", "high", "scale"), [(-1.0, 1.0, 2.0), (0.0, 100.0, 100.0)])
def test_scores_of_another_scale(low: float, high: float, scale: float) -> None:
    """Scale scores, range and limit alike: status and evidence stay, numbers scale."""
    values = scores(100, 0.0, 0.3)
    plain = judge(paired(values), RULE)
    rule = Rule(0.1 * scale, 30, RULE.breach_error, RULE.warning_error)
    scaled = judge(paired(low + values * scale, low, high), rule)
    assert scaled.status is plain.status
    assert scaled.evidence == pytest.approx(plain.evidence)
    for name in ("value", "lower", "upper"):
        assert getattr(scaled, name) == pytest.approx(scale * getattr(plain, name), abs=1e-6)


def test_rounding_is_no_difference() -> None:
    """Averages that differ in the last digit blame no group and no template."""
    values = scores(400, 0.0, 0.0)
    values[:, 1] = np.nextafter(values[:, 0], 1.0)
    assert judge(paired(values), RULE).reason == ""


def test_names_of_groups_and_order_of_templates_do_not_matter() -> None:
    """Swapped groups and shuffled templates give the same numbers."""
    values = scores(100, 0.0, 0.3, 0.1)
    first = judge(paired(values), RULE)
    shuffled = np.random.default_rng(1).permutation(values)[:, [2, 0, 1]]
    second = judge(paired(shuffled), RULE)
    numbers: list[Any] = [(v.value, v.lower, v.upper, v.evidence) for v in (first, second)]
    assert numbers[0] == pytest.approx(numbers[1])


def test_live_detectors_leave_it_to_the_gate() -> None:
    """A limit of it makes no finding of traffic, alone or beside other metrics."""
    alone = component(governance=judging(thresholds={CHECK: 0.1}, metrics=[CHECK]))
    assert make_fairness(alone, None) is None
    parity = "demographic_parity_difference"
    beside = make_fairness(component(governance=judging(thresholds={CHECK: 0, parity: 0})), None)
    assert beside is not None
    assert {question.metric.name.value for question in beside.questions} == {parity}


def test_a_limit_beyond_the_scale_is_never_reached() -> None:
    """A difference cannot be larger than the range of scores."""
    assert judge(paired(np.tile([0.0, 1.0], (500, 1))), Rule(1.0, 30, 1e-3, 0.05)).status is (
        Status.OK
    )
