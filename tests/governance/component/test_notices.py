"""What `evenhand validate` says of fields that act in part only."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance.component.load import read_components

EXAMPLES = Path(__file__).parents[3] / "examples"
CHECK = "counterfactual_fairness_difference"
DEGRADATION_WITHOUT_URI = (
    "judged only where --reference gives labelled rows: spec.baseline.uri names none"
)
DEGRADATION_WITHOUT_LABEL = (
    "never judged: without spec.signals.label `evenhand baseline` finds no labels"
)


def test_the_gate_alone_judges_counterfactual_fairness(tmp_path: Path) -> None:
    """Limit, list and rollout metric are each told where they stand."""
    text = (EXAMPLES / "counterfactual" / "sentiment.yaml").read_text()
    path = tmp_path / "c.yaml"
    metrics = f"    biasDetection:\n      metrics: [{CHECK}]\n"
    rollout = f"  release: {{ rolloutMetrics: [{{ name: {CHECK}, threshold: 0.1 }}] }}\n"
    path.write_text(text.replace("    biasDetection:\n", metrics) + rollout)
    reading = read_components([path])
    assert reading.problems == ()
    told = {notice.path: notice.message for notice in reading.notices if CHECK in text}
    bias = "spec.governance.biasDetection"
    for place in (f"{bias}.thresholds.{CHECK}", f"{bias}.metrics[0]"):
        assert told[place].startswith("only `evenhand gate --counterfactual` judges it")
    assert told["spec.release.rolloutMetrics[0].name"].endswith(
        "its limit in biasDetection.thresholds"
    )


def test_the_gate_alone_asks_the_endpoint() -> None:
    """Nobody should think that the endpoint is watched."""
    reading = read_components([EXAMPLES / "counterfactual" / "sentiment.yaml"])
    told = {notice.path: notice.message for notice in reading.notices}
    assert "only `gate` asks it" in told["spec.model.endpoint"]


@pytest.mark.parametrize(
    ("signals", "words"),
    [
        ("{}", "spec.signals.groups names no group"),
        ("{groups: {sex: 'column:sex'}}", "spec.signals.favourable does not say"),
        ("{groups: {sex: 'column:sex'}, favourable: {in: ['1']}}", ""),
    ],
)
def test_limits_of_fairness_without_groups_or_a_favourable_outcome(
    tmp_path: Path, signals: str, words: str
) -> None:
    """They are never judged, and it is said at once, not window by window."""
    path = tmp_path / "component.yaml"
    path.write_text(
        "apiVersion: apexlogic.io/v1alpha1\nkind: MultimodalAIComponent\nmetadata: {name: m}\n"
        "spec:\n  model: {name: m, version: '1', modality: [tabular]}\n  governance:\n"
        "    biasDetection: {thresholds: {demographic_parity_difference: 0.1}}\n"
        f"  signals: {signals}\n"
    )
    told = [notice.message for notice in read_components([path]).notices]
    assert len(told) == bool(words)
    assert all(words in message for message in told)


@pytest.mark.parametrize(
    ("signals", "rest", "told"),
    [
        ("label: 'column:y'", "", [DEGRADATION_WITHOUT_URI]),
        ("score: 'column:s'", "", [DEGRADATION_WITHOUT_LABEL]),
        ("label: 'column:y'", "baseline: {uri: reference.json}", []),
    ],
)
def test_degradation_without_a_labelled_reference(
    tmp_path: Path, signals: str, rest: str, told: list[str]
) -> None:
    """It compares with labels of the reference, and is told at once where there are none."""
    release = "release: {rolloutMetrics: [{name: degradation, threshold: 0.05}]}"
    assert _told(tmp_path, signals, release, rest) == told


@pytest.mark.parametrize("declared", ["thresholds: {%s: 0.1}", "metrics: [%s]"])
@pytest.mark.parametrize("score", ["", ", score: 'column:s'"])
def test_calibration_without_a_score(tmp_path: Path, declared: str, score: str) -> None:
    """Nothing says what the model promised, so nothing can be held against it."""
    name = "calibration_within_groups_difference"
    bias = f"governance: {{biasDetection: {{{declared % name}}}}}"
    told = _told(tmp_path, f"groups: {{sex: 'column:sex'}}{score}", bias)
    assert any(words.startswith("only events that bring a score") for words in told) is not bool(
        score
    )


def _told(tmp_path: Path, signals: str, *blocks: str) -> list[str]:
    path = tmp_path / "component.yaml"
    path.write_text(
        "apiVersion: apexlogic.io/v1alpha1\nkind: MultimodalAIComponent\nmetadata: {name: m}\n"
        "spec:\n  model: {name: m, version: '1', modality: [tabular]}\n"
        f"  signals: {{favourable: {{in: ['1']}}, {signals}}}\n"
        + "".join(f"  {block}\n" for block in blocks if block)
    )
    reading = read_components([path])
    assert reading.problems == ()
    return [notice.message for notice in reading.notices]
