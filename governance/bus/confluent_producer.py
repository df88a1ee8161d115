"""Sending to Kafka through confluent-kafka.

librdkafka retries, keeps the order and gives every record its end by itself; what is added here
is the bound on bytes, the thread that lets callbacks run, and the error tree. A client that says
it can do nothing more (a fatal error of its idempotent state) is replaced.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from governance.bus.confluent_client import (
    KafkaException,
    Producer,
    bus_error,
    client_config,
    permanent_error,
)
from governance.bus.delivery import InFlight, record_bytes
from governance.errors import BusError, EvenhandError, PermanentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from governance.bus.delivery import PendingDelivery
    from governance.bus.kafka_settings import KafkaSettings
    from governance.bus.ports import Delivery, Headers

_LOG = logging.getLogger(__name__)

_POLL_SECONDS = 0.05  # how long callbacks wait at most
_NEW_TOPIC_MS = 2_000  # a topic that is not known by then does not exist
_REQUEST_BYTES = 1_000_000  # below the topic's limit of 1,048,588
_BATCH_BYTES = 256 * 1024
_LINGER_MS = 5
_MOST_MESSAGES = 1_000_000  # the bound on bytes is what counts


class ConfluentProducer:
    """Hands records to librdkafka."""

    def __init__(self, servers: Sequence[str], settings: KafkaSettings) -> None:
        self._servers = servers
        self._settings = settings
        self._in_flight = InFlight(settings.max_bytes_in_flight)
        self._guard = threading.Lock()  # guards what follows
        self._producer: Any = Producer(self._config())
        self._retired: list[Any] = []  # clients that failed, whose last callbacks may still come
        self._closed = False
        self._down = False
        self._thread = threading.Thread(target=self._run, name="evenhand-kafka-poll", daemon=True)
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
        if partition < 0:
            raise PermanentError("no_such_partition", f"topic {topic} has no partition {partition}")
        delivery = self._in_flight.admit(size, timeout_seconds)
        with self._guard:
            refusal = self._hand_over(topic, partition, (key, value, headers), delivery)
        if refusal is not None:
            self._in_flight.settle([(delivery, refusal)])
        return delivery

    def flush(self, timeout_seconds: float) -> None:
        self._in_flight.wait_until_empty(timeout_seconds)

    def close(self, timeout_seconds: float = 5.0) -> None:
        try:
            self.flush(timeout_seconds)
        except BusError as error:
            _LOG.warning("Kafka at %s: closing, %s", self._servers[0], error)
        with self._guard:
            self._closed = True
            clients = [self._producer, *self._retired]
        for client in clients:
            client.purge()
        self._thread.join(1)
        for client in clients:
            client.poll(0)  # what was purged says so

    def _config(self) -> dict[str, Any]:
        milliseconds = round(self._settings.delivery_seconds * 1000)
        return {
            **client_config(self._servers, self._settings),
            "enable.idempotence": True,
            "acks": "all",
            "delivery.timeout.ms": milliseconds,
            "linger.ms": _LINGER_MS,
            "batch.size": _BATCH_BYTES,
            "message.max.bytes": _REQUEST_BYTES,
            "queue.buffering.max.messages": _MOST_MESSAGES,
            "queue.buffering.max.kbytes": self._settings.max_bytes_in_flight // 512 + 1_024,
            "topic.metadata.propagation.max.ms": _NEW_TOPIC_MS,
            "error_cb": self._say,
        }

    def _hand_over(
        self,
        topic: str,
        partition: int,
        record: tuple[bytes, bytes, Headers],
        delivery: PendingDelivery,
    ) -> EvenhandError | None:
        """Why the record is not on its way, None where it is."""
        if self._closed:
            return _closed_error()
        key, value, headers = record
        try:
            self._producer.produce(
                topic,
                value=value,
                key=key,
                partition=partition,
                headers=list(headers),
                on_delivery=partial(self._done, delivery),
            )
        except BufferError:
            return BusError(f"Kafka at {self._servers[0]}: the client's queue is full")
        except KafkaException as error:
            return permanent_error(error) or bus_error(self._servers, error)
        return None

    # on the thread

    def _run(self) -> None:
        while not self._closed:
            with self._guard:
                clients = [self._producer, *self._retired]
            for client in clients[1:]:
                client.poll(0)
            with suppress(KafkaException):
                clients[0].poll(_POLL_SECONDS)

    def _done(self, delivery: PendingDelivery, error: Any, message: Any) -> None:
        if error is None:
            self._down = False
            self._in_flight.settle([(delivery, message.offset())])
            return
        if error.fatal():
            self._replace()
        closed = _closed_error() if self._closed else None
        outcome = closed or permanent_error(error) or bus_error(self._servers, error)
        self._in_flight.settle([(delivery, outcome)])

    def _say(self, error: Any) -> None:
        """Say once for each outage that there is one."""
        if error.fatal():
            self._replace()
        if not self._down:
            self._down = True
            most = self._settings.max_bytes_in_flight
            _LOG.warning(
                "Kafka at %s: %s; records wait, at most %d bytes", self._servers[0], error, most
            )

    def _replace(self) -> None:
        """A client that has failed for good takes nothing any more; the next one does."""
        with self._guard:
            if not self._closed:
                self._retired = [*self._retired[-3:], self._producer]
                self._producer = Producer(self._config())


def _closed_error() -> BusError:
    return BusError("the producer was closed before Kafka acknowledged the record")
