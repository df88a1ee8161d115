"""The log that the detector benchmarks read: one component, as its sidecar would send it.

25 features (10 numeric, 15 categories), prediction, score, two group attributes; messages of 500
events, each with dictionaries in its own order; labels of every tenth event come later through the
door. ``as_json`` is the same traffic as most people send it: a JSON document an event.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from detectors.catalog import make_detectors
from detectors.declared import Declared
from detectors.reference import build_reference
from governance.component.schema import API_VERSION, KIND, Component
from governance.event import Column, EventBatch, LabelBatch, MessageType
from governance.wire.headers import Stamp, encode_stamp
from governance.wire.message import encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detectors.reference import Reference
    from governance.bus.ports import Headers

MESSAGE = 500
LABELLED = 10  # one event in so many gets a label
LABELS_EVERY = 20  # messages of events
NUMERIC, CATEGORIES = 10, 15
GROUPS = {"sex": ("female", "male"), "race": ("a", "b", "c")}
REFERENCE_ROWS = 50_000


@dataclass(frozen=True)
class Sent:
    """One message: headers and value."""

    headers: Headers
    value: bytes


def component(window: int, pending: int = 2_000_000) -> Component:
    """The declaration; windows of so many events."""
    return Component.model_validate(_document(window, pending))


def declared(
    window: int, *, pending: int = 2_000_000, reference: Reference | None = None
) -> Declared:
    """The component with its reference and all detectors that it has a use for.

    ``pending`` ids may wait for labels; ``reference`` is built where it is not given.
    """
    made, document = component(window, pending), _document(window, pending)
    canonical = json.dumps(document, sort_keys=True)
    built = reference or build_reference(reference_rows(), made)
    return Declared(made, canonical, built, make_detectors)


def reference_rows() -> EventBatch:
    """What the reference is built from."""
    return batch(np.random.default_rng(1), REFERENCE_ROWS, 0)


def messages(events: int) -> Iterator[Sent]:
    """The log in order."""
    rng, key = np.random.default_rng(11), component(MESSAGE).key
    due: list[Any] = []
    labels = 0
    for number in range(events // MESSAGE):
        now_us = time.time_ns() // 1_000
        sent = batch(rng, MESSAGE, now_us)
        due.append(sent.columns["event_id"].values[::LABELLED])
        said = Stamp(
            MessageType.EVENTS, key, "pod", number, now_us, now_us, {"accepted": (number + 1) * 500}
        )
        yield Sent(encode_stamp(said), encode(sent))
        if len(due) == LABELS_EVERY:
            ids = np.concatenate(due)
            due = []
            outcomes = Column(rng.integers(0, 2, len(ids)).astype(np.int8))
            columns = {"event_id": Column(ids), "favourable": outcomes}
            stamp = Stamp(MessageType.LABELS, key, "door", labels, now_us)
            labels += 1
            yield Sent(encode_stamp(stamp), encode(LabelBatch(len(ids), columns)))


def as_json(events: int) -> Iterator[bytes]:
    """The same traffic, a document an event; labels are documents too."""
    rng = np.random.default_rng(11)
    for number in range(events // MESSAGE):
        sent = batch(rng, MESSAGE, number * MESSAGE)
        rows = {name: _texts(column) for name, column in sent.columns.items()}
        ids = [raw.hex() for raw in sent.columns["event_id"].values.tolist()]
        for i in range(MESSAGE):
            event = {name: values[i] for name, values in rows.items() if name != "event_id"}
            yield orjson.dumps({"id": ids[i], **event})
        outcomes = rng.integers(0, 2, MESSAGE // LABELLED).tolist()
        for id_, label in zip(ids[::LABELLED], outcomes, strict=True):
            yield orjson.dumps({"id": id_, "label": label})


def _texts(column: Column) -> list[Any]:
    if column.dictionary is None:
        return column.values.tolist()  # type: ignore[no-any-return]
    return [column.dictionary[code] for code in column.values.tolist()]


def batch(rng: np.random.Generator, n: int, first_us: int) -> EventBatch:
    """Events of the traffic, a microsecond apart."""
    columns = {f"tabular.x{i}": Column(rng.normal(size=n)) for i in range(NUMERIC)}
    for i in range(CATEGORIES):
        columns[f"tabular.c{i}"] = _words(rng, [str(code) for code in range(4 + i)], n)
    score = rng.random(n)
    favourable = (score >= 0.5).astype(np.int8)
    columns |= {
        "event_id": Column(np.frombuffer(rng.bytes(16 * n), dtype="V16")),
        "time": Column(np.int64(first_us) + np.arange(n)),
        "latency_ms": Column(rng.lognormal(3, 0.5, n)),
        "status_code": Column(np.full(n, 200, dtype=np.int16)),
        "prediction": Column.encode([str(side) for side in favourable.tolist()]),
        "score": Column(score),
        "favourable": Column(favourable),
        **{f"group.{name}": _words(rng, list(words), n) for name, words in GROUPS.items()},
    }
    return EventBatch("1", n, columns)


def _words(rng: np.random.Generator, words: list[str], n: int) -> Column:
    """As a sidecar codes them: in order of first appearance."""
    return Column.encode([words[code] for code in rng.integers(0, len(words), n).tolist()])


def _document(window: int, pending: int) -> dict[str, Any]:
    categorical = [f"c{i}" for i in range(CATEGORIES)]
    thresholds = {"demographic_parity_difference": 0.1, "equal_opportunity_difference": 0.1}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": "bench", "namespace": "default"},
        "spec": {
            "model": {"name": "bench", "version": "1", "modality": ["tabular"]},
            "governance": {"biasDetection": {"thresholds": thresholds}},
            "signals": {
                "prediction": "column:prediction",
                "score": "column:score",
                "favourable": {"in": ["1"]},
                "groups": {"sex": "column:sex", "race": "column:race"},
                "features": {"tabular": {"from": "column:*", "categorical": categorical}},
            },
            "monitoring": {"windows": {"events": window}, "labels": {"maxPending": pending}},
        },
    }
