"""The one door to confluent-kafka: what every client of it is told, and what its errors mean.

It is librdkafka behind a thin binding: its threads run in C, callbacks only inside ``poll``.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from confluent_kafka import (
    OFFSET_END,
    TIMESTAMP_LOG_APPEND_TIME,
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from governance.errors import BusError, PermanentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from governance.bus.kafka_settings import KafkaSettings

__all__ = [
    "OFFSET_END",
    "TIMESTAMP_LOG_APPEND_TIME",
    "AdminClient",
    "ConfigResource",
    "Consumer",
    "KafkaError",
    "KafkaException",
    "NewTopic",
    "Producer",
    "ResourceType",
    "TopicCollection",
    "TopicPartition",
    "bus_error",
    "client_config",
    "code_of",
    "permanent_error",
]

_RECONNECT_MS = 500  # the default of 10 s keeps clients from a broker that came back long ago
_REFUSED = {
    KafkaError.MSG_SIZE_TOO_LARGE: "too_large",
    KafkaError.RECORD_LIST_TOO_LARGE: "too_large",
    KafkaError.UNKNOWN_TOPIC_OR_PART: "no_such_topic",
    KafkaError._UNKNOWN_TOPIC: "no_such_topic",  # noqa: SLF001 - its public name
    KafkaError.TOPIC_EXCEPTION: "no_such_topic",
    KafkaError._UNKNOWN_PARTITION: "no_such_partition",  # noqa: SLF001
    KafkaError.INVALID_RECORD: "refused",
}

# several lines a second while a broker is away; our adapters say that once
_quiet = logging.getLogger("evenhand.librdkafka")
_quiet.setLevel(logging.CRITICAL + 1)


def client_config(servers: Sequence[str], settings: KafkaSettings) -> dict[str, Any]:
    """What every client is told."""
    return {
        "bootstrap.servers": ",".join(servers),
        "allow.auto.create.topics": False,
        "reconnect.backoff.max.ms": _RECONNECT_MS,
        "socket.timeout.ms": max(1_000, round(settings.answer_seconds * 1000)),
        "logger": _quiet,
    }


def code_of(error: KafkaException | KafkaError) -> int:
    """The number of an error, also where it comes as an exception."""
    kind = error.args[0] if isinstance(error, KafkaException) else error
    return int(kind.code()) if isinstance(kind, KafkaError) else 0


def bus_error(servers: Sequence[str], error: KafkaException | KafkaError) -> BusError:
    """The error of a bus that may work again later."""
    kind = error.args[0] if isinstance(error, KafkaException) else error
    return BusError(f"Kafka at {','.join(servers)}: {kind}")


def permanent_error(error: KafkaException | KafkaError) -> PermanentError | None:
    """What Kafka will never take, None where it may."""
    reason = _REFUSED.get(code_of(error))
    return None if reason is None else PermanentError(reason, f"Kafka refuses the record: {error}")
