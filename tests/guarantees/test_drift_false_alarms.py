"""The promise of drift: at most one window in ``falseAlarmEvery`` is a false breach."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import bdtrc

from detectors.base import Pane, WindowView
from detectors.drift.detector import make_drift
from detectors.reference import build_reference
from governance.event import Column, EventBatch
from governance.finding import Status
from tests.detectors.scenes import component

EVERY = 20  # the loosest setting that is allowed: one window in 20
WINDOWS = 400


def population(rng: np.random.Generator, n: int) -> EventBatch:
    """Ten independent features: numbers, counts and categories."""
    columns = {f"tabular.n{k}": Column(rng.normal(size=n)) for k in range(4)}
    columns |= {f"tabular.p{k}": Column(rng.poisson(2, n).astype(float)) for k in range(3)}
    for k in range(3):
        texts = tuple(f"c{code}" for code in range(12))
        codes = np.minimum(rng.geometric(0.25, n) - 1, 11).astype(np.int32)
        columns[f"tabular.c{k}"] = Column(codes, texts)
    return EventBatch("1", n, columns)


@pytest.mark.parametrize("rows", [50, 300])
def test_false_breaches_are_as_rare_as_promised(rows: int) -> None:
    """Where nothing changed, false breaches are not more than falseAlarmEvery allows."""
    rng = np.random.default_rng(rows)
    monitoring = {
        "windows": {"events": rows},
        "falseAlarmEvery": EVERY,
        "drift": {"threshold": 0.02},
    }
    declared = component(monitoring=monitoring, baseline={"ordered": True})
    detector = make_drift(declared, build_reference(population(rng, 10_000), declared))
    assert detector is not None
    panes: list[Pane] = []
    false = 0
    for number in range(WINDOWS):
        batch = population(rng, rows)
        panes.append(Pane(number, number, number + 1, rows, detector.add(batch)))
        verdicts = detector.judge(WindowView(panes[-64:], {}))
        false += any(v.status is Status.BREACH for v in verdicts if v.check == "drift")
    # Not more than a fair coin of 1 / EVERY would give, with 1 % error of this test.
    assert bdtrc(max(false - 1, 0), WINDOWS, 1 / EVERY) > 0.01 or false == 0
