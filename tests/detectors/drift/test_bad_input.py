"""Traffic and references as nobody should send them: a reason that says what to do, no number."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detectors.drift.detector import make_drift
from detectors.reference import build_reference
from governance.algebra.packed import pack
from governance.algebra.sums import merge
from governance.event import Column, EventBatch
from governance.finding import Status, Verdict
from tests.detectors.scenes import component, pane, view

if TYPE_CHECKING:
    from detectors.reference import Reference
    from governance.component.schema import Component

MANY = 100_000  # different values
WINDOW = {"windows": {"events": 500}}


def events(n: int, seed: int) -> EventBatch:
    rng = np.random.default_rng(seed)
    return EventBatch(
        "1",
        n,
        {
            "tabular.age": Column(rng.normal(40, 12, n)),
            "tabular.plan": Column(rng.integers(0, 3, n).astype(np.int32), ("a", "b", "c")),
            "score": Column(rng.random(n)),
        },
    )


def exploded(n: int, seed: int) -> EventBatch:
    """Every plan is another text."""
    codes = np.arange(n, dtype=np.int32)
    plans = Column(codes, tuple(f"plan {seed} {code}" for code in range(n)))
    batch = events(n, seed)
    return replace(batch, columns={**batch.columns, "tabular.plan": plans})


def declared(**blocks: Any) -> Component:
    return component(
        **({"signals": {}, "monitoring": WINDOW, "baseline": {"ordered": True}} | blocks)
    )


REFERENCE = build_reference(events(5_000, seed=0), declared())


def one(batch: EventBatch, reference: Reference = REFERENCE, **blocks: Any) -> dict[str, Verdict]:
    """The verdicts of check drift on one pane."""
    made = make_drift(declared(**blocks), reference)
    verdicts = made.judge(view([pane(made, batch)]))
    return {verdict.subject: verdict for verdict in verdicts if verdict.check == "drift"}


def test_a_category_explosion_in_traffic_is_bounded() -> None:
    """100,000 new texts are one bin: what a pane keeps does not grow, and it is said."""
    made = make_drift(declared(), REFERENCE)
    usual, many = made.add(events(MANY, seed=1)), made.add(exploded(MANY, seed=1))
    assert {name: array.shape for name, array in many.items()} == {
        name: array.shape for name, array in usual.items()
    }
    assert len(pack(merge([many, made.add(exploded(MANY, seed=2))]))) < 2 * len(pack(usual))
    found = one(exploded(500, seed=1))
    assert found["plan"].status is Status.BREACH
    assert "unseen categories rose from 0.0 % to 100 %" in found["plan"].reason
    assert found["age"].status is Status.OK


def test_a_category_explosion_in_a_reference_is_bounded() -> None:
    """Nothing of 100,000 texts is kept apart, memory is bounded, no window is judged by them."""
    tracemalloc.start()
    reference = build_reference(exploded(MANY, seed=0), declared())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert reference.inputs["tabular.plan"].bins.size == 3
    assert peak < 300_000_000
    found = one(events(500, seed=1), reference)
    assert found["plan"].status is Status.INSUFFICIENT
    assert "as an identifier has: exclude it" in found["plan"].reason
    assert found["joint"].reason == "reference: fewer than two of its features vary"


@pytest.mark.parametrize("rows", [1, 2, 999])
def test_a_reference_that_is_too_small(rows: int) -> None:
    """It says how many rows it has and how many are needed, for every subject."""
    small = build_reference(events(rows, seed=0), declared())
    found = one(events(500, seed=1), small)
    assert {verdict.status for verdict in found.values()} == {Status.INSUFFICIENT}
    assert found[""].reason == f"reference: it has {rows} rows, at least 1000 are needed"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_reference_of_no_numbers(value: float) -> None:
    """Of a column without a finite value nothing is judged, the others are."""
    batch = events(5_000, seed=0)
    nothing = replace(
        batch, columns={**batch.columns, "tabular.age": Column(np.full(5_000, value))}
    )
    found = one(events(500, seed=1), build_reference(nothing, declared()))
    assert found["age"].reason == "reference: it holds no finite value"
    assert found["joint"].reason == "reference: fewer than two of its features vary"
    assert found["plan"].status is Status.OK


def test_a_reference_with_some_infinities() -> None:
    """They have a bin of their own and part in nothing else: verdicts are finite and usual."""

    def some(batch: EventBatch) -> EventBatch:
        age = batch.columns["tabular.age"].values.copy()
        age[::50], age[1::50] = np.inf, -np.inf
        return replace(batch, columns={**batch.columns, "tabular.age": Column(age)})

    found = one(some(events(500, seed=1)), build_reference(some(events(5_000, seed=0)), declared()))
    assert {verdict.status for verdict in found.values()} == {Status.OK}


def test_windows_of_one_event() -> None:
    """64 of them are too few to judge; the reason says how many there are."""
    made = make_drift(declared(monitoring={"windows": {"events": 1}}), REFERENCE)
    panes = [pane(made, events(1, seed), number=seed) for seed in range(64)]
    found = {v.subject: v for v in made.judge(view(panes)) if v.check == "drift"}
    assert found[""].status is Status.INSUFFICIENT
    assert "cut for windows of events: 500, the component declares events: 1" in found["age"].reason
    single = one(events(1, seed=1))
    assert {verdict.status for verdict in single.values()} == {Status.INSUFFICIENT}
    assert single["age"].reason.startswith("small: the longest window has 1.0 effective events")


@pytest.mark.parametrize("order", ["shuffled", "missing"])
def test_a_time_order_that_is_not_known(order: str) -> None:
    """Times that do not rise, or none: judged with doubt, which every subject says."""
    batch = events(5_000, seed=0)
    if order == "shuffled":
        times = np.random.default_rng(0).permutation(5_000).astype(np.int64) * 1_000_000
        batch = replace(batch, columns={**batch.columns, "time": Column(times)})
    unordered = declared(baseline={"coversRhythm": True})
    found = one(
        events(500, seed=1), build_reference(batch, unordered), baseline={"coversRhythm": True}
    )
    assert found.pop("").status is Status.OK
    assert all(v.reason.startswith("independence: assumed") for v in found.values())
