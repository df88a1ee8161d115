"""What `evenhand validate` says of fields that act in part only."""

from __future__ import annotations

from pathlib import Path

from governance.component.load import read_components

EXAMPLES = Path(__file__).parents[3] / "examples"
CHECK = "counterfactual_fairness_difference"


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
