"""The loop of a detect worker: poll, count, judge, checkpoint, keep time moving.

Any number of workers share one group; each partition has one owner at a time, and an owner that
was overtaken is fenced by the store, drops everything and joins anew. With the database away a
worker reads on until 64 MiB wait to be written, then it pauses its partitions and keeps its
membership.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from detectors.dead_letters import DeadLetters
from detectors.meters import Meters
from detectors.partition import PartitionOwner, Ports
from governance.bus.ports import DEAD_LETTERS_TOPIC, EVENTS_TOPIC
from governance.errors import BusError, Fenced, StoreError, TransientError
from governance.event import MessageType
from governance.wire.headers import Stamp, encode_stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from threading import Event as Stop

    from detectors.declared import Declared
    from governance.bus.ports import Bus, Consumer, Producer, Record
    from governance.clock import Clock
    from governance.metrics import Metrics
    from governance.store.checkpoints import Checkpoints
    from governance.store.references import References

SILENT_SECONDS = 30.0  # after which a partition gets a tick, so that its log time moves
DUE_SECONDS = 1.0  # the same where something is due by the wall clock: nobody waits for traffic
RECORDS_AT_ONCE = 500
POLL_SECONDS = 0.2
_BACK_OFF_SECONDS = (0.5, 15.0)  # first and longest wait after a failure
_COUNT_SECONDS = 1.0  # between two looks at the counts
_log = logging.getLogger("evenhand.detectors")


@dataclass(frozen=True, slots=True)
class Stores:
    """What a worker reads and writes in the database."""

    checkpoints: Checkpoints
    references: References


class DetectWorker:
    """One worker of a group.

    Parameters
    ----------
    bus
        Where events come from; the worker makes the topics where they do not exist.
    stores
        State of the group, and references.
    declared
        The components that it knows.
    group, name
        The consumer group, and what this worker is called in it.
    partitions
        How many partitions a topic gets that the worker has to make.
    """

    def __init__(  # noqa: PLR0913 - what a worker is made of
        self,
        bus: Bus,
        stores: Stores,
        declared: Iterable[Declared],
        *,
        clock: Clock,
        metrics: Metrics,
        name: str,
        group: str = "evenhand",
        partitions: int = 48,
    ) -> None:
        self._bus = bus
        self._stores = stores
        self._declared = {item.key: item for item in declared}
        self._clock = clock
        self._meters = Meters(metrics)
        self._name = name
        self._group = group
        self._wanted = partitions
        self._owners: dict[int, PartitionOwner] = {}
        self._paused: set[int] = set()
        self._failures: dict[int, int] = {}
        self._retry_at: dict[int, float] = {}
        self._counted_at = clock.monotonic()
        self._ports: Ports | None = None
        self._consumer: Consumer | None = None
        self._producer: Producer | None = None

    @property
    def owned(self) -> list[int]:
        """Partitions that this worker owns now."""
        return sorted(self._owners)

    def start(self) -> int:
        """Check topics and specs, join the group; returns how many partitions there are.

        Raises
        ------
        ConfigError
            If a component cannot be judged, or the topic has another number of partitions than
            at the group's first start.
        BusError, StoreError
            If bus or database is away.
        """
        for item in self._declared.values():
            item.check()
        partitions = self._bus.ensure_topic(EVENTS_TOPIC, self._wanted)
        letters = self._bus.ensure_topic(DEAD_LETTERS_TOPIC, self._wanted)
        self._stores.checkpoints.pin_partitions(EVENTS_TOPIC, partitions)
        self._producer = producer = self._bus.producer()
        self._ports = Ports(
            checkpoints=self._stores.checkpoints,
            references=self._stores.references,
            dead_letters=DeadLetters(producer, letters),
            meters=self._meters,
            clock=self._clock,
            partitions=partitions,
            owner=self._name,
        )
        self._join()
        return partitions

    def run(self, stop: Stop) -> None:
        """Work until ``stop`` is set, then checkpoint and leave; ``start`` comes first."""
        try:
            while not stop.is_set():
                try:
                    self.work()
                except Fenced as error:
                    self._rejoin(error)
                    stop.wait(_BACK_OFF_SECONDS[0])
                except TransientError as error:
                    _log.warning("waiting: %s", error)
                    stop.wait(_BACK_OFF_SECONDS[0])
        finally:
            self.close()

    def work(self, timeout_seconds: float = POLL_SECONDS) -> int:
        """One round; returns how many records it read.

        Raises
        ------
        Fenced
            If a partition has another owner: everything must be dropped.
        BusError, StoreError
            If bus or database is away; the next round tries again.
        """
        records = self._joined().poll(RECORDS_AT_ONCE, timeout_seconds)
        for partition, batch in _by_partition(records).items():
            owner = self._owners.get(partition)
            if owner is not None:
                owner.apply(batch)
        for partition in self.owned:
            self._tend(partition, self._owners[partition])
        self._count()
        return len(records)

    def close(self) -> None:
        """Checkpoint as far as possible, and leave the group."""
        for partition in self.owned:
            self._let_go(partition)
        if self._consumer is not None:
            self._consumer.close()
        if self._producer is not None:
            self._producer.close()
        self._consumer = self._producer = None

    def _join(self) -> None:
        self._consumer = self._bus.consumer(self._group)
        self._consumer.subscribe(EVENTS_TOPIC, self._assigned, self._revoked)

    def _rejoin(self, error: Fenced) -> None:
        _log.warning("dropping all partitions: %s", error)
        for owner in self._owners.values():
            self._leave(owner)
        self._owners.clear()
        self._paused.clear()
        self._joined().close()
        self._join()

    def _assigned(self, partitions: Sequence[int]) -> dict[int, int]:
        offsets = {}
        for partition in partitions:
            owner = PartitionOwner(partition, self._started(), self._declared)
            offsets[partition] = owner.begin()
            self._owners[partition] = owner
        self._meters.partitions.set(len(self._owners))
        return offsets

    def _revoked(self, partitions: Sequence[int]) -> None:
        for partition in partitions:
            self._let_go(partition)
        self._meters.partitions.set(len(self._owners))

    def _let_go(self, partition: int) -> None:
        """The last checkpoint; what fails here the next owner reads again."""
        owner = self._owners.pop(partition, None)
        self._paused.discard(partition)
        if owner is None:
            return
        try:
            owner.checkpoint()
        except (Fenced, TransientError) as error:
            _log.warning("partition %d is left without a last checkpoint: %s", partition, error)
        finally:
            self._leave(owner)

    def _leave(self, owner: PartitionOwner) -> None:
        """Its components are another worker's from now on, and so are their gauges."""
        for key in owner.components:
            self._meters.leave(key)

    def _tend(self, partition: int, owner: PartitionOwner) -> None:
        """Checkpoint, pause or resume, and keep log time moving."""
        now = self._clock.monotonic()
        if owner.wants_checkpoint and now >= self._retry_at.get(partition, now):
            self._checkpoint(partition, owner, now)
        if owner.is_full and partition not in self._paused:
            self._joined().pause([partition])
            self._paused.add(partition)
            _log.warning("partition %d is paused: too much waits for the database", partition)
        elif partition in self._paused and not owner.is_full:
            self._joined().resume([partition])
            self._paused.discard(partition)
        silent = now - owner.heard_at
        due = silent >= DUE_SECONDS and owner.due_us <= self._clock.now_us()
        if (due or silent >= SILENT_SECONDS) and partition not in self._paused:
            self._tick(partition, owner, now)

    def _checkpoint(self, partition: int, owner: PartitionOwner, now: float) -> None:
        try:
            owner.checkpoint()
        except (StoreError, BusError) as error:
            failures = self._failures.get(partition, 0)
            first, longest = _BACK_OFF_SECONDS
            self._failures[partition] = failures + 1
            self._retry_at[partition] = now + min(longest, first * 2 ** min(failures, 10))
            self._meters.checkpoint_failures.inc()
            _log.warning("partition %d: checkpoint failed, will try again: %s", partition, error)
            return
        self._failures.pop(partition, None)
        self._retry_at.pop(partition, None)
        self._joined().commit({partition: owner.next_offset})

    def _tick(self, partition: int, owner: PartitionOwner, now: float) -> None:
        owner.heard_at = now  # the next one in 30 s, whatever becomes of this one
        if not owner.awaits_time or self._producer is None:
            return
        stamp = Stamp(MessageType.TICK, next(iter(owner.components)))
        try:
            self._producer.send(
                EVENTS_TOPIC, partition, key=stamp.key, value=b"", headers=encode_stamp(stamp)
            )
        except BusError as error:
            _log.warning("partition %d: no tick: %s", partition, error)

    def _count(self) -> None:
        now = self._clock.monotonic()
        if now - self._counted_at < _COUNT_SECONDS:
            return
        self._counted_at = now
        for owner in self._owners.values():
            for key in owner.touched:
                self._meters.count(key, owner.components[key].counts)

    def _joined(self) -> Consumer:
        if self._consumer is None:
            raise BusError("the worker has not started, or is closed")
        return self._consumer

    def _started(self) -> Ports:
        if self._ports is None:
            raise BusError("the worker has not started")
        return self._ports


def _by_partition(records: Iterable[Record]) -> dict[int, list[Record]]:
    split: dict[int, list[Record]] = {}
    for record in records:
        split.setdefault(record.partition, []).append(record)
    return split
