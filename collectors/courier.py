"""Carries one message to the bus and waits until it is durable there."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from governance.bus.partitioner import partition_for
from governance.bus.ports import DEFAULT_PARTITIONS, EVENTS_TOPIC
from governance.wire.headers import encode_stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from collectors.sidecar.spool import Parcel
    from governance.bus.ports import Bus, Producer
    from governance.wire.headers import Stamp

_ACKNOWLEDGED_SECONDS = 15.0
_HANDED_OVER_SECONDS = 1.0
_GLANCE_SECONDS = 0.1


class Courier:
    """The events topic as a producer sees it; the bus may be away, also at first."""

    def __init__(self, bus: Bus, partitions: int | None) -> None:
        self._bus = bus
        self._wanted = partitions or DEFAULT_PARTITIONS
        self._partitions = 0
        self._producer: Producer | None = None

    def connect(self) -> None:
        """Find the topic; raises ConfigError if it cannot be used, BusError if it is away."""
        self._reach()

    def deliver(self, parcel: Parcel, stamp: Stamp, give_up: Callable[[], bool]) -> None:
        """Send one message and wait for it, at most until ``give_up``.

        Raises
        ------
        BusError
            If it may not have arrived: send it again.
        PermanentError
            If it will never be accepted.
        """
        producer = self._reach()
        delivery = producer.send(
            EVENTS_TOPIC,
            partition_for(stamp.key, self._partitions),
            key=stamp.key,
            value=parcel.value,
            headers=encode_stamp(stamp),
            timeout_seconds=_HANDED_OVER_SECONDS,
        )
        arrived = threading.Event()
        delivery.add_callback(lambda _: arrived.set())
        for _ in range(round(_ACKNOWLEDGED_SECONDS / _GLANCE_SECONDS)):
            if arrived.wait(_GLANCE_SECONDS) or give_up():
                break
        delivery.result(0.0)

    def close(self, timeout_seconds: float) -> None:
        """Let go of the producer."""
        if self._producer is not None:
            self._producer.close(timeout_seconds)

    def _reach(self) -> Producer:
        if not self._partitions:
            self._partitions = self._bus.ensure_topic(EVENTS_TOPIC, self._wanted)
        if self._producer is None:
            self._producer = self._bus.producer()
        return self._producer
