"""Messages that are counted together against the same messages one by one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from detectors.component_state import Position
from governance.event import Column, EventBatch, MessageType
from governance.wire.columns import decode_events, encode_events
from governance.wire.headers import Stamp
from governance.wire.together import decode_together
from tests.detectors.log import (
    HOUR,
    KEY,
    MINUTE,
    SECOND,
    START,
    Reader,
    events,
    labels,
    stamp,
)

SPECS: dict[str, dict[str, Any]] = {
    "hours": {"labelHorizon": "2h", "retireAfter": "4h"},
    "minutes": {"windows": {"every": "10m"}, "lateness": "3m", "labelHorizon": "30m"},
    "counts": {"windows": {"events": 30}, "labelHorizon": "1h", "retireAfter": "2h"},
    "starved": {"windows": {"events": 60, "maxAge": "30m"}, "labelHorizon": "10m"},
    "crowded": {"windows": {"events": 5_000}, "labels": {"maxPending": 1_000}},
}
CALM = {"after": SECOND, "age": SECOND, "source": "a", "skips": 0, "sent": None, "lost": 0}
CALM |= {"watermark": True, "many": 1, "groups": "mf", "labels": False, "version": "v1"}
UNUSUAL: dict[str, list[Any]] = {
    "after": [0, MINUTE, 16 * MINUTE, HOUR],
    "age": [0, 30 * SECOND, 10 * MINUTE, 2 * HOUR, -2 * HOUR],
    "source": ["b", ""],
    "skips": [1, -1],
    "sent": [0, HOUR],
    "watermark": [False],
    "lost": [3],
    "many": [120],
    "groups": ["fm", "fmx", "yz"],
    "labels": [True],
    "version": ["v2"],
}


@pytest.mark.parametrize("name", sorted(SPECS))
@pytest.mark.parametrize("rate", [0.003, 0.02, 0.1])
@pytest.mark.parametrize("source", ["a", "", "door"])
def test_how_messages_are_put_together_changes_no_finding(
    name: str, rate: float, source: str
) -> None:
    """Findings and counts, byte for byte, whatever comes with what: calm traffic and wild."""
    rng = np.random.default_rng([*name.encode(), *source.encode(), round(rate * 1_000)])
    log = list(_log([_record(rng, rate, source) for _ in range(150)]))
    single, together = Reader.of(**SPECS[name]), Reader.of(**SPECS[name])
    for at, value, said, meets in log:
        single.events(at, decode_events(value)[0], said)
        if meets:
            single.labels(at, labels(meets, [1] * len(meets)))
    while log:
        run = int(rng.integers(1, 20))
        _feed_together(together, log[:run])
        log = log[run:]
    single.finish()
    together.finish()
    assert _bytes(single) == _bytes(together)
    assert single.state.counts == together.state.counts


def test_many_messages_are_one_addition() -> None:
    """What this is for: a calm source's messages reach the detectors as one batch."""
    log, calm = Reader.of(), [events([START + i], [i]) for i in range(1, 50)]
    log.events(START + SECOND, events([START, START, START], [0, "b", "c"]), stamp(0, START))
    found = decode_together([encode_events(batch) for batch in calm])
    assert found is not None
    said = [(Position(i, START + SECOND + i), stamp(i, START)) for i in range(1, 50)]
    assert log.state.events_together(found.batch, found.sizes, said) == []
    (panes,) = log.state._memory.era.versions.values()
    assert [batch.n for batch in panes.open[START // HOUR].waiting] == [3, 49]


@pytest.mark.parametrize(
    "batch", [events([START], version="v9"), replace(events([START]), version="v1")]
)
def test_what_is_new_is_taken_one_by_one(batch: EventBatch) -> None:
    """A version or a group name that has not been seen: nothing is counted, the caller does it."""
    log = Reader.of()
    log.events(START + SECOND, events([START], ["x"]), stamp(0, START))
    columns = dict(batch.columns) | {"group.sex": Column(np.zeros(1, np.int32), ("new",))}
    strange = replace(batch, columns=columns)
    counts = log.state.counts
    said = [(Position(2, START + SECOND), stamp(1, START))]
    assert log.state.events_together(strange, (1,), said) is None
    assert log.state.counts == counts


def _record(rng: np.random.Generator, rate: float, source: str) -> dict[str, Any]:
    """What is said of one message; each of its traits is unusual at that rate."""
    odd = {k: v[rng.integers(len(v))] for k, v in UNUSUAL.items() if rng.random() < rate}
    names = rng.integers(0, 100_000 if rng.random() < 0.9 else 50, rng.integers(1, 9)).tolist()
    return {**CALM, "source": source, **odd, "names": names}


def _log(messages: list[dict[str, Any]]) -> Any:
    """(append time, value, stamp, names to be labelled after it)."""
    at, sequences = START, {"a": -1, "b": -1, "door": -1}
    for record in messages:
        at += record["after"]
        source = record["source"]
        said = Stamp(MessageType.EVENTS, KEY)
        if source:
            sequences[source] = max(0, sequences[source] + 1 + record["skips"])
            sent = record["sent"] or (0 if source == "door" else record["sent"])
            said = stamp(
                sequences[source],
                at - record["age"] + (sent or 0)
                if record["watermark"] and source != "door"
                else None,
                source=source,
                sent_us=None if sent is None else at + sent,
                counts={"accepted": 9 * sequences[source], "dropped": record["lost"]},
            )
        yield at, encode_events(_batch(at, record)), said, record["names"] * record["labels"]


def _batch(at: int, record: dict[str, Any]) -> EventBatch:
    names = [n + 1_000 * i for i in range(record["many"]) for n in record["names"]]
    times = [at - record["age"] + n * SECOND // 7 for n in range(len(names))]
    batch = events(times, names, version=record["version"])
    groups = Column.encode([record["groups"][n % len(record["groups"])] for n in names])
    return replace(batch, columns={**batch.columns, "group.sex": groups})


def _feed_together(log: Reader, run: list[Any]) -> None:
    """As an owner of a partition does; labels end a run."""
    waiting: list[Any] = []
    for record in run:
        waiting.append(record)
        if record[3]:
            _flush(log, waiting)
            log.labels(record[0], labels(record[3], [1] * len(record[3])))
            waiting = []
    _flush(log, waiting)


def _flush(log: Reader, waiting: list[Any]) -> None:
    found = decode_together([value for _, value, _, _ in waiting]) if waiting else None
    if found is not None:
        places = [(Position(log.offset, at), said) for at, _, said, _ in waiting]
        findings = log.state.events_together(found.batch, found.sizes, places)
        if findings is not None:
            log.findings += findings
            return
    for at, value, said, _ in waiting:
        log.events(at, decode_events(value)[0], said)


def _bytes(log: Reader) -> list[bytes]:
    return [msgspec.json.encode(finding.to_json()) for finding in log.findings]
