"""Sending to Kafka through kafka-python, which has to be watched.

Three of its defects are lived with here, each provoked by a test on a real broker:

A. A batch that was sent once and then expires ends its idempotent producer, silently and for
   good. So batches never expire there, each record has a deadline of our own, and a client with
   an overdue record is thrown away: all that it had not acknowledged is sent again, in order, by
   a new one. What the old one did deliver is then in the log twice; ids make that harmless.
B. A record that the broker refuses makes the client's later sends fail, its sequence numbers
   being off by one. So the size is checked before, and a client that was refused anything is
   thrown away likewise.
C. Its ``send`` never blocks and its memory is not bounded. So the bytes in flight are, here.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from governance.bus.delivery import InFlight, record_bytes
from governance.bus.kafka_backlog import Backlog, Entry
from governance.bus.kafka_client import KafkaProducer, connect, errors
from governance.clock import SystemClock
from governance.errors import BusError, EvenhandError, PermanentError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from governance.bus.kafka_settings import KafkaSettings
    from governance.bus.ports import Delivery, Headers

_LOG = logging.getLogger(__name__)

_CONNECT_SECONDS = 2.0  # deadlines are looked at between two tries
_RETRY_SECONDS = 0.5
_METADATA_MS = 2_000
_NEVER_MS = 2**31 - 1
_REQUEST_BYTES = 1_000_000  # below the topic's limit of 1,048,588
_BATCH_BYTES = 256 * 1024
_LINGER_MS = 5

_REFUSED = {
    errors.MessageSizeTooLargeError: "too_large",
    errors.RecordListTooLargeError: "too_large",
    errors.InvalidTopicError: "no_such_topic",
    errors.InvalidRecordError: "refused",
}


class KafkaBusProducer:
    """Hands records to a kafka-python producer, and again to the next one if that fails."""

    def __init__(
        self,
        servers: Sequence[str],
        partitions_of: Callable[[str], int | None],
        settings: KafkaSettings,
    ) -> None:
        self.clients_made = 0
        self._servers = servers
        self._partitions_of = partitions_of
        self._settings = settings
        self._clock = SystemClock()
        self._in_flight = InFlight(settings.max_bytes_in_flight)
        self._known: dict[str, int] = {}
        self._wake = threading.Condition()  # guards what follows
        self._backlog = Backlog()
        self._client: Any = None
        self._broken: Exception | None = None  # why the present client must go
        self._last_error: Exception | None = None
        self._retry_at = 0.0
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="evenhand-kafka-send", daemon=True)
        self._thread.start()

    def send(  # noqa: PLR0913 - the fields of a record
        self,
        topic: str,
        partition: int,
        *,
        key: bytes,
        value: bytes,
        headers: Headers = (),
        timeout_seconds: float = 5.0,
    ) -> Delivery:
        size = record_bytes(key, value, headers)
        delivery = self._in_flight.admit(size, timeout_seconds)
        deadline = self._clock.monotonic() + self._settings.delivery_seconds
        with self._wake:
            if not self._closed:
                self._backlog.add(Entry(topic, partition, key, value, headers, delivery, deadline))
                self._wake.notify()
                return delivery
        self._in_flight.settle([(delivery, _closed_error())])
        return delivery

    def flush(self, timeout_seconds: float) -> None:
        self._in_flight.wait_until_empty(timeout_seconds)

    def close(self, timeout_seconds: float = 5.0) -> None:
        try:
            self.flush(timeout_seconds)
        except BusError as error:
            _LOG.warning("Kafka at %s: closing, %s", self._servers[0], error)
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join(_CONNECT_SECONDS + 1)
        with self._wake:
            left = self._backlog.clear()
        self._in_flight.settle((entry.delivery, _closed_error()) for entry in left)

    # on the thread

    def _run(self) -> None:
        while not self._closed:
            with self._wake:
                self._wake.wait_for(self._has_work, self._seconds_to_next())
            try:
                self._work()
            except Exception as error:  # noqa: BLE001 - a dead thread would hang every delivery
                _LOG.exception("sending to Kafka at %s", self._servers[0])
                self._later(error)
        self._dispose()

    def _work(self) -> None:
        self._expire()
        if self._broken is not None:
            self._dispose()
        if self._backlog.waits and self._clock.monotonic() >= self._retry_at:
            client = self._client or self._connect()
            if client is not None:
                self._hand_over(client)

    def _has_work(self) -> bool:
        due = self._backlog.waits and self._clock.monotonic() >= self._retry_at
        return self._closed or self._broken is not None or due

    def _seconds_to_next(self) -> float | None:
        """Until the earliest deadline, or until a retry is due."""
        first = self._backlog.first_deadline()
        if first is None:
            return None
        due = min(first, self._retry_at) if self._backlog.waits else first
        return max(due - self._clock.monotonic(), 0.0)

    def _expire(self) -> None:
        with self._wake:
            handed, waiting = self._backlog.remove_overdue(self._clock.monotonic())
            if handed:
                self._broken = self._broken or BusError("it acknowledges nothing")
        self._settle([*handed, *waiting], self._overdue_error())

    def _connect(self) -> Any:
        try:
            client = connect(
                KafkaProducer,
                self._servers,
                _CONNECT_SECONDS,
                acks="all",
                enable_idempotence=True,
                delivery_timeout_ms=_NEVER_MS,
                max_block_ms=_METADATA_MS,
                max_request_size=_REQUEST_BYTES,
                batch_size=_BATCH_BYTES,
                linger_ms=_LINGER_MS,
                allow_auto_create_topics=False,
                metrics_enabled=False,
            )
        except BusError as error:
            self._later(error)
            return None
        self.clients_made += 1
        self._client = client
        return client

    def _hand_over(self, client: Any) -> None:
        while True:
            with self._wake:
                stop = self._broken is not None or self._closed
                entry = None if stop else self._backlog.hand_over()
            if entry is None:
                return
            try:
                self._check_place(entry)
                future = client.send(
                    entry.topic,
                    key=entry.key,
                    value=entry.value,
                    headers=list(entry.headers),
                    partition=entry.partition,
                )
            except (EvenhandError, errors.KafkaError, ValueError) as error:
                self._refused(client, entry, error)
            else:
                future.add_callback(self._acknowledged, client, entry)
                future.add_errback(self._refused, client, entry)

    def _check_place(self, entry: Entry) -> None:
        count = self._known.get(entry.topic) or self._partitions_of(entry.topic)
        if count is None:
            raise PermanentError(
                "no_such_topic", f"topic {entry.topic} does not exist; create it first"
            )
        self._known[entry.topic] = count
        if not 0 <= entry.partition < count:
            raise PermanentError(
                "no_such_partition",
                f"topic {entry.topic} has partitions 0 to {count - 1}: {entry.partition}",
            )

    def _dispose(self) -> None:
        with self._wake:
            client, self._client = self._client, None
            reason, self._broken = self._broken, None
            self._backlog.take_back()
        if client is not None:
            _abandon(client)
        if reason is not None and _permanent(reason) is None:
            self._later(reason)

    def _later(self, error: Exception) -> None:
        """Try again after a pause, and say so once for each outage."""
        if self._last_error is None:
            _LOG.warning(
                "Kafka at %s: %s; records wait, at most %d bytes",
                self._servers[0], error, self._settings.max_bytes_in_flight,
            )  # fmt: skip
        self._last_error = error
        self._retry_at = self._clock.monotonic() + _RETRY_SECONDS

    # on the client's thread

    def _acknowledged(self, client: Any, entry: Entry, metadata: Any) -> None:
        with self._wake:
            if client is self._client:
                self._backlog.remove(entry)
            if self._last_error is not None:
                _LOG.warning("Kafka at %s takes records again", self._servers[0])
                self._last_error = None
        self._settle([entry], metadata.offset)

    def _refused(self, client: Any, entry: Entry, error: Exception) -> None:
        with self._wake:
            if client is not self._client:
                return  # it was thrown away: the record is with the next one
            # after its first failure a client says the same of every other record
            permanent = _permanent(error) if self._broken is None else None
            if not isinstance(error, PermanentError):
                self._broken = self._broken or error
            if permanent is not None:
                self._backlog.remove(entry)
            self._wake.notify()
        if permanent is not None:
            self._settle([entry], permanent)

    def _settle(self, entries: Sequence[Entry], outcome: int | EvenhandError) -> None:
        if entries:
            self._in_flight.settle([(entry.delivery, outcome) for entry in entries])

    def _overdue_error(self) -> BusError:
        seconds = self._settings.delivery_seconds
        why = f": {self._last_error}" if self._last_error is not None else ""
        return BusError(f"Kafka did not acknowledge a record within {seconds} s{why}")


def _permanent(error: Exception) -> PermanentError | None:
    if isinstance(error, PermanentError):
        return error
    for kind, reason in _REFUSED.items():
        if isinstance(error, kind):
            return PermanentError(reason, f"Kafka refuses the record: {error}")
    return None


def _abandon(client: Any) -> None:
    """End a client that may never end by itself; its records are ours to send again."""
    client._sender.force_close()  # noqa: SLF001 - close() would wait for what never comes
    client._sender.join(0.5)  # noqa: SLF001
    client._unregister_cleanup()  # noqa: SLF001 - else it waits once more at exit
    client._closed = True  # noqa: SLF001


def _closed_error() -> BusError:
    return BusError("the producer was closed before Kafka acknowledged the record")
