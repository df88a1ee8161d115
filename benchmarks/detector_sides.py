"""One side of the detector benchmark in a process of its own; prints one line of JSON.

    python -m benchmarks.detector_sides SIDE BOOTSTRAP TOPIC MESSAGES WINDOW

A side reads the topic's one partition from its beginning to its end. Seconds are of the processor,
of all threads of the process, from the first record on.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
import uuid
from typing import TYPE_CHECKING, Any

from benchmarks import detector_log
from benchmarks.naive_loop import NaiveLoop, reference_histograms
from detectors.runner import RECORDS_AT_ONCE, DetectWorker, Stores
from governance.bus.confluent import ConfluentBus
from governance.bus.kafka import KafkaBus
from governance.bus.kafka_client import KafkaConsumer, TopicPartition
from governance.clock import SystemClock
from governance.metrics import Metrics
from governance.service.memory import settle_memory
from governance.store.checkpoints import Checkpoints
from governance.store.engine import open_engine
from governance.store.references import References
from governance.store.schema import migrate

if TYPE_CHECKING:
    from collections.abc import Callable

    from governance.bus.ports import Bus

Seconds = tuple[float, float]  # of the processor, of the wall


def main(arguments: list[str]) -> None:
    side, bootstrap, topic, count, window = arguments
    work = SIDES[side]
    (cpu, wall), more = work(bootstrap, topic, int(count), int(window))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"cpu": cpu, "wall": wall, "peak_mb": peak, **more}))


def bare(bootstrap: str, topic: str, count: int, window: int) -> Any:  # noqa: ARG001 - a side
    """kafka-python reads and looks at nothing."""
    return _consume(bootstrap, topic, count, len), {}


def naive(bootstrap: str, topic: str, count: int, window: int) -> Any:
    """kafka-python and orjson, an event a step."""
    loop = NaiveLoop(window, reference_histograms())
    return _consume(bootstrap, topic, count, loop.take), {"judged": loop.judged}


def ours(kind: Callable[[tuple[str, ...]], Bus]) -> Callable[..., Any]:
    """A whole detect worker: decode, deduplicate, count, join, judge, checkpoint into SQLite."""

    def run(bootstrap: str, topic: str, count: int, window: int) -> Any:  # noqa: ARG001 - a side
        with tempfile.TemporaryDirectory() as folder:
            engine = open_engine(f"sqlite:///{folder}/state.db")
            migrate(engine)
            worker = DetectWorker(
                kind((bootstrap,)),
                Stores(Checkpoints(engine), References(engine)),
                [detector_log.declared(window)],
                clock=SystemClock(),
                metrics=Metrics(),
                name="bench",
                group=uuid.uuid4().hex,
            )
            worker.start()
            settle_memory()  # as ``evenhand detect`` does
            return _work(worker, count)

    return run


def _work(worker: DetectWorker, count: int) -> Any:
    left = count
    while left == count:
        started = _now()
        left -= worker.work()
    while left > 0:
        left -= worker.work()
    ended = _now()
    owner = next(iter(worker._owners.values()))  # noqa: SLF001 - what it counted
    counts = next(iter(owner.components.values())).counts
    worker.close()
    return (ended[0] - started[0], ended[1] - started[1]), {
        "events": counts["events"],
        "labels_joined": counts["labels_joined"],
    }


def _consume(bootstrap: str, topic: str, count: int, take: Callable[[bytes], object]) -> Seconds:
    consumer = KafkaConsumer(
        bootstrap_servers=[bootstrap],
        enable_auto_commit=False,
        fetch_max_bytes=16 * 1024 * 1024,
        max_partition_fetch_bytes=16 * 1024 * 1024,
    )
    place = TopicPartition(topic, 0)
    consumer.assign([place])
    consumer.seek(place, 0)
    left, started = count, _now()
    while left > 0:
        for records in consumer.poll(200, max_records=RECORDS_AT_ONCE).values():
            left -= len(records)
            for record in records:
                take(record.value)
    ended = _now()
    consumer.close(autocommit=False)
    return ended[0] - started[0], ended[1] - started[1]


def _now() -> Seconds:
    return time.process_time(), time.monotonic()


SIDES = {
    "bare": bare,
    "naive": naive,
    "kafka-python": ours(KafkaBus),
    "confluent": ours(ConfluentBus),
}

if __name__ == "__main__":
    main(sys.argv[1:])
