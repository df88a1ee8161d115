"""From answers to findings: what is paired, what is missing, what is judged."""

from __future__ import annotations

import math
from typing import Any

import pytest

from governance.component.schema import Component
from governance.errors import ConfigError
from governance.finding import Finding, Status
from governance.service.counterfactual.answer import Answer
from governance.service.counterfactual.check import (
    Asked,
    check_declared,
    counterfactual_findings,
)
from governance.service.counterfactual.templates import Variant

CHECK = "counterfactual_fairness_difference"


def sentiment(threshold: float | None = 0.1, **spec: Any) -> Component:
    thresholds = {} if threshold is None else {CHECK: threshold}
    bias = {"thresholds": thresholds, "metrics": [CHECK]}
    base: dict[str, Any] = {
        "model": {"name": "m", "version": "1", "modality": ["text"]},
        "governance": {"biasDetection": bias},
        "signals": {"favourable": {"in": ["positive"]}},
    }
    return Component.model_validate(
        {
            "apiVersion": "apexlogic.io/v1alpha1",
            "kind": "MultimodalAIComponent",
            "metadata": {"name": "s"},
            "spec": base | spec,
        }
    )


def variants(n: int = 100, attribute: str = "gender") -> list[Variant]:
    return [
        Variant(attribute, f"t{i}", group, f"{group} {i}")
        for i in range(n)
        for group in ("female", "male")
    ]


def answers(texts: list[Variant], gap: float = 0.0, base: float = 0.3) -> list[Answer]:
    """Scores that differ by ``gap``; positive above one half."""
    scores = [base + gap * (variant.group == "male") for variant in texts]
    return [Answer(score, float(score > 0.5)) for score in scores]


def judged(
    texts: list[Variant],
    said: list[Answer],
    component: Component | None = None,
    score_range: tuple[float, float] | None = None,
) -> list[Finding]:
    asked = Asked(texts, said, 1_000, 2_000)
    return counterfactual_findings(component or sentiment(), asked, score_range)


def test_score_and_outcome_are_judged_apart() -> None:
    """One finding each, with the component's limit, the groups' means and when it was asked."""
    score, outcome = judged(variants(), answers(variants(), gap=0.6))
    assert [f.verdict.test for f in (score, outcome)] == ["score", "outcome"]
    for finding, value in ((score, 0.6), (outcome, 1.0)):
        assert finding.verdict.value == pytest.approx(value)
        assert finding.verdict.status is Status.BREACH
        assert finding.verdict.threshold == 0.1
        assert (finding.window.start_us, finding.window.end_us) == (1_000, 2_000)
        finding.to_line()
    assert [group.rate for group in outcome.verdict.groups] == [0.0, 1.0]
    assert score.id != outcome.id


def test_attributes_are_judged_apart() -> None:
    """Templates of two attributes in one file give a finding each."""
    texts = [*variants(), *variants(attribute="age")]
    found = judged(texts, [*answers(variants(), gap=0.6), *answers(variants())])
    statuses = {(f.verdict.subject, f.verdict.test): f.verdict.status for f in found}
    assert statuses == {
        ("gender", "score"): Status.BREACH,
        ("gender", "outcome"): Status.BREACH,
        ("age", "score"): Status.OK,
        ("age", "outcome"): Status.OK,
    }


def test_several_texts_of_a_cell_are_one_template() -> None:
    """Averages are compared, and 20 templates with three wordings each are 20 templates."""
    texts = [*variants(20), *variants(20), *variants(20)]
    (score, _) = judged(texts, answers(texts))
    assert score.verdict.status is Status.INSUFFICIENT
    assert score.verdict.reason.startswith("templates: 20 templates have answers")
    texts = [*variants(), *variants()]
    said = [*answers(variants(), base=0.2), *answers(variants(), gap=0.2, base=0.2)]
    assert judged(texts, said)[0].verdict.value == pytest.approx(0.1)


