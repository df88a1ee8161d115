"""The loop that the detectors are measured beside counts what they count."""

from __future__ import annotations

import numpy as np
import orjson

from benchmarks import detector_log
from benchmarks.naive_loop import NaiveLoop, reference_histograms
from detectors.component_state import ComponentState, Position
from governance.event import EventBatch, LabelBatch
from governance.wire.headers import decode_stamp
from governance.wire.message import decode_stamped

EVENTS, WINDOW = 20_000, 10_000


class _Envelope:
    """A record of the log."""

    append_time_us = 2**50

    def __init__(self, sent: detector_log.Sent) -> None:
        self.key = b"default/bench"
        self.headers = sent.headers
        self.value = sent.value


def test_the_loop_judges_and_joins_as_much_as_the_detectors() -> None:
    """Windows, events and labels of the two notations of one log."""
    loop = NaiveLoop(WINDOW, reference_histograms())
    for raw in detector_log.as_json(EVENTS):
        loop.take(raw)
    spec = detector_log.declared(WINDOW)
    state = ComponentState(spec.component, spec.reference, spec.make)
    windows = set()
    for offset, sent in enumerate(detector_log.messages(EVENTS)):
        record = _Envelope(sent)
        message = decode_stamped(record, decode_stamp(record.key, record.headers))
        at = Position(offset, record.append_time_us)
        if isinstance(message.batch, EventBatch):
            findings = state.events(message.batch, at, message.stamp)
        else:
            assert isinstance(message.batch, LabelBatch)
            findings = state.labels(message.batch, at, message.stamp)
        windows |= {finding.window.number for finding in findings}
    assert len(windows) == EVENTS // WINDOW
    assert loop.judged == len(windows) * len(detector_log.GROUPS)
    assert state.counts["events"] == EVENTS
    assert state.counts["labels_joined"] == loop.joined == EVENTS // detector_log.LABELLED


def test_the_loop_drops_an_id_that_came_before() -> None:
    """As the detectors do; everything else of it is counted once."""
    event = next(detector_log.as_json(500))
    loop = NaiveLoop(10, {})
    loop.take(event)
    loop.take(event)
    assert loop.window.events == 1
    assert loop.window.histograms["tabular.c0"].total() == 1
    assert orjson.loads(event)["tabular.c0"] in loop.window.histograms["tabular.c0"]


def test_messages_differ_as_a_sidecars_do() -> None:
    """Ids never repeat, and every tenth event gets its label."""
    ids, labelled = [], 0
    for sent in detector_log.messages(EVENTS):
        record = _Envelope(sent)
        batch = decode_stamped(record, decode_stamp(record.key, record.headers)).batch
        assert batch is not None
        if isinstance(batch, EventBatch):
            ids.append(batch.columns["event_id"].values)
        else:
            labelled += batch.n
    assert len(np.unique(np.concatenate(ids))) == EVENTS
    assert labelled == EVENTS // detector_log.LABELLED
