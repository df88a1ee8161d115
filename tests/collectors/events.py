"""Batches to publish, and what arrived of them on a bus."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from governance.bus.ports import EVENTS_TOPIC
from governance.event import Column, EventBatch
from governance.wire.message import Message, decode

if TYPE_CHECKING:
    from collections.abc import Callable

    from governance.bus.ports import Bus


def batch(
    start: int, n: int = 1, *, version: str = "1", time_us: int = 0, jobs: tuple[str, ...] = ()
) -> EventBatch:
    """Events with ids ``start`` ... ``start + n - 1``."""
    raw = b"".join(number.to_bytes(16, "little") for number in range(start, start + n))
    columns = {
        "event_id": Column(np.frombuffer(raw, dtype="V16")),
        "time": Column(np.arange(time_us, time_us + n, dtype=np.int64)),
        "score": Column(np.arange(start, start + n) / 1_000),
    }
    if jobs:
        columns["tabular.job"] = Column.encode([jobs[i % len(jobs)] for i in range(n)])
    return EventBatch(version, n, columns)


def ids(events: EventBatch) -> list[int]:
    """The ids of a batch made above."""
    raw = events.columns["event_id"].values.tobytes()
    return [int.from_bytes(raw[i : i + 16], "little") for i in range(0, len(raw), 16)]


def arrived(bus: Bus, enough: Callable[[list[Message]], bool] | None = None) -> list[Message]:
    """Every message on the events topic, in order.

    Reads until nothing more comes, or until there are ``enough``, for which it waits. To join takes
    a while on a busy machine, so that the first message is waited for.
    """
    consumer = bus.consumer("test")
    consumer.subscribe(EVENTS_TOPIC, lambda own: dict.fromkeys(own, 0), lambda _: None)
    messages: list[Message] = []
    deadline, quiet = time.monotonic() + 30, 0
    while time.monotonic() < deadline and not (
        enough(messages) if enough else quiet >= (2 if messages else 15)
    ):
        records = consumer.poll(500, 0.2)
        messages += [decode(record) for record in records]
        quiet = 0 if records else quiet + 1
    consumer.close()
    return messages


def events_in(messages: list[Message]) -> list[EventBatch]:
    """The batches of events among them."""
    return [m.batch for m in messages if isinstance(m.batch, EventBatch)]
