"""One pod and one door that write to the bus, seeded: the traffic that all faults meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from governance.bus.connect import open_bus
from governance.bus.partitioner import partition_for
from governance.bus.ports import EVENTS_TOPIC
from governance.clock import SystemClock
from governance.event import Column, ComponentKey, EventBatch, LabelBatch, MessageType
from governance.wire.headers import Stamp, encode_stamp
from governance.wire.message import encode

if TYPE_CHECKING:
    from governance.bus.ports import Headers

KEY = ComponentKey("default", "loans")
PARTITIONS = 4
WINDOW = 400  # events
BATCH = 70  # events


class Traffic:
    """Batches of events, and labels of two thirds of them one batch later.

    ``skew_us`` is how far the pod's clock is ahead.
    """

    def __init__(self, url: str, *, skew_us: int = 0) -> None:
        self.bus = open_bus(url)
        self.bus.ensure_topic(EVENTS_TOPIC, PARTITIONS)
        self.producer = self.bus.producer()
        self.sequence = 0
        self.partition = partition_for(KEY, PARTITIONS)
        self._clock = SystemClock()
        self._skew_us = skew_us
        self._said = 0  # messages of labels from a second door
        self.strays = 0  # labels in them

    @property
    def events(self) -> int:
        """How many were sent, each counted once."""
        return self.sequence * BATCH

    def send(self, batches: int, *, again: bool = False) -> None:
        """The next batches; every fifth twice if ``again``."""
        for _ in range(batches):
            number, self.sequence = self.sequence, self.sequence + 1
            self.batch(number)
            if again and number % 5 == 0:
                self.batch(number)
            if number:
                labels = self._labels(number - 1)
                self._append(labels, self._stamp(MessageType.LABELS, number - 1, "door"))
        self.flush()

    def send_out_of_order(self, batches: int) -> None:
        """The next batches, newest first, without labels."""
        first, self.sequence = self.sequence, self.sequence + batches
        for number in reversed(range(first, self.sequence)):
            self.batch(number)
        self.flush()

    def batch(self, number: int) -> None:
        """The events of one batch, which are the same each time."""
        self._append(self._events(number), self._stamp(MessageType.EVENTS, number))

    def labels(self, number: int, *, corrected: bool = False) -> None:
        """The labels of one batch once more; the other way round, superseding, if ``corrected``."""
        batch = self._labels(number)
        if corrected:
            truth = batch.columns["favourable"].values
            columns = {
                **batch.columns,
                "favourable": Column(1 - truth),
                "supersedes": Column(np.ones(batch.n, dtype=np.int8)),
            }
            batch = LabelBatch(batch.n, columns)
        self._say(batch)

    def strange_labels(self, n: int) -> None:
        """Labels of ids that nobody has sent."""
        ids = np.frombuffer(np.random.default_rng(self._said).bytes(16 * n), dtype="V16")
        self._say(
            LabelBatch(
                n, {"event_id": Column(ids), "favourable": Column(np.ones(n, dtype=np.int8))}
            )
        )

    def raw(self, value: bytes, headers: Headers, *, partition: int | None = None) -> None:
        """A record that is none of ours."""
        at = self.partition if partition is None else partition
        self.producer.send(EVENTS_TOPIC, at, key=str(KEY).encode(), value=value, headers=headers)
        self.flush()

    def bye(self) -> None:
        """The pod leaves."""
        self._append(None, self._stamp(MessageType.BYE, self.sequence))
        self.flush()

    def flush(self) -> None:
        """Wait until the bus has everything."""
        self.producer.flush(120)

    def close(self) -> None:
        self.producer.close()
        self.bus.close()

    def _say(self, batch: LabelBatch) -> None:
        self._append(batch, self._stamp(MessageType.LABELS, self._said, "other-door"))
        self._said += 1
        self.strays += batch.n

    def _append(self, batch: EventBatch | LabelBatch | None, stamp: Stamp) -> None:
        self.producer.send(
            EVENTS_TOPIC,
            self.partition,
            key=stamp.key,
            value=encode(batch),
            headers=encode_stamp(stamp),
            timeout_seconds=60,
        )

    def _stamp(self, kind: MessageType, sequence: int, source: str = "pod") -> Stamp:
        now = self._clock.now_us() + self._skew_us
        return Stamp(kind, KEY, source, sequence, sent_us=now, watermark_us=now)

    def _events(self, number: int) -> EventBatch:
        seeded = np.random.default_rng(number)
        drifts = 40 if number > 60 else 0
        sex = seeded.integers(0, 2, BATCH).astype(np.int32)
        favourable = (seeded.random(BATCH) < np.where(sex == 0, 0.7, 0.3)).astype(np.int8)
        columns = {
            "event_id": Column(_ids(number)),
            "time": Column(np.full(BATCH, self._clock.now_us() + self._skew_us)),
            "status_code": Column(np.full(BATCH, 200, dtype=np.int16)),
            "latency_ms": Column(seeded.exponential(20.0, BATCH)),
            "favourable": Column(favourable),
            "tabular.age": Column(seeded.normal(50 + drifts, 10, BATCH)),
            "tabular.job": Column(seeded.integers(0, 3, BATCH).astype(np.int32), ("a", "b", "c")),
            "group.sex": Column(sex, ("f", "m")),
        }
        return EventBatch("v1", BATCH, columns)

    def _labels(self, number: int) -> LabelBatch:
        n = BATCH * 2 // 3
        truth = (np.random.default_rng(number + 10_000).random(n) < 0.5).astype(np.int8)
        return LabelBatch(n, {"event_id": Column(_ids(number)[:n]), "favourable": Column(truth)})


def _ids(number: int) -> np.ndarray[Any, Any]:
    raw = np.random.default_rng(number + 1_000_000).bytes(16 * BATCH)
    return np.frombuffer(raw, dtype="V16")
