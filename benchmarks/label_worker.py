"""A worker's process for ``benchmarks.label_join``; prints one line of JSON.

python -m benchmarks.label_worker worker PENDING
python -m benchmarks.label_worker build FOLDER COMPONENTS PENDING_EACH
python -m benchmarks.label_worker restart FOLDER COMPONENTS PENDING_EACH
"""

from __future__ import annotations

import json
import sys
import time

STARTED = time.monotonic(), time.process_time()  # before anything is loaded

from dataclasses import replace  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import TYPE_CHECKING, Any  # noqa: E402

import numpy as np  # noqa: E402
from sqlalchemy import func, select  # noqa: E402

from benchmarks import detector_log  # noqa: E402
from benchmarks.label_entries import ROWS, ids_from, process_mb  # noqa: E402
from detectors.component_state import ComponentState, Position  # noqa: E402
from detectors.profile import parse_profile, profile_text  # noqa: E402
from detectors.runner import DetectWorker, Stores  # noqa: E402
from governance.bus.connect import open_bus  # noqa: E402
from governance.bus.partitioner import partition_for  # noqa: E402
from governance.bus.ports import EVENTS_TOPIC  # noqa: E402
from governance.clock import SystemClock  # noqa: E402
from governance.event import Column, EventBatch, MessageType  # noqa: E402
from governance.metrics import Metrics  # noqa: E402
from governance.service.memory import settle_memory  # noqa: E402
from governance.store import tables  # noqa: E402
from governance.store.checkpoints import (  # noqa: E402
    Checkpoint,
    Checkpoints,
    GenerationRow,
    PaneRow,
    RegisterRow,
    SegmentRow,
)
from governance.store.engine import open_engine  # noqa: E402
from governance.store.references import References  # noqa: E402
from governance.store.schema import migrate  # noqa: E402
from governance.wire.headers import Stamp, encode_stamp  # noqa: E402
from governance.wire.message import encode  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from detectors.declared import Declared
    from detectors.state_rows import StateRows

PARTITIONS = 48
CHECKPOINT_EVERY = 30  # additions: about what fills 64 MiB
GROUP = "bench"


def main(arguments: list[str]) -> None:
    what, *rest = arguments
    does: dict[str, Callable[..., dict[str, Any]]] = {
        "worker": worker,
        "build": build,
        "restart": restart,
    }
    print(json.dumps(does[what](*rest)))


def worker(pending: str) -> dict[str, Any]:
    """One component with all of them."""
    spec = detector_log.declared(int(pending) + 1, pending=int(pending))
    state = ComponentState(spec.component, spec.reference, spec.make)
    settle_memory()  # as ``evenhand detect`` does
    rng, bare = np.random.default_rng(1), process_mb("VmRSS")
    for number, first in enumerate(range(0, int(pending), ROWS)):
        batch = _events(rng, first, min(ROWS, int(pending) - first))
        state.events(batch, Position(number, 1_700_000_000_000_000 + number))
        if number % CHECKPOINT_EVERY == 0:
            state.changed_rows()
    state.changed_rows()
    return {
        "bare_mb": bare,
        "resident_mb": process_mb("VmRSS"),
        "peak_mb": process_mb("VmHWM"),
        "counts": state.counts,
    }


