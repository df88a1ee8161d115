"""A worker over a real embedded bus and a real database, with a clock that the test moves."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from detectors.declared import Declared
from detectors.runner import DetectWorker, Stores
from governance.bus.connect import open_bus
from governance.bus.partitioner import partition_for
from governance.bus.ports import DEAD_LETTERS_TOPIC, EVENTS_TOPIC
from governance.clock import ManualClock
from governance.errors import StoreError
from governance.metrics import Metrics
from governance.store import tables
from governance.store.checkpoints import Checkpoints
from governance.store.engine import open_engine
from governance.store.references import References
from governance.store.schema import migrate
from governance.wire.headers import encode_stamp
from governance.wire.message import encode
from tests.detectors.log import KEY, START, component, document, make_tally

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from detectors.reference import Reference
    from governance.bus.ports import Headers, Record
    from governance.event import EventBatch, LabelBatch
    from governance.store.checkpoints import Checkpoint, Claim
    from governance.wire.headers import Stamp

PARTITIONS = 4
HOME = partition_for(KEY, PARTITIONS)


class CutOff(Checkpoints):
    """The real port, behind a cable that the test can pull."""

    away = False

    def commit(self, claim: Claim, checkpoint: Checkpoint) -> None:
        if self.away:
            raise StoreError("the cable is pulled")
        super().commit(claim, checkpoint)


class Group:
    """One worker group over a bus, with a database of its own."""

    def __init__(self, folder: Path, name: str, clock: ManualClock, **monitoring: Any) -> None:
        self.name = name
        self.clock = clock
        self.bus = open_bus(f"file:{folder / 'bus'}", clock=clock)
        self.engine = open_engine(f"sqlite:///{folder / name}.db")
        migrate(self.engine)
        self.checkpoints = CutOff(self.engine, name)
        self.canonical = json.dumps(document(**monitoring), sort_keys=True)
        self.component = component(**monitoring)
        self.reference: Reference | None = None
        self.workers: list[DetectWorker] = []
        self.metrics = Metrics()

    def start(self) -> DetectWorker:
        """Another worker, which has joined."""
        self.metrics = Metrics()
        worker = DetectWorker(
            self.bus,
            Stores(self.checkpoints, References(self.engine)),
            [Declared(self.component, self.canonical, self.reference, make_tally)],
            clock=self.clock,
            metrics=self.metrics,
            name=f"{self.name}-{len(self.workers)}",
            group=self.name,
            partitions=PARTITIONS,
        )
        worker.start()
        self.workers.append(worker)
        return worker

    def findings(self) -> list[tuple[str, int, dict[str, Any]]]:
        """Everything found so far, in the order of judgement."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                select(tables.findings.c.body).order_by(tables.findings.c.position)
            )
            bodies = [json.loads(body) for (body,) in rows]
        return [(body["id"], body["revision"], body) for body in bodies]

    def generations(self) -> list[tuple[int, int]]:
        """(generation, from_offset) as recorded."""
        table = tables.generations.c
        with self.engine.connect() as connection:
            rows = connection.execute(select(table.generation, table.from_offset))
            return [(generation, offset) for generation, offset in rows]

    def sample(self, name: str, **labels: str) -> float:
        """A metric's value."""
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    def close(self) -> None:
        for worker in self.workers:
            worker.close()
        self.engine.dispose()
        self.bus.close()


class Deployment:
    """A bus that tests write to, and groups that read it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.clock = ManualClock(START)
        self._folder = folder
        self._stack = stack
        self.bus = open_bus(f"file:{folder / 'bus'}", clock=self.clock)
        self.bus.ensure_topic(EVENTS_TOPIC, PARTITIONS)
        self.producer = self.bus.producer()

    def group(self, name: str = "evenhand", **monitoring: Any) -> Group:
        group = Group(self._folder, name, self.clock, **monitoring)
        self._stack.callback(group.close)
        return group

    def send(self, batch: EventBatch | LabelBatch | None, stamp: Stamp) -> None:
        """Append a record of the component."""
        self.append(KEY_BYTES, encode(batch), encode_stamp(stamp))

    def append(
        self, key: bytes, value: bytes, headers: Headers = (), *, partition: int = HOME
    ) -> None:
        """Append any bytes."""
        self.producer.send(EVENTS_TOPIC, partition, key=key, value=value, headers=headers).result(5)

    def end_offset(self) -> int:
        """Records in the component's partition."""
        consumer = self.bus.consumer("a look")
        consumer.subscribe(EVENTS_TOPIC, lambda ps: dict.fromkeys(ps, 0), lambda _: None)
        try:
            return consumer.end_offsets([HOME])[HOME]
        finally:
            consumer.close()

    def dead_letters(self) -> list[Record]:
        """All dead letters so far."""
        consumer = self.bus.consumer("letters")
        consumer.subscribe(DEAD_LETTERS_TOPIC, lambda ps: dict.fromkeys(ps, 0), lambda _: None)
        try:
            return consumer.poll(1_000, 1.0)
        finally:
            consumer.close()


KEY_BYTES = str(KEY).encode()


@contextmanager
def deployment(folder: Path) -> Iterator[Deployment]:
    """A deployment that is taken down at the end."""
    with ExitStack() as stack:
        made = Deployment(folder, stack)
        yield made
        made.producer.close()
        made.bus.close()


def catch_up(*workers: DetectWorker) -> None:
    """Work until every worker owns something and nothing is left to read."""
    for _ in range(200):
        owned = all(worker.owned for worker in workers)  # before: joining may take a whole round
        read = [worker.work(0.05) for worker in workers]
        if owned and not any(read):
            return
    raise AssertionError("the workers do not come to rest")
