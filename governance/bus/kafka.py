"""Apache Kafka as the bus, through kafka-python.

Its own time is the broker's (``LogAppendTime``): set on topics that are made here, checked on
those that are found. Records are sent uncompressed: whatever reads them may lack a codec.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from governance.bus.kafka_client import (
    ConfigResource,
    ConfigResourceType,
    KafkaAdminClient,
    connect,
    errors,
)
from governance.bus.kafka_consumer import KafkaBusConsumer
from governance.bus.kafka_producer import KafkaBusProducer
from governance.bus.kafka_settings import KafkaSettings
from governance.bus.kafka_topic import MAX_BATCH_BYTES, TIME_OF_LOG, TIME_TYPE, wrong_time
from governance.bus.topics import is_topic_name, require_topic
from governance.errors import BusError

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNKNOWN_TOPIC = 3
_TRIES, _PAUSE_SECONDS = 5, 0.2  # a topic that was made just now is not known to every broker


class KafkaBus:
    """A Kafka cluster; nothing is connected until it is needed."""

    def __init__(self, servers: tuple[str, ...], settings: KafkaSettings | None = None) -> None:
        self._servers = servers
        self._settings = settings or KafkaSettings()

    def ensure_topic(self, topic: str, partitions: int) -> int:
        require_topic(topic, partitions)
        with self._admin() as admin:
            if _partition_count(admin, topic) is None:
                _create(admin, topic, partitions)
            self._require_log_append_time(admin, topic)
            return _partition_count(admin, topic) or partitions

    def partitions_of(self, topic: str) -> int | None:
        """How many partitions the topic has, None if there is no such topic."""
        if not is_topic_name(topic):
            return None
        with self._admin() as admin:
            for _ in range(_TRIES):
                count = _partition_count(admin, topic)
                if count is not None:
                    return count
                time.sleep(_PAUSE_SECONDS)
        return None

    def producer(self) -> KafkaBusProducer:
        return KafkaBusProducer(self._servers, self.partitions_of, self._settings)

    def consumer(self, group: str) -> KafkaBusConsumer:
        return KafkaBusConsumer(self._servers, group, self.partitions_of, self._settings)

    def close(self) -> None:
        """Nothing is held."""

    @contextmanager
    def _admin(self) -> Iterator[Any]:
        seconds = self._settings.answer_seconds
        admin = connect(
            KafkaAdminClient, self._servers, seconds, request_timeout_ms=round(seconds * 1000)
        )
        try:
            yield admin
        except errors.KafkaError as error:
            raise BusError(f"Kafka at {','.join(self._servers)}: {error}") from None
        finally:
            admin.close()

    def _require_log_append_time(self, admin: Any, topic: str) -> None:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic)
        answer = admin.describe_configs([resource], config_filter="all")
        found = answer["topic"][topic][TIME_TYPE]["value"]
        if found != TIME_OF_LOG:
            raise wrong_time(topic, found, self._servers[0])


def _partition_count(admin: Any, topic: str) -> int | None:
    found = admin.describe_topics([topic])[0]
    if found["error_code"] == _UNKNOWN_TOPIC:
        return None
    if found["error_code"] != 0:
        raise errors.for_code(found["error_code"])(topic)
    return len(found["partitions"])


def _create(admin: Any, topic: str, partitions: int) -> None:
    configs = {TIME_TYPE: TIME_OF_LOG, "max.message.bytes": str(MAX_BATCH_BYTES)}
    options = {"num_partitions": partitions, "configs": configs}
    with suppress(errors.TopicAlreadyExistsError):  # somebody else was faster
        admin.create_topics({topic: options}, wait_for_metadata=True)
