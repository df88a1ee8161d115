"""Embeddings on their way into windows: vectors by event, sums of collectors as a whole."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detectors.catalog import make_detectors
from detectors.component_state import ComponentState, Position
from detectors.reference import build_reference
from governance.component.schema import Component
from governance.event import BatchSum, Column, EventBatch, MessageType, sum_name
from governance.wire.headers import Stamp

if TYPE_CHECKING:
    from detectors.reference import Reference
    from governance.finding import Finding

HOUR = 3_600_000_000
START = 1_700_000 * HOUR
SIZE = 200  # events of a count window


def component(**windows: Any) -> Component:
    return Component.model_validate(
        {
            "apiVersion": "apexlogic.io/v1alpha1",
            "kind": "MultimodalAIComponent",
            "metadata": {"name": "m"},
            "spec": {
                "model": {"name": "m", "version": "1", "modality": ["text"]},
                "baseline": {"ordered": True, "coversRhythm": True},
                "monitoring": {"windows": windows},
            },
        }
    )


COUNTED, TIMED = component(events=SIZE), component(every="1h")


def events(n: int, seed: int, start_us: int = START, shift: float = 0.0) -> EventBatch:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(0.15 * (1 + shift * (np.arange(512) < 64)), (n, 512))
    columns = {
        "event_id": Column(np.frombuffer(rng.bytes(16 * n), dtype="V16")),
        "time": Column(start_us + np.arange(n) * 1_000_000),
        "text.words": Column(rng.normal(20, 5, n)),
    }
    return EventBatch("1", n, columns, vectors={"text": counts.astype(np.uint16)})


def reference(declared: Component) -> Reference:
    rows = events(4_000, 0, shift=0.0)
    spread = Column(START + np.arange(4_000) * (HOUR // SIZE))
    return build_reference(replace(rows, columns={**rows.columns, "time": spread}), declared)


REFERENCES = {id(declared): reference(declared) for declared in (COUNTED, TIMED)}
PROJECTION = REFERENCES[id(COUNTED)].embeddings["text"].projection
SUM = sum_name("text", PROJECTION.hash)


def state(declared: Component) -> ComponentState:
    return ComponentState(declared, REFERENCES[id(declared)], make_detectors)


def stamp(sequence: int, watermark_us: int | None = None) -> Stamp:
    kind, key = MessageType.EVENTS, COUNTED.key
    return Stamp(kind, key, "pod", sequence, watermark_us=watermark_us)


def summed(batch: EventBatch) -> BatchSum:
    return BatchSum(PROJECTION.sums(batch.vectors["text"]), batch.n)


def feed(machine: ComponentState, batches: list[EventBatch]) -> list[Finding]:
    """Batches in one log, an hour after their events; then the log ends."""
    found: list[Finding] = []
    for offset, batch in enumerate(batches):
        found += machine.events(batch, Position(offset, START + HOUR), stamp(offset))
    return found + machine.finish()


def embeddings(findings: list[Finding]) -> list[tuple[int, str, float | None, float | None]]:
    """Of every window: number, status, value and effective events of the embedding."""
    return [
        (f.window.number, f.verdict.status.value, f.verdict.value, f.verdict.effective_events)
        for f in findings
        if f.verdict.subject == "embedding"
    ]


@pytest.mark.parametrize("cut", [1_000, 370, 90, 7])
def test_vectors_go_to_the_windows_of_their_events(cut: int) -> None:
    """However a log is cut into batches, the findings are the same, byte for byte."""
    whole = events(1_000, 1)
    parts = [whole.take(slice(at, at + cut)) for at in range(0, 1_000, cut)]
    lines = [f.to_line() for f in feed(state(COUNTED), parts)]
    assert lines == [f.to_line() for f in feed(state(COUNTED), [whole])]
    numbers = [number for number, *_ in embeddings(feed(state(COUNTED), parts))]
    assert numbers == [0, 1, 2, 3, 4]


def test_a_change_shows_in_the_window_where_it_is() -> None:
    """A batch that spans two windows blames only the second."""
    batch, moved = events(SIZE, 1), events(SIZE, 2, shift=9.0)
    vectors = np.concatenate([batch.vectors["text"], moved.vectors["text"]])
    columns = {
        name: Column(np.concatenate([column.values, moved.columns[name].values]))
        for name, column in batch.columns.items()
    }
    both = EventBatch("1", 2 * SIZE, columns, vectors={"text": vectors})
    statuses = [status for _, status, *_ in embeddings(feed(state(COUNTED), [both]))]
    assert statuses == ["ok", "breach"]


def test_a_sum_belongs_to_the_window_of_its_last_event() -> None:
    """It counts there as a whole, with its own number of events."""
    machine = state(COUNTED)
    first, second = events(SIZE - 20, 1), events(60, 2)
    batches = [replace(b, vectors={}, sums={SUM: summed(b)}) for b in (first, second)]
    sizes = [size for *_, size in embeddings(feed(machine, batches))]
    assert sizes == pytest.approx([1 / (1 / 180 + 1 / 4_000), 1 / (1 / 240 + 1 / 4_000)], rel=0.2)
    assert machine.counts["sums"] == 2


def test_a_sum_that_says_its_instant_belongs_to_that_window() -> None:
    """As of a door, which has no watermark: the log is in the next hour, the sum is not."""
    machine = state(TIMED)
    batch = events(SIZE, 1, START + HOUR // 2)
    alone = EventBatch("1", 0, {}, {SUM: summed(batch)}, sums_at_us=START + HOUR - 1)
    found: list[Finding] = []
    for offset, sent in enumerate((replace(batch, vectors={}), alone)):
        log_time_us = START + HOUR + offset * 60_000_000
        found += machine.events(sent, Position(offset, log_time_us), stamp(offset))
    ((number, _, _, size),) = embeddings(found + machine.finish())
    assert number == START // HOUR
    assert size == pytest.approx(1 / (1 / SIZE + 1 / 4_000), rel=0.2)


def test_a_sum_that_fills_a_window_is_judged_with_it() -> None:
    """The window closes after its sum was added, not before."""
    batch = events(SIZE, 1)
    message = replace(batch, vectors={}, sums={SUM: summed(batch)})
    (found,) = embeddings(feed(state(COUNTED), [message]))
    assert found == embeddings(feed(state(COUNTED), [batch]))[0]


def test_a_sum_ahead_of_its_events_waits_for_them() -> None:
    """A version that was never heard of is not retired by a sum: its window fills up."""
    batch = events(SIZE, 1)
    ahead = EventBatch("1", 0, {}, {SUM: summed(batch)})
    (found,) = embeddings(feed(state(COUNTED), [ahead, replace(batch, vectors={})]))
    assert found == embeddings(feed(state(COUNTED), [batch]))[0]


def test_a_sum_alone_belongs_to_the_window_of_its_watermark() -> None:
    """It comes after its window's events, when the window has ended and is not closed yet."""
    machine, batch = state(TIMED), events(SIZE, 1)
    machine.events(replace(batch, vectors={}), Position(0, START + HOUR // 2), stamp(0))
    alone = EventBatch("1", 0, {}, {SUM: summed(batch)})
    at = Position(1, START + HOUR + 1_000_000)
    machine.events(alone, at, stamp(1, watermark_us=START + HOUR))
    found = embeddings(machine.finish())
    assert [(number * HOUR, status) for number, status, *_ in found] == [(START, "ok")]
    assert machine.counts["sums"] == 1


def test_a_sum_that_comes_too_late_is_counted() -> None:
    """Its window is closed; nothing else gets it."""
    machine, batch = state(TIMED), events(SIZE, 1)
    machine.events(replace(batch, vectors={}), Position(0, START), stamp(0))
    machine.advance(START + 3 * HOUR)
    alone = EventBatch("1", 0, {}, {SUM: summed(batch)})
    machine.events(alone, Position(1, START + 3 * HOUR), stamp(1, watermark_us=START + HOUR))
    assert (machine.counts["sums_late"], machine.counts["sums"]) == (1, 0)


def test_sums_of_another_projection_or_shape_are_counted() -> None:
    """They are never added, and stop nothing."""
    machine, batch = state(COUNTED), events(SIZE, 1)
    other = {"text.fourier.0123456789abcdef": summed(batch)}
    short = {SUM: BatchSum(np.zeros(4, dtype=np.int64), 20)}
    findings = feed(machine, [replace(batch, vectors={}, sums={**other, **short})])
    ((_, status, value, _),) = embeddings(findings)
    assert (status, value) == ("insufficient", None)
    assert machine.counts["sums_ignored"] == 2


def test_sums_survive_a_restart() -> None:
    """What was added is in the stored rows, and not twice."""
    batch = events(SIZE // 2, 1)
    message = replace(batch, vectors={}, sums={SUM: summed(batch)})
    machine = state(COUNTED)
    machine.events(message, Position(0, START), stamp(0))
    stored = machine.changed_rows()
    again = ComponentState.restore(stored, {1: machine.spec})
    assert embeddings(again.finish()) == embeddings(machine.finish())