def test_a_few_failures_are_said() -> None:
    """Up to maxLoss (5 %) the verdict stands, and the reason counts what is missing."""
    said = answers(variants(), gap=0.6)
    said[3] = Answer(problem="timeout")
    said[8] = Answer(problem="http_503")
    said[9] = Answer(math.nan, 1.0)
    score, outcome = judged(variants(), said)
    assert score.verdict.status is Status.BREACH
    assert score.verdict.reason.endswith(
        "missing: 1 http_503, 1 no_number, 1 timeout of 200 answers"
    )
    assert "no_number" not in outcome.verdict.reason
    assert score.lost == {"http_503": 1, "timeout": 1}


def test_too_many_failures_are_insufficient() -> None:
    """6 % are missing: value and bounds are shown, but nothing is concluded from them."""
    said = answers(variants(), gap=0.6)
    for i in range(12):
        said[i] = Answer(problem="http_500")
    score, _ = judged(variants(), said)
    assert score.verdict.status is Status.INSUFFICIENT
    assert score.verdict.reason.startswith(
        "lost: 12 http_500 of 200 answers are missing, maxLoss is 0.05; largest: male"
    )
    assert score.verdict.value == pytest.approx(0.6)


def test_no_answer_at_all() -> None:
    """Whatever is declared, the failures are the reason."""
    nothing = [Answer(problem="http_500")] * 200
    (outcome,) = judged(variants(), nothing)
    assert (outcome.verdict.test, outcome.verdict.status) == ("outcome", Status.INSUFFICIENT)
    assert "200 http_500 of 200 answers are missing" in outcome.verdict.reason
    (finding,) = judged(variants(), nothing, sentiment(signals={}))
    assert finding.verdict.reason == "lost: no answer (200 http_500)"


def test_nothing_to_compare() -> None:
    """Answers without a score, and no outcome declared: the reason says what to declare."""
    (finding,) = judged(variants(), [Answer()] * 200, sentiment(signals={}))
    assert finding.verdict.status is Status.INSUFFICIENT
    assert finding.verdict.reason.startswith("nothing_to_compare: ")


@pytest.mark.parametrize(
    ("base", "given", "status"),
    [
        (0.3, None, Status.OK),
        (-0.5, None, Status.OK),
        (-7.0, None, Status.INSUFFICIENT),
        (-7.0, (-10.0, 10.0), Status.OK),
    ],
)
def test_the_range_of_scores(
    base: float, given: tuple[float, float] | None, status: Status
) -> None:
    """[0, 1] and [-1, 1] are told from the scores; any other range must be given."""
    texts = variants(400)
    score, _ = judged(texts, answers(texts, base=base), score_range=given)
    assert score.verdict.status is status
    if status is Status.INSUFFICIENT:
        assert "--score-range LOW,HIGH" not in score.verdict.reason
        assert "give --score-range LOW HIGH" in score.verdict.reason


def test_scores_outside_the_given_range_do_not_count() -> None:
    """The limits rest on the range: what lies outside is missing, and counted."""
    said = answers(variants(), base=0.3)
    said[0] = Answer(1.5, 1.0)
    score, _ = judged(variants(), said, score_range=(0.0, 1.0))
    assert "missing: 1 outside_range of 200 answers" in score.verdict.reason


def test_the_version_is_the_models_own_word() -> None:
    """Where path or answer names a version, the finding is about that one."""
    said = answers(variants())
    assert judged(variants(), said)[0].version == "1"
    said[0] = Answer(0.3, 0.0, version="2.0-rc1")
    assert judged(variants(), said)[0].version == "2.0-rc1"


def test_a_metric_without_a_limit_is_shown() -> None:
    """Listed in ``metrics`` only: value and interval, no judgement."""
    score, _ = judged(variants(), answers(variants(), gap=0.6), sentiment(None))
    assert (score.verdict.status, score.verdict.threshold) == (Status.OK, None)
    assert score.verdict.reason.startswith("no threshold")


def test_a_component_without_the_metric_is_told() -> None:
    """Who asks for the check must declare what counts."""
    check_declared(sentiment())
    check_declared(sentiment(None))
    with pytest.raises(ConfigError, match=f"for example {CHECK}: 0.1"):
        check_declared(sentiment(governance={}))
