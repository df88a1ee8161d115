"""Fairlearn's side: MetricFrames of a, b and a x b; intervals come from its bootstrap."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from fairlearn.metrics import (
    MetricFrame,
    false_positive_rate,
    selection_rate,
    true_positive_rate,
)

from benchmarks.peers.cases import RESAMPLES
from benchmarks.peers.frames import frame

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PACKAGE = "fairlearn"
RATES = {
    "demographic_parity_difference": selection_rate,
    "equal_opportunity_difference": true_positive_rate,
    "false_positive_rate_difference": false_positive_rate,
}
SUBJECTS = {"a": ["a"], "b": ["b"], "a \N{MULTIPLICATION SIGN} b": ["a", "b"]}
QUANTILES = (0.025, 0.975)


def fairness(folder: Path, **bootstrap: Any) -> Callable[[], dict[str, float]]:
    """Three differences of every subject."""
    rows = frame(folder / "decisions.npz")
    truth, predicted = rows["label"].to_numpy(), rows["prediction"].to_numpy()

    def run() -> dict[str, float]:
        found: dict[str, float] = {}
        for subject, attributes in SUBJECTS.items():
            metrics = MetricFrame(
                metrics=RATES,
                y_true=truth,
                y_pred=predicted,
                sensitive_features=rows[attributes],
                **bootstrap,
            )
            values = metrics.difference().items()
            found |= {f"{name} {subject}": float(value) for name, value in values}
        return found

    return run


WORKS = {
    "fairness": fairness,
    "bootstrap": partial(fairness, n_boot=RESAMPLES, ci_quantiles=list(QUANTILES)),
}
