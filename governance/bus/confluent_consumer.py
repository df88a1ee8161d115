"""Reading from Kafka through confluent-kafka: a member of a group whose offsets are its user's.

Callbacks run inside ``poll``, on the user's thread, so ``on_revoke`` runs while the partition is
still ours; heartbeats go on meanwhile. What callbacks raise must not pass through librdkafka: it
is kept, and comes out of ``poll``. A partition is read from where ``on_assign`` says; while that
fails it stays assigned and paused.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from governance.bus.assignment import Assignment
from governance.bus.confluent_client import (
    OFFSET_END,
    TIMESTAMP_LOG_APPEND_TIME,
    Consumer,
    KafkaError,
    KafkaException,
    TopicPartition,
    bus_error,
    client_config,
    code_of,
)
from governance.bus.kafka_topic import behind_the_end, wrong_record_time
from governance.bus.ports import Record
from governance.clock import SystemClock
from governance.errors import BusError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from governance.bus.kafka_settings import KafkaSettings

_SLICE_SECONDS = 0.1  # between two tries of an on_assign that fails
_FETCH_WAIT_MS = 100
_FETCH_BYTES = 16 * 1024 * 1024
_QUEUED_KBYTES = 32 * 1024  # fetched ahead of the user


class ConfluentConsumer:
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
        self._assigned: Assignment | None = None
        self._next: dict[int, int] = {}  # offset that comes next, of partitions that are read
        self._raised: list[BaseException] = []  # by callbacks

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
        self._consumer = Consumer(self._config())
        self._consumer.subscribe(
            [topic], on_assign=self._gained, on_revoke=self._revoked, on_lost=self._revoked
        )

    def poll(self, max_records: int, timeout_seconds: float) -> list[Record]:
        deadline = self._clock.monotonic() + timeout_seconds
        while True:
            self._assignment().tell(self._read_from)
            left = deadline - self._clock.monotonic()
            records = self._fetch(max_records, min(max(left, 0.0), _SLICE_SECONDS))
            if records or left <= 0:
                return records

    def seek(self, partition: int, offset: int) -> None:
        if partition not in self._assignment().held:
            raise BusError(f"partition {partition} of {self._topic} is not ours now")
        try:
            self._client().seek(self._place(partition, offset))
        except KafkaException as error:
            if code_of(error) != KafkaError._STATE:  # noqa: SLF001 - its public name
                raise bus_error(self._servers, error) from None
            self._assign_again(partition, offset)
        self._next[partition] = offset

    def pause(self, partitions: Sequence[int]) -> None:
        self._assignment().paused.update(partitions)
        self._pause(self._assignment().held.intersection(partitions))

    def resume(self, partitions: Sequence[int]) -> None:
        assignment = self._assignment()
        assignment.paused.difference_update(partitions)
        for partition in sorted(set(partitions).intersection(assignment.readable())):
            self._read_from(partition, self._next[partition])

    def end_offsets(self, partitions: Sequence[int]) -> dict[int, int]:
        return {partition: self._bounds(partition)[1] for partition in partitions}

    def commit(self, offsets: Mapping[int, int]) -> None:
        places = [self._place(partition, offset) for partition, offset in offsets.items()]
        with suppress(Exception):  # nothing depends on it, so nothing may fail by it
            self._client().commit(offsets=places, asynchronous=True)

    def close(self) -> None:
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            with suppress(KafkaException):  # the broker finds out when the session ends
                consumer.close()

    def _config(self) -> dict[str, Any]:
        return {
            **client_config(self._servers, self._settings),
            "group.id": self._group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": round(self._settings.session_seconds * 1000),
            "heartbeat.interval.ms": round(self._settings.heartbeat_seconds * 1000),
            "fetch.wait.max.ms": _FETCH_WAIT_MS,
            "fetch.max.bytes": _FETCH_BYTES,
            "fetch.error.backoff.ms": _FETCH_WAIT_MS,
            "queued.max.messages.kbytes": _QUEUED_KBYTES,
        }

    # inside poll

    def _gained(self, consumer: Any, places: Iterable[Any]) -> None:
        """Ask where to read from; what cannot be told yet waits at the end, paused."""
        new = [place.partition for place in places]
        if self._consumer is None:
            return  # closing
        assignment, told = self._assignment(), dict[int, int]()
        assignment.gain(new)
        try:
            assignment.tell(told.__setitem__)
        except Exception as error:  # noqa: BLE001 - the user's code, inside librdkafka
            self._raised.append(error)
        self._next.update(told)
        waiting = [partition for partition in new if partition not in told]
        offsets = told | dict.fromkeys(waiting, OFFSET_END)
        consumer.incremental_assign([self._place(p, offsets[p]) for p in new])
        self._pause(waiting)

    def _revoked(self, consumer: Any, places: Iterable[Any]) -> None:
        if self._consumer is None:
            return  # closing: its user has written a checkpoint
        lost = [place.partition for place in places]
        try:
            self._assignment().revoke(lost)
        except Exception as error:  # noqa: BLE001 - the user's code, inside librdkafka
            self._raised.append(error)
        for partition in lost:
            self._next.pop(partition, None)
        with suppress(KafkaException):  # partitions that were lost are not assigned any more
            consumer.incremental_unassign([self._place(partition) for partition in lost])

    def _read_from(self, partition: int, offset: int) -> None:
        self.seek(partition, offset)
        if partition not in self._assignment().paused:
            self._client().resume([self._place(partition)])

    def _fetch(self, max_records: int, seconds: float) -> list[Record]:
        client = self._client()
        try:
            first = client.poll(seconds)
            found = [] if first is None else [first]
            if first is not None and max_records > 1:
                found += client.consume(max_records - 1, 0)
        except KafkaException as error:
            raise bus_error(self._servers, error) from None
        if self._raised:
            raise self._raised.pop(0)
        return [record for message in found for record in self._records(message)]

    def _records(self, message: Any) -> list[Record]:
        """The record of a message; none where it says an error, or is not what comes next."""
        error = message.error()
        if error is not None:
            self._note(error, message.partition())
            return []
        partition, offset = message.partition(), message.offset()
        if partition in self._assignment().paused or offset < self._next.get(partition, offset + 1):
            return []
        self._next[partition] = offset + 1
        kind, milliseconds = message.timestamp()
        if kind != TIMESTAMP_LOG_APPEND_TIME:
            raise wrong_record_time(self._topic, partition, offset)
        headers = tuple((name, content or b"") for name, content in message.headers() or ())
        key, value = message.key() or b"", message.value() or b""
        return [
            Record(self._topic, partition, offset, milliseconds * 1000, key, headers, value),
        ]

    def _note(self, error: Any, partition: int) -> None:
        if code_of(error) == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001 - its public name
            self._go_back_in_range(partition)
        elif error.fatal():
            raise bus_error(self._servers, error)

    def _go_back_in_range(self, partition: int) -> None:
        """Go on at the earliest record kept; an offset behind the end is of another log."""
        offset, (earliest, _) = self._next[partition], self._bounds(partition)
        if offset > earliest:
            raise behind_the_end(self._topic, partition, offset)
        self.seek(partition, earliest)

    def _bounds(self, partition: int) -> tuple[int, int]:
        """The earliest offset kept, and the one that comes next."""
        seconds = self._settings.answer_seconds
        try:
            found = self._client().get_watermark_offsets(self._place(partition), seconds)
        except KafkaException as error:
            raise bus_error(self._servers, error) from None
        if found is None:
            raise BusError(f"Kafka at {self._servers[0]} did not answer within {seconds} s")
        return found[0], found[1]

    def _assign_again(self, partition: int, offset: int) -> None:
        """Read from an offset where a partition is not being read: after it was out of range."""
        try:
            self._client().incremental_unassign([self._place(partition)])
            self._client().incremental_assign([self._place(partition, offset)])
        except KafkaException as error:
            raise bus_error(self._servers, error) from None
        self._pause({partition} & self._assignment().paused)

    def _pause(self, partitions: Collection[int]) -> None:
        if partitions:
            self._client().pause([self._place(partition) for partition in sorted(partitions)])

    def _place(self, partition: int, offset: int | None = None) -> Any:
        if offset is None:
            return TopicPartition(self._topic, partition)
        return TopicPartition(self._topic, partition, offset)

    def _client(self) -> Any:
        if self._consumer is None:
            raise BusError("the consumer has not subscribed, or is closed")
        return self._consumer

    def _assignment(self) -> Assignment:
        self._client()
        if self._assigned is None:
            raise BusError("the consumer has not subscribed")
        return self._assigned
