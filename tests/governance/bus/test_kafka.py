"""What is Kafka's own: topics that others made, outages, lag tools, dead members."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
import uuid
from typing import TYPE_CHECKING

import pytest

from governance.bus.kafka import KafkaBus
from governance.bus.kafka_client import (
    KafkaAdminClient,
    KafkaProducer,
    TopicPartition,
    connect,
)
from governance.bus.kafka_settings import KafkaSettings
from governance.errors import BusError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from governance.bus.kafka_consumer import KafkaBusConsumer
    from tests.testkit.kafka import KafkaBroker

SETTINGS = KafkaSettings(session_seconds=1.5, heartbeat_seconds=0.2, answer_seconds=3)

MEMBER = """
import sys
from governance.bus.kafka import KafkaBus
from governance.bus.kafka_settings import KafkaSettings
bus = KafkaBus((sys.argv[1],), KafkaSettings(session_seconds=1.5, heartbeat_seconds=0.2))
consumer = bus.consumer("g-" + sys.argv[2])
def assigned(partitions):
    print("owns", flush=True)
    return dict.fromkeys(partitions, 0)
consumer.subscribe(sys.argv[2], assigned, lambda _: None)
while True:
    consumer.poll(10, 0.05)
"""


@pytest.fixture
def bus(kafka: KafkaBroker) -> KafkaBus:
    return KafkaBus((kafka.bootstrap,), SETTINGS)


@pytest.fixture
def topic() -> str:
    return f"kafka-{uuid.uuid4().hex[:12]}"


def make_topic(kafka: KafkaBroker, topic: str, **configs: str) -> None:
    admin = connect(KafkaAdminClient, [kafka.bootstrap], 10)
    admin.create_topics({topic: {"num_partitions": 1, "configs": configs}}, wait_for_metadata=True)
    admin.close()


def from_start(partitions: Sequence[int]) -> dict[int, int]:
    return dict.fromkeys(partitions, 0)


def subscribed(bus: KafkaBus, topic: str) -> KafkaBusConsumer:
    consumer = bus.consumer(f"g-{topic}")
    consumer.subscribe(topic, from_start, lambda _: None)
    return consumer


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"


def test_a_topic_that_is_made_here_has_the_logs_time(bus: KafkaBus, topic: str) -> None:
    """ensure_topic sets LogAppendTime, and is satisfied with what it made."""
    assert bus.ensure_topic(topic, 2) == 2
    assert bus.ensure_topic(topic, 2) == 2


def test_a_topic_without_log_append_time_is_refused_with_the_remedy(
    kafka: KafkaBroker, bus: KafkaBus, topic: str
) -> None:
    """The message is the command to run; afterwards the topic is accepted."""
    make_topic(kafka, topic)
    with pytest.raises(ConfigError, match="CreateTime") as caught:
        bus.ensure_topic(topic, 1)
    assert f"--entity-name {topic} --add-config" in str(caught.value)


def test_a_record_with_its_producers_time_is_refused(
    kafka: KafkaBroker, bus: KafkaBus, topic: str
) -> None:
    """Poll raises ConfigError rather than take a producer's clock for the log's."""
    make_topic(kafka, topic)
    client = KafkaProducer(bootstrap_servers=kafka.bootstrap, metrics_enabled=False)
    client.send(topic, b"x", partition=0).get(10)
    client.close()
    consumer = subscribed(bus, topic)
    with pytest.raises(ConfigError, match="offset 0: its time is its producer's"):
        until(lambda: bool(consumer.poll(10, 0.1)))
    consumer.close()


def test_commit_shows_in_lag_tools(kafka: KafkaBroker, bus: KafkaBus, topic: str) -> None:
    """The group's offset in Kafka is the one that was committed."""
    bus.ensure_topic(topic, 1)
    producer = bus.producer()
    producer.send(topic, 0, key=b"k", value=b"v").result(10)
    producer.close()
    consumer = subscribed(bus, topic)
    until(lambda: bool(consumer.poll(10, 0.1)))
    consumer.commit({0: 1})
    admin = connect(KafkaAdminClient, [kafka.bootstrap], 10)
    place, group = TopicPartition(topic, 0), f"g-{topic}"

    def committed() -> bool:
        consumer.poll(10, 0.1)
        found = admin.list_group_offsets({group: [place]})[group]
        return place in found and found[place].offset == 1

    until(committed)
    admin.close()
    consumer.close()


def test_a_killed_members_partitions_go_to_the_others(
    kafka: KafkaBroker, bus: KafkaBus, topic: str
) -> None:
    """After kill -9 and a session's time the member that is left owns everything."""
    bus.ensure_topic(topic, 3)
    argv = [sys.executable, "-c", MEMBER, kafka.bootstrap, topic]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "owns\n"
        owned: set[int] = set()

        def assigned(partitions: Sequence[int]) -> dict[int, int]:
            owned.update(partitions)
            return dict.fromkeys(partitions, 0)

        consumer = bus.consumer(f"g-{topic}")
        consumer.subscribe(topic, assigned, owned.difference_update)
        until(lambda: (consumer.poll(1, 0.05), len(owned) in {1, 2})[1])
        child.kill()
        until(lambda: (consumer.poll(1, 0.05), len(owned) == 3)[1])
        consumer.close()


def test_an_outage_is_said_once_and_ends_soon_after_the_broker_is_back(
    kafka: KafkaBroker, bus: KafkaBus, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    """While the broker is dead the log gets one line; 5 s after its return records flow."""
    bus.ensure_topic(topic, 1)
    producer, consumer = bus.producer(), subscribed(bus, topic)
    producer.send(topic, 0, key=b"k", value=b"before").result(10)
    until(lambda: bool(consumer.poll(10, 0.1)))
    kafka.kill()
    with caplog.at_level(logging.WARNING):
        delivery = producer.send(topic, 0, key=b"k", value=b"meanwhile")
        ends = time.monotonic() + 1.5
        while time.monotonic() < ends:
            _poll_through_outage(consumer)
        with pytest.raises(BusError):
            KafkaBus((kafka.bootstrap,), KafkaSettings(answer_seconds=0.3)).ensure_topic(topic, 1)
        assert len(caplog.records) <= 1
    kafka.restart()
    back = time.monotonic()
    until(lambda: _poll_through_outage(consumer))
    assert time.monotonic() - back < 5
    delivery.result(5)
    producer.close()
    consumer.close()


def _poll_through_outage(consumer: KafkaBusConsumer) -> bool:
    try:
        return bool(consumer.poll(10, 0.1))
    except BusError:
        return False
