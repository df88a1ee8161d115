"""Reading from Kafka: a member of a consumer group whose offsets are its user's, not Kafka's.

kafka-python runs rebalances and their listener on a thread of its own. The listener here only
notes what happened; the user is told inside ``poll``, on the user's thread, before the client is
polled again. The protocol is the cooperative one: a partition is given to its next owner only
after the old one has joined again, which is that next poll. So ``on_revoke`` runs while the
partition is still ours, and heartbeats go on meanwhile.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from governance.bus.assignment import Assignment
from governance.bus.kafka_client import (
    ConsumerRebalanceListener,
    CooperativeStickyAssignor,
    KafkaConsumer,
    OffsetAndMetadata,
    TopicPartition,
    connect,
    errors,
)
from governance.bus.kafka_topic import behind_the_end, wrong_record_time
from governance.bus.ports import Record
from governance.clock import SystemClock
from governance.errors import BusError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from governance.bus.kafka_settings import KafkaSettings

_SLICE_SECONDS = 0.1  # how long a rebalance waits at most for its callbacks
_FETCH_WAIT_MS = 100
_FETCH_BYTES = 16 * 1024 * 1024
_CLOSE_MS = 2_000
_LOG_APPEND_TIME = 1


class KafkaBusConsumer:
    """Reads the partitions that the broker assigns."""

    def __init__(
        self,
        servers: Sequence[str],
        group: str,
        partitions_of: Callable[[str], int | None],
        settings: KafkaSettings,
    ) -> None:
        self._servers = servers
        self._group = group
        self._partitions_of = partitions_of
        self._settings = settings
        self._clock = SystemClock()
        self._topic = ""
        self._consumer: Any = None
        self._changes: deque[tuple[bool, Collection[int]]] = deque()  # (gained, partitions)
        self._assigned: Assignment | None = None

    def subscribe(
        self,
        topic: str,
        on_assign: Callable[[Sequence[int]], Mapping[int, int]],
        on_revoke: Callable[[Sequence[int]], None],
    ) -> None:
        if self._partitions_of(topic) is None:
            raise ConfigError(f"topic {topic} does not exist; start what creates it first")
        self._topic = topic
        self._assigned = Assignment(on_assign, on_revoke)
        self._consumer = connect(
            KafkaConsumer,
            self._servers,
            self._settings.answer_seconds,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            partition_assignment_strategy=(CooperativeStickyAssignor,),
            session_timeout_ms=round(self._settings.session_seconds * 1000),
            heartbeat_interval_ms=round(self._settings.heartbeat_seconds * 1000),
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            fetch_max_bytes=_FETCH_BYTES,
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )
        self._consumer.subscribe([topic], listener=_Listener(self._consumer, self._changes))
        try:
            # else the first round of the group assigns nothing, its leader not knowing the topic
            self._consumer.partitions_for_topic(topic)
        except errors.KafkaError as error:
            raise self._error(error) from None

    def poll(self, max_records: int, timeout_seconds: float) -> list[Record]:
        deadline = self._clock.monotonic() + timeout_seconds
        while True:
            self._tell_changes()
            left = deadline - self._clock.monotonic()
            records = self._fetch(max_records, min(max(left, 0.0), _SLICE_SECONDS))
            if records or left <= 0:
                return records

    def seek(self, partition: int, offset: int) -> None:
        try:
            self._client().seek(self._place(partition), offset)
        except ValueError as error:
            raise BusError(f"partition {partition} of {self._topic}: {error}") from None

    def pause(self, partitions: Sequence[int]) -> None:
        self._assignment().paused.update(partitions)
        self._client().pause(*self._held(partitions))

    def resume(self, partitions: Sequence[int]) -> None:
        assignment = self._assignment()
        assignment.paused.difference_update(partitions)
        self._client().resume(*self._held(set(partitions).intersection(assignment.readable())))

    def end_offsets(self, partitions: Sequence[int]) -> dict[int, int]:
        places = [self._place(partition) for partition in partitions]
        milliseconds = round(self._settings.answer_seconds * 1000)
        try:
            found = self._client().end_offsets(places, timeout_ms=milliseconds)
        except errors.KafkaError as error:
            raise self._error(error) from None
        return {place.partition: offset for place, offset in found.items()}

    def commit(self, offsets: Mapping[int, int]) -> None:
        places = {self._place(p): OffsetAndMetadata(o, "", -1) for p, o in offsets.items()}
        with suppress(Exception):  # nothing depends on it, so nothing may fail by it
            self._client().commit_async(places)

    def close(self) -> None:
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            with suppress(errors.KafkaError):  # the broker finds out when the session ends
                consumer.close(autocommit=False, timeout_ms=_CLOSE_MS)

    def _tell_changes(self) -> None:
        assignment = self._assignment()
        while self._changes:
            gained, partitions = self._changes.popleft()
            if gained:
                assignment.gain(partitions)
            else:
                assignment.revoke(partitions)
        assignment.tell(self._read_from)

    def _read_from(self, partition: int, offset: int) -> None:
        self.seek(partition, offset)
        if partition not in self._assignment().paused:
            self._client().resume(self._place(partition))

    def _fetch(self, max_records: int, seconds: float) -> list[Record]:
        self._finish_joining()
        try:
            batches = self._client().poll(round(seconds * 1000), max_records=max_records)
        except errors.OffsetOutOfRangeError as error:
            self._go_back_in_range(error.args[0])
            return []
        except errors.UnsupportedCodecError as error:
            raise ConfigError(
                f"topic {self._topic} holds compressed records that this Python cannot read: "
                f"{error}. Install the codec (pip install lz4, zstandard or python-snappy)"
            ) from None
        except (errors.KafkaError, OSError) as error:
            raise self._error(error) from None
        return [self._record(found) for batch in batches.values() for found in batch]

    def _finish_joining(self) -> None:
        """Make the client go on with a join that a poll has left unfinished.

        A join that began because the topic's metadata had changed, and that outlives its poll, is
        never looked at again: the member hangs without heartbeats and without a word, for good.
        """
        coordinator = self._client()._coordinator  # noqa: SLF001 - there is no public way
        if coordinator._join_task is not None:  # noqa: SLF001
            coordinator.request_rejoin()

    def _go_back_in_range(self, positions: Mapping[Any, int]) -> None:
        """Go on at the earliest record kept; an offset behind the end is of another log."""
        earliest = self._client().beginning_offsets(list(positions))
        for place, offset in positions.items():
            if offset > earliest[place]:
                raise behind_the_end(self._topic, place.partition, offset)
            self._client().seek(place, earliest[place])

    def _record(self, found: Any) -> Record:
        if found.timestamp_type != _LOG_APPEND_TIME:
            raise wrong_record_time(self._topic, found.partition, found.offset)
        return Record(
            found.topic,
            found.partition,
            found.offset,
            found.timestamp * 1000,
            found.key or b"",
            tuple((name, content or b"") for name, content in found.headers),
            found.value or b"",
        )

    def _held(self, partitions: Collection[int]) -> list[Any]:
        held = self._client().assignment()
        return [place for p in partitions if (place := self._place(p)) in held]

    def _place(self, partition: int) -> Any:
        return TopicPartition(self._topic, partition)

    def _client(self) -> Any:
        if self._consumer is None:
            raise BusError("the consumer has not subscribed, or is closed")
        return self._consumer

    def _assignment(self) -> Assignment:
        self._client()
        if self._assigned is None:
            raise BusError("the consumer has not subscribed")
        return self._assigned

    def _error(self, error: Exception) -> BusError:
        return BusError(f"Kafka at {self._servers[0]}, topic {self._topic}: {error!r}")


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """Notes changes, on the client's thread; new partitions stay silent until they are told."""

    def __init__(self, consumer: Any, changes: deque[tuple[bool, Collection[int]]]) -> None:
        self._consumer = consumer
        self._changes = changes

    def on_partitions_assigned(self, assigned: Collection[Any]) -> None:
        for place in assigned:
            self._consumer.pause(place)
            self._consumer.seek(place, 0)  # else the client asks for offsets that Kafka keeps
        self._changes.append((True, [place.partition for place in assigned]))

    def on_partitions_revoked(self, revoked: Collection[Any]) -> None:
        self._changes.append((False, [place.partition for place in revoked]))

    def on_partitions_lost(self, lost: Collection[Any]) -> None:
        self._changes.append((False, [place.partition for place in lost]))
