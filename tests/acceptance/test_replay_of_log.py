"""kill -9, and the same log read again: findings are a function of the log, byte for byte."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from sqlalchemy import func, select

from governance.bus.connect import open_bus
from governance.bus.partitioner import partition_for
from governance.bus.ports import EVENTS_TOPIC
from governance.clock import SystemClock
from governance.event import Column, ComponentKey, EventBatch, LabelBatch, MessageType
from governance.store import tables
from governance.store.engine import open_engine
from governance.store.schema import migrate
from governance.wire.headers import Stamp, encode_stamp
from governance.wire.message import encode
from tests.acceptance.program import Program, evenhand, eventually
from tests.testkit.kafka import start_kafka

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.testkit.postgres import PostgresServer

KEY = ComponentKey("default", "loans")
PARTITIONS = 4
WINDOW = 400
BATCH = 70


@dataclass
class Traffic:
    """One pod and one door that write to the bus, seeded."""

    url: str
    sequence: int = 0

    def __post_init__(self) -> None:
        self.bus = open_bus(self.url)
        self.bus.ensure_topic(EVENTS_TOPIC, PARTITIONS)
        self.producer = self.bus.producer()
        self._random = np.random.default_rng(7)
        self._clock = SystemClock()

    def send(self, batches: int, *, again: bool = False) -> None:
        """Events, and labels of two thirds of them, one batch later; some batches twice."""
        for _ in range(batches):
            number, self.sequence = self.sequence, self.sequence + 1
            self._append(self._events(number), self._stamp(MessageType.EVENTS, number))
            if again and number % 5 == 0:
                self._append(self._events(number), self._stamp(MessageType.EVENTS, number))
            if number:
                labels = self._labels(number - 1)
                self._append(labels, self._stamp(MessageType.LABELS, number - 1, "door"))
        self.producer.flush(10)

    def bye(self) -> None:
        """The pod leaves."""
        self._append(None, self._stamp(MessageType.BYE, self.sequence))
        self.producer.flush(10)

    def close(self) -> None:
        self.producer.close()
        self.bus.close()

    def _append(self, batch: EventBatch | LabelBatch | None, stamp: Stamp) -> None:
        partition = partition_for(KEY, PARTITIONS)
        headers = encode_stamp(stamp)
        self.producer.send(
            EVENTS_TOPIC, partition, key=stamp.key, value=encode(batch), headers=headers
        )

    def _stamp(self, kind: MessageType, sequence: int, source: str = "pod") -> Stamp:
        now = self._clock.now_us()
        return Stamp(kind, KEY, source, sequence, sent_us=now, watermark_us=now)

    def _events(self, number: int) -> EventBatch:
        seeded = np.random.default_rng(number)
        drifts = 40 if number > 60 else 0
        sex = seeded.integers(0, 2, BATCH).astype(np.int32)
        favourable = (seeded.random(BATCH) < np.where(sex == 0, 0.7, 0.3)).astype(np.int8)
        columns = {
            "event_id": Column(_ids(number)),
            "time": Column(np.full(BATCH, self._clock.now_us())),
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


@dataclass
class Place:
    """Where one deployment's bus and databases are."""

    folder: Path
    bus: str
    databases: Mapping[str, str]

    @contextmanager
    def worker(self, group: str, name: str) -> Iterator[Program]:
        with evenhand(
            self.folder,
            name,
            *("detect", "--bus", self.bus, "--database", self.databases[group]),
            *("--components", self.folder / "loans.yaml", "--group", group),
            *("--metrics", "127.0.0.1:0"),
        ) as program:
            yield program

    def findings(self, group: str) -> list[tuple[str, int, str]]:
        """Id, revision and body in the order of judgement."""
        columns = tables.findings.c
        engine = open_engine(self.databases[group])
        with engine.connect() as connection:
            rows = connection.execute(
                select(columns.id, columns.revision, columns.body).order_by(columns.position)
            )
            found = [(id_, revision, body) for id_, revision, body in rows]
        engine.dispose()
        return found

    def windows(self, group: str) -> int:
        """Windows that were judged."""
        return len({json.loads(body)["window"]["number"] for *_, body in self.findings(group)})

    def offset(self, group: str) -> int:
        """Up to where the group's state is written."""
        engine = open_engine(self.databases[group])
        table = tables.partitions.c
        with engine.connect() as connection:
            offset = connection.execute(select(func.max(table.next_offset))).scalar()
        engine.dispose()
        return int(offset or 0)


