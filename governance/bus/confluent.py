"""Apache Kafka as the bus, through confluent-kafka: the extra ``fast``.

Time is the broker's, as in ``governance.bus.kafka``: set on topics that are made here, checked on
those that are found.
"""

from __future__ import annotations

import time
from typing import Any

from governance.bus.confluent_client import (
    AdminClient,
    ConfigResource,
    KafkaError,
    KafkaException,
    NewTopic,
    ResourceType,
    TopicCollection,
    bus_error,
    client_config,
    code_of,
)
from governance.bus.confluent_consumer import ConfluentConsumer
from governance.bus.confluent_producer import ConfluentProducer
from governance.bus.kafka_settings import KafkaSettings
from governance.bus.kafka_topic import MAX_BATCH_BYTES, TIME_OF_LOG, TIME_TYPE, wrong_time
from governance.bus.topics import is_topic_name, require_topic

_TRIES, _PAUSE_SECONDS = 5, 0.2  # a topic that was made just now is not known to every broker


class ConfluentBus:
    """A Kafka cluster; nothing is connected until it is needed."""

    def __init__(self, servers: tuple[str, ...], settings: KafkaSettings | None = None) -> None:
        self._servers = servers
        self._settings = settings or KafkaSettings()

    def ensure_topic(self, topic: str, partitions: int) -> int:
        require_topic(topic, partitions)
        admin = self._admin()
        if self._count(admin, topic) is None:
            self._create(admin, topic, partitions)
        self._require_log_append_time(admin, topic)
        return self._count_soon(admin, topic) or partitions

    def partitions_of(self, topic: str) -> int | None:
        """How many partitions the topic has, None if there is no such topic."""
        return self._count_soon(self._admin(), topic) if is_topic_name(topic) else None

    def producer(self) -> ConfluentProducer:
        return ConfluentProducer(self._servers, self._settings)

    def consumer(self, group: str) -> ConfluentConsumer:
        return ConfluentConsumer(self._servers, group, self.partitions_of, self._settings)

    def close(self) -> None:
        """Nothing is held."""

    def _admin(self) -> Any:
        return AdminClient(client_config(self._servers, self._settings))

    def _count_soon(self, admin: Any, topic: str) -> int | None:
        for _ in range(_TRIES):
            count = self._count(admin, topic)
            if count is not None:
                return count
            time.sleep(_PAUSE_SECONDS)
        return None

    def _count(self, admin: Any, topic: str) -> int | None:
        asked = admin.describe_topics(
            TopicCollection([topic]), request_timeout=self._settings.answer_seconds
        )[topic]
        try:
            return len(asked.result().partitions)
        except KafkaException as error:
            if code_of(error) == KafkaError.UNKNOWN_TOPIC_OR_PART:
                return None
            raise bus_error(self._servers, error) from None

    def _create(self, admin: Any, topic: str, partitions: int) -> None:
        config = {TIME_TYPE: TIME_OF_LOG, "max.message.bytes": str(MAX_BATCH_BYTES)}
        wanted = NewTopic(topic, num_partitions=partitions, config=config)
        seconds = self._settings.answer_seconds
        asked = admin.create_topics([wanted], operation_timeout=seconds, request_timeout=seconds)
        try:
            asked[topic].result()
        except KafkaException as error:
            if code_of(error) != KafkaError.TOPIC_ALREADY_EXISTS:  # somebody else was faster
                raise bus_error(self._servers, error) from None

    def _require_log_append_time(self, admin: Any, topic: str) -> None:
        found = self._time_type(admin, topic)
        if found != TIME_OF_LOG:
            raise wrong_time(topic, found, self._servers[0])

    def _time_type(self, admin: Any, topic: str) -> str:
        """As the topic is set; a broker that has not heard of a new topic yet is asked again."""
        resource, seconds = ConfigResource(ResourceType.TOPIC, topic), self._settings.answer_seconds
        left = round(seconds / _PAUSE_SECONDS)
        while True:
            asked = admin.describe_configs([resource], request_timeout=seconds)
            try:
                return str(asked[resource].result()[TIME_TYPE].value)
            except KafkaException as error:
                if left <= 0 or code_of(error) != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise bus_error(self._servers, error) from None
            left -= 1
            time.sleep(_PAUSE_SECONDS)
