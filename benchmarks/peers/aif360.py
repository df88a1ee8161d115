"""AIF360's side: three differences of attribute a, without intervals; it has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aif360.datasets import BinaryLabelDataset
from aif360.metrics import ClassificationMetric

from benchmarks.peers.frames import frame

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PACKAGE = "aif360"
A = "a"
NONE_OF, ALL_OF = [{A: 0}], [{A: 1}]  # unprivileged, privileged


def fairness(folder: Path) -> Callable[[], dict[str, float]]:
    """From a frame to the differences: what a new window needs every time."""
    rows = frame(folder / "decisions.npz")
    wanted = {"label_names": ["label"], "protected_attribute_names": [A]}

    def run() -> dict[str, float]:
        truth = BinaryLabelDataset(df=rows[[A, "label"]], **wanted)
        predicted = truth.copy()
        predicted.labels = rows[["prediction"]].to_numpy(float)
        metric = ClassificationMetric(
            truth, predicted, unprivileged_groups=NONE_OF, privileged_groups=ALL_OF
        )
        return {
            "demographic_parity_difference a": abs(metric.statistical_parity_difference()),
            "equal_opportunity_difference a": abs(metric.equal_opportunity_difference()),
            "false_positive_rate_difference a": abs(metric.false_positive_rate_difference()),
        }

    return run


WORKS = {"fairness": fairness}