@pytest.fixture(
    params=[
        "embedded",
        pytest.param("kafka", marks=[pytest.mark.servers, pytest.mark.xdist_group("kafka")]),
    ]
)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """The embedded bus with SQLite, and Apache Kafka with PostgreSQL."""
    _write_component(tmp_path)
    with ExitStack() as stack:
        if request.param == "embedded":
            databases = {g: f"sqlite:///{tmp_path / g}.db" for g in ("one", "other")}
            for url in databases.values():
                _migrated(url)
            yield Place(tmp_path, f"file:{tmp_path / 'bus'}", databases)
        else:
            server: PostgresServer = request.getfixturevalue("postgres")
            request.getfixturevalue("kafka")  # says so where there is none
            broker = stack.enter_context(start_kafka())
            databases = {g: server.database(_migrated) for g in ("one", "other")}
            yield Place(tmp_path, broker.url, databases)


def test_kill_9_in_mid_window_changes_no_finding(place: Place) -> None:
    """A group whose workers were killed again and again finds what an undisturbed group finds."""
    traffic = Traffic(place.bus)
    try:
        for life in range(3):
            with place.worker("one", f"life-{life}") as program:
                traffic.send(25, again=True)
                reached = (life + 1) * 25 * BATCH // WINDOW - 1
                eventually(lambda: place.windows("one") >= reached, "windows of this life")  # noqa: B023
                traffic.send(3)  # in mid-window, perhaps read and not yet written
                program.kill()
        traffic.send(10)
        traffic.bye()
    finally:
        traffic.close()
    windows = traffic.sequence * BATCH // WINDOW
    for group in ("one", "other"):
        with place.worker(group, f"last-{group}"):
            eventually(lambda: place.windows(group) >= windows, "all windows")  # noqa: B023
    one, other = place.findings("one"), place.findings("other")
    assert one == other
    assert place.windows("one") == place.windows("other") == windows
    statuses = {json.loads(body)["status"] for *_, body in one}
    assert "breach" in statuses or "warning" in statuses


def test_sigterm_leaves_a_checkpoint(place: Place) -> None:
    """A worker that is asked to end writes all it has read, and exits 0."""
    traffic = Traffic(place.bus)
    try:
        with place.worker("one", "asked") as program:
            traffic.send(9)
            eventually(lambda: place.windows("one") >= 1, "a window")
            program.stop()
            assert program._running().returncode == 0
    finally:
        traffic.close()
    assert place.offset("one") > 0


def _ids(number: int) -> np.ndarray[Any, Any]:
    raw = np.random.default_rng(number + 1_000_000).bytes(16 * BATCH)
    return np.frombuffer(raw, dtype="V16")


def _migrated(url: str) -> None:
    engine = open_engine(url)
    migrate(engine)
    engine.dispose()


def _write_component(folder: Path) -> None:
    seeded = np.random.default_rng(1)
    ages, jobs = seeded.normal(50, 10, 4_000), seeded.integers(0, 3, 4_000)
    rows = [f"{age:.3f},{'abc'[job]}" for age, job in zip(ages, jobs, strict=True)]
    (folder / "reference.csv").write_text("\n".join(["age,job", *rows]) + "\n")
    document = {
        "apiVersion": "apexlogic.io/v1alpha1",
        "kind": "MultimodalAIComponent",
        "metadata": {"name": KEY.name, "namespace": KEY.namespace},
        "spec": {
            "model": {"name": "m", "version": "v1", "modality": ["tabular"]},
            "signals": {
                "favourable": {"in": ["1"]},
                "groups": {"sex": "column:sex"},
                "features": {"tabular": {"from": "column:*", "categorical": ["job"]}},
            },
            "baseline": {"uri": "reference.csv"},
            "governance": {
                "dataPrivacy": {"level": "open"},
                "biasDetection": {
                    "thresholds": {
                        "demographic_parity_difference": 0.1,
                        "equal_opportunity_difference": 0.1,
                    }
                },
            },
            "monitoring": {"windows": {"events": WINDOW}},
        },
    }
    (folder / "loans.yaml").write_text(yaml.safe_dump(document))
