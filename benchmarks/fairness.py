"""Speed of fairness on 1,000,000 labelled events: a, b and a x b, with intervals.

Beside it three bare bincounts of keys that are already there: the least that counting (group x
prediction x label) of three subjects can cost. Ratios are of the best of several rounds in one run.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from detectors.base import Pane, WindowView
from detectors.fairness.family import make_fairness
from governance.component.schema import Component
from governance.event import Column, EventBatch

if TYPE_CHECKING:
    from collections.abc import Callable

    from detectors.base import Detector

EVENTS, ROUNDS = 1_000_000, 7
A, B = ("f", "m"), ("1", "2", "3", "4", "5", "6")
METRICS = (
    "demographic_parity_difference",
    "equalized_odds_difference",
    "accuracy_score_difference",
)


def main() -> None:
    """Print what adding up and judging cost, and their ratio to the bare bincounts."""
    batch, detector, calibrated = _events(), _detector(METRICS), _detector((*METRICS, _SCORED))
    bare = best(lambda: _bare(batch))
    added = best(lambda: (detector.add(batch), detector.add_outcomes(batch)))
    scored = best(lambda: (calibrated.add(batch), calibrated.add_outcomes(batch)))
    pane = Pane(0, 0, 1, batch.n, detector.add(batch), detector.add_outcomes(batch))
    judged = best(lambda: detector.judge(WindowView([pane], {"a": A, "b": B}, labels_mature=True)))
    print(f"{EVENTS:,} events, subjects a, b and a x b")
    print(f"three bare bincounts       {1e3 * bare:7.1f} ms")
    print(f"added up, all and labelled {1e3 * added:7.1f} ms  {added / bare:5.2f} x bare")
    print(f"the same with calibration  {1e3 * scored:7.1f} ms  {scored / bare:5.2f} x bare")
    print(f"nine verdicts              {1e3 * judged:7.1f} ms")


def best(work: Callable[[], object]) -> float:
    """Processor seconds of the fastest round."""
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


_SCORED = "calibration_within_groups_difference"
_keys: list[np.ndarray] = []


def _bare(batch: EventBatch) -> None:
    if not _keys:
        columns = [batch.columns[n].values for n in ("group.a", "group.b", "favourable", "label")]
        a, b, favourable, label = (column.astype(np.int64) for column in columns)
        cell = favourable * 2 + label
        _keys.extend([a * 4 + cell, b * 4 + cell, (a * len(B) + b) * 4 + cell])
    for keys in _keys:
        np.bincount(keys)


def _events() -> EventBatch:
    rng = np.random.default_rng(1)
    score = (rng.integers(0, 100, EVENTS) + 0.5) / 100
    return EventBatch(
        "1",
        EVENTS,
        {
            "group.a": Column(rng.integers(0, len(A), EVENTS).astype(np.int8), A),
            "group.b": Column(rng.integers(0, len(B), EVENTS).astype(np.int8), B),
            "favourable": Column((score > 0.5).astype(np.int8)),
            "label": Column((rng.random(EVENTS) < score).astype(np.int8)),
            "score": Column(score),
        },
    )


def _detector(metrics: tuple[str, ...]) -> Detector:
    component = Component.model_validate(
        {
            "apiVersion": "apexlogic.io/v1alpha1",
            "kind": "MultimodalAIComponent",
            "metadata": {"name": "m"},
            "spec": {
                "model": {"name": "m", "version": "1", "modality": ["tabular"]},
                "signals": {
                    "favourable": {"in": ["1"]},
                    "label": "column:label",
                    "groups": {"a": "column:a", "b": "column:b"},
                },
                "governance": {
                    "biasDetection": {
                        "thresholds": dict.fromkeys(metrics, 0.1),
                        "intersections": [["a", "b"]],
                    }
                },
            },
        }
    )
    detector = make_fairness(component, None)
    if detector is None:
        raise ValueError("the component judges no fairness")
    return detector
