"""Detector events per second from an in-memory log, against a bare numpy pass over the columns.

25 features (10 numeric, 15 categories), prediction, score, two group attributes, label join on;
messages of 500 events, windows of 10,000; one process, one core. The bare pass decodes nothing and
only counts: one searchsorted or bincount per column and message, the least that any histogram
detector must do.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.catalog import make_detectors
from detectors.component_state import ComponentState, Position
from detectors.reference import build_reference
from governance.component.schema import API_VERSION, KIND, Component
from governance.event import Column, EventBatch, MessageType
from governance.wire.columns import decode_events, encode_events
from governance.wire.headers import Stamp

if TYPE_CHECKING:
    from collections.abc import Callable

EVENTS = 200_000
MESSAGE = 500
NUMERIC, CATEGORIES = 10, 15
ROUNDS = 5


@dataclass(frozen=True)
class Log:
    """Encoded messages, and the same batches decoded."""

    component: Component
    reference: EventBatch
    batches: list[EventBatch]
    values: list[bytes]


def main() -> None:
    log = make_log()
    reference = build_reference(log.reference, log.component)
    numpy_pass = best(lambda: bare_pass(log))
    decoding = best(lambda: [decode_events(value) for value in log.values])
    whole = best(lambda: run(log, reference))
    print(f"events                      {EVENTS:>12,}")
    print(f"bare numpy pass             {EVENTS / numpy_pass:>12,.0f} events/s")
    print(f"decode only                 {EVENTS / decoding:>12,.0f} events/s")
    print(f"decode, count, join, judge  {EVENTS / whole:>12,.0f} events/s")
    print(f"share of the bare pass      {numpy_pass / whole:>12.2f}")


def best(work: Callable[[], object]) -> float:
    """Processor seconds of the fastest of a few rounds: the machine is shared, noise only adds."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return min(seconds)


def run(log: Log, reference: object) -> None:
    state = ComponentState(log.component, reference, make_detectors)  # type: ignore[arg-type]
    findings = 0
    for offset, value in enumerate(log.values):
        batch, _ = decode_events(value)
        at = Position(offset, 1_700_000_000_000_000 + offset * 1_000)
        stamp = Stamp(
            type=MessageType.EVENTS,
            component=log.component.key,
            source="bench",
            sequence=offset,
            sent_us=at.append_time_us,
        )
        findings += len(state.events(batch, at, stamp))
    if not findings:
        raise RuntimeError("nothing was judged: the benchmark measures the wrong thing")


def bare_pass(log: Log) -> None:
    edges = np.linspace(-3, 3, 127)
    for batch in log.batches:
        for name, column in batch.columns.items():
            if column.dictionary is not None:
                np.bincount(column.values, minlength=len(column.dictionary))
            elif name.startswith("tabular.") or name == "score":
                np.bincount(np.searchsorted(edges, column.values), minlength=128)


def make_log() -> Log:
    rng = np.random.default_rng(11)
    reference = _batch(rng, 50_000, 0)
    batches = [_batch(rng, MESSAGE, i) for i in range(EVENTS // MESSAGE)]
    return Log(_component(), reference, batches, [encode_events(batch) for batch in batches])


def _batch(rng: np.random.Generator, n: int, number: int) -> EventBatch:
    columns = {f"tabular.x{i}": Column(rng.normal(size=n)) for i in range(NUMERIC)}
    for i in range(CATEGORIES):
        names = tuple(str(code) for code in range(4 + i))
        codes = rng.integers(0, len(names), n).astype(np.int32)
        columns[f"tabular.c{i}"] = Column(codes, names)
    score = rng.random(n)
    favourable = (score >= 0.5).astype(np.int8)
    columns |= {
        "event_id": Column(np.frombuffer(rng.bytes(16 * n), dtype="V16")),
        "time": Column(np.int64(1_700_000_000_000_000) + np.arange(n) + number * n),
        "latency_ms": Column(rng.lognormal(3, 0.5, n)),
        "status_code": Column(np.full(n, 200, dtype=np.int16)),
        "prediction": Column(favourable.astype(np.int32), ("0", "1")),
        "score": Column(score),
        "favourable": Column(favourable),
        "group.sex": Column(rng.integers(0, 2, n).astype(np.int32), ("female", "male")),
        "group.race": Column(rng.integers(0, 3, n).astype(np.int32), ("a", "b", "c")),
    }
    return EventBatch("1", n, columns)


def _component() -> Component:
    categorical = [f"c{i}" for i in range(CATEGORIES)]
    return Component.model_validate(
        {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": "bench"},
            "spec": {
                "model": {"name": "bench", "version": "1", "modality": ["tabular"]},
                "governance": {
                    "biasDetection": {
                        "thresholds": {
                            "demographic_parity_difference": 0.1,
                            "equal_opportunity_difference": 0.1,
                        }
                    }
                },
                "signals": {
                    "prediction": "column:prediction",
                    "score": "column:score",
                    "favourable": {"in": ["1"]},
                    "groups": {"sex": "column:sex", "race": "column:race"},
                    "features": {"tabular": {"from": "column:*", "categorical": categorical}},
                },
                "monitoring": {"windows": {"events": 10_000}},
            },
        }
    )


if __name__ == "__main__":
    main()
