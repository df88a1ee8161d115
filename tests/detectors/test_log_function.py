"""State is a function of the log: how it is cut, stored and stepped through changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.event import MessageType
from tests.detectors.log import (
    HOUR,
    MINUTE,
    SECOND,
    START,
    Reader,
    component,
    events,
    labels,
    stamp,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from governance.finding import Finding

SPECS: dict[str, dict[str, Any]] = {
    "hours": {"labelHorizon": "3h", "retireAfter": "4h"},
    "slides": {"windows": {"every": "1h", "slide": "20m"}, "labelHorizon": "2h"},
    "minutes": {"windows": {"every": "10m"}, "lateness": "3m", "labelHorizon": "0s"},
    "counts": {"windows": {"events": 7}, "labelHorizon": "1h", "retireAfter": "2h"},
    "starved": {"windows": {"events": 40, "maxAge": "30m"}, "labelHorizon": "10m"},
    "crowded": {"windows": {"events": 500}, "labels": {"maxPending": 1_000}},
}
NAMES = st.integers(0, 40)
RECORD = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(
            ["events", "events", "events", "labels", "heartbeat", "bye", "tick"]
        ),
        "after": st.sampled_from([0, SECOND, MINUTE, 16 * MINUTE, HOUR, 5 * HOUR]),
        "age": st.sampled_from([0, SECOND, 30 * SECOND, 10 * MINUTE, 2 * HOUR, -2 * HOUR]),
        "source": st.sampled_from(["a", "b", ""]),
        "sequence": st.integers(0, 12),
        "version": st.sampled_from(["v1", "v2"]),
        "names": st.lists(NAMES, min_size=1, max_size=9),
        "outcome": st.integers(0, 1),
        "again": st.booleans(),
        "off": st.sampled_from([0, 0, 0, HOUR]),
        "many": st.sampled_from([1, 1, 1, 90]),
        "respecify": st.sampled_from([None] * 8 + ["limit", "windows", "signals"]),
    }
)


@settings(max_examples=250, deadline=None)
@given(
    st.lists(RECORD, max_size=30),
    st.sampled_from(sorted(SPECS)),
    st.lists(st.booleans(), min_size=30, max_size=30),
)
def test_storing_and_reading_back_changes_no_finding(
    records: list[dict[str, Any]], name: str, stores: list[bool]
) -> None:
    """Findings and counts are the same, byte for byte, wherever the state was written down."""
    plain, stored = Reader.of(**SPECS[name]), Reader.of(**SPECS[name])
    specs = {1: stored.state.spec}
    at = START
    for record, store in zip(records, stores, strict=False):
        at += record["after"]
        for log in (plain, stored):
            _feed(log, at, record, name)
        specs[stored.state.spec.generation] = stored.state.spec
        if store:
            stored.store(specs)
    _finish_alike(plain, stored)


@settings(max_examples=100, deadline=None)
@given(st.lists(RECORD, max_size=25), st.sampled_from(sorted(SPECS)), st.integers(2, 9))
def test_log_time_in_steps_or_at_once_is_the_same(
    records: list[dict[str, Any]], name: str, steps: int
) -> None:
    """Records of other components that move log time in between make no difference."""
    plain, stepped = Reader.of(**SPECS[name]), Reader.of(**SPECS[name])
    at = START
    for record in records:
        for step in range(1, steps):
            stepped.advance(at + record["after"] * step // steps)
        at += record["after"]
        for log in (plain, stepped):
            _feed(log, at, record, name)
    _finish_alike(plain, stepped)


@settings(max_examples=150, deadline=None)
@given(st.lists(RECORD, max_size=30), st.sampled_from(sorted(SPECS)))
def test_every_event_is_accounted_for(records: list[dict[str, Any]], name: str) -> None:
    """Events sent = in windows + late + duplicate, and every window is judged exactly once."""
    log = Reader.of(**SPECS[name])
    at, sent = START, 0
    for record in records:
        at += record["after"]
        _feed(log, at, record, name)
        if record["kind"] == "events":
            sent += len(record["names"]) * record["many"]
    log.finish()
    counts = log.state.counts
    assert sent == counts["events"] + counts["late"] + counts["duplicate_events"]
    first = [f for f in log.findings if f.verdict.check == "seen"]
    assert sum(f.verdict.events for f in first) == counts["events"]
    assert len({(f.id, f.revision) for f in log.findings}) == len(log.findings)


def _feed(log: Reader, at: int, record: dict[str, Any], name: str) -> None:
    source, sequence = record["source"], record["sequence"]
    kind = record["kind"]
    said = None
    if source or kind in {"heartbeat", "bye"}:
        sent = at + record["off"]
        said = stamp(
            sequence,
            sent - record["age"],
            source=source or "a",
            sent_us=sent,
            counts={"accepted": 20 * sequence},
            type=MessageType.EVENTS,
        )
    feeds: dict[str, Callable[[], object]] = {
        "events": lambda: log.events(at, _events(at, record), said),
        "labels": lambda: log.labels(
            at,
            labels(
                record["names"], [record["outcome"]] * len(record["names"]), again=record["again"]
            ),
            said,
        ),
        "heartbeat": lambda: log.heartbeat(at, said) if said else None,
        "bye": lambda: log.bye(at, said) if said else None,
        "tick": lambda: log.advance(at),
    }
    feeds[kind]()
    _respecify(log, record["respecify"], name)


def _events(at: int, record: dict[str, Any]) -> Any:
    names = [n + 1_000 * i for i in range(record["many"]) for n in record["names"]]
    times = [at - record["age"] + n * SECOND // 7 + record["off"] for n in range(len(names))]
    return events(times, names, version=record["version"])


def _respecify(log: Reader, change: str | None, name: str) -> None:
    if change is None:
        return
    monitoring = dict(SPECS[name])
    signals = {"label": "column:y"} if change == "signals" else None
    if change == "limit":
        monitoring["maxLoss"] = 0.5
    if change == "windows":
        monitoring["windows"] = {"every": "30m"}
    generation = log.state.spec.generation + 1
    changed = component(signals=signals, **monitoring)
    log.findings += log.state.respecify(changed, None, generation)


def _finish_alike(one: Reader, other: Reader) -> None:
    one.finish()
    other.finish()
    assert _bytes(one.findings) == _bytes(other.findings)
    assert one.state.counts == other.state.counts


def _bytes(findings: list[Finding]) -> list[bytes]:
    return [msgspec.json.encode(finding.to_json()) for finding in findings]