def build(folder: str, components: str, each: str) -> dict[str, str]:
    """A database with the state of many components, one event short of a window, and a log."""
    engine = open_engine(f"sqlite:///{folder}/state.db")
    migrate(engine)
    checkpoints, clock = Checkpoints(engine, GROUP), SystemClock()
    checkpoints.pin_partitions(EVENTS_TOPIC, PARTITIONS)
    bus = open_bus(f"file:{folder}/bus")
    bus.ensure_topic(EVENTS_TOPIC, PARTITIONS)
    first = detector_log.declared(int(each) + 1)
    Path(folder, "profile").write_text(profile_text(first.reference))  # type: ignore[arg-type]
    first.keep_reference(References(engine))
    rng, by_partition = np.random.default_rng(1), dict[int, list[Any]]()
    for number in range(int(components)):
        item = _declared(first, number)
        state = ComponentState(item.component, item.reference, item.make)
        batch = _events(rng, number * int(each), int(each))
        state.events(batch, Position(0, clock.now_us()))
        place = partition_for(item.key, PARTITIONS)
        by_partition.setdefault(place, []).append((item, state.changed_rows()))
    for partition, items in by_partition.items():
        checkpoints.commit(
            checkpoints.claim(partition, "before"), _checkpoint(items, clock.now_us())
        )
    producer, last = bus.producer(), _declared(first, int(components) - 1)
    stamp = Stamp(MessageType.EVENTS, last.key, "pod", 0, clock.now_us())
    value = encode(_events(rng, int(components) * int(each), 1))
    producer.send(
        EVENTS_TOPIC,
        partition_for(last.key, PARTITIONS),
        key=stamp.key,
        value=value,
        headers=encode_stamp(stamp),
    ).result(10)
    producer.close()
    size = sum(path.stat().st_size for path in Path(folder).glob("state.db*")) // 2**20
    return {"said": f"state of {components} components with {each} ids each: {size} MB in SQLite"}


def restart(folder: str, components: str, each: str) -> dict[str, Any]:
    """From nothing in memory to a finding that the first event brings, written down."""
    engine = open_engine(f"sqlite:///{folder}/state.db")
    profile = Path(folder, "profile")
    reference = parse_profile(profile.read_bytes(), str(profile))
    first = detector_log.declared(int(each) + 1, reference=reference)
    made = DetectWorker(
        open_bus(f"file:{folder}/bus"),
        Stores(Checkpoints(engine, GROUP), References(engine)),
        [_declared(first, number) for number in range(int(components))],
        clock=SystemClock(),
        metrics=Metrics(),
        name="after",
        group=GROUP,
        partitions=PARTITIONS,
    )
    made.start()
    while not _findings(engine):
        made.work()
    wall, cpu = time.monotonic() - STARTED[0], time.process_time() - STARTED[1]
    owners = made._owners.values()  # noqa: SLF001 - what it holds
    states = [state for owner in owners for state in owner.components.values()]
    held = sum(state._memory.pending.live for state in states)  # noqa: SLF001
    return {
        "wall": wall,
        "cpu": cpu,
        "pending": held,
        "components": len(states),
        "peak_mb": process_mb("VmHWM"),
    }


def _declared(first: Declared, number: int) -> Declared:
    """The component under another name."""
    metadata = first.component.metadata.model_copy(update={"name": f"bench-{number}"})
    made = first.component.model_copy(update={"metadata": metadata})
    document = json.loads(first.canonical)
    document["metadata"]["name"] = metadata.name
    return replace(first, component=made, canonical=json.dumps(document, sort_keys=True))


def _checkpoint(items: list[tuple[Declared, StateRows]], now_us: int) -> Checkpoint:
    """Everything of the components of one partition."""
    registers, panes, segments, generations = [], [], [], []
    for item, rows in items:
        key = item.key
        registers.append(RegisterRow(key, rows.register))
        panes += [PaneRow(key, *place, blob) for place, blob in rows.panes.items()]
        segments += [SegmentRow(key, number, blob) for number, blob in rows.segments.items()]
        generations.append(GenerationRow(key, 1, 0, item.canonical))
    return Checkpoint(0, now_us, registers, panes, segments, generations)


def _events(rng: np.random.Generator, first: int, n: int) -> EventBatch:
    """Events with the ids of that number on."""
    batch = detector_log.batch(rng, n, 1_700_000_000_000_000)
    return replace(batch, columns={**batch.columns, "event_id": Column(ids_from(first, n))})


def _findings(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(tables.findings)).scalar_one()


if __name__ == "__main__":
    main(sys.argv[1:])
