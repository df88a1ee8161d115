"""What is confluent-kafka's own: both clients in one group, an outage, what it must not change."""

from __future__ import annotations

import logging
import time
import uuid
from typing import TYPE_CHECKING

import pytest

from governance.bus.confluent import ConfluentBus
from governance.bus.kafka import KafkaBus
from governance.bus.kafka_client import KafkaAdminClient, connect
from governance.bus.kafka_settings import KafkaSettings
from governance.errors import BusError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from governance.bus.ports import Bus, Consumer
    from tests.testkit.kafka import KafkaBroker

_QUICK = KafkaSettings(
    session_seconds=6.0, heartbeat_seconds=0.3, delivery_seconds=2.0, answer_seconds=2.0
)
_DEADLINE_SECONDS = 60.0


@pytest.fixture
def topic(kafka: KafkaBroker) -> str:
    name = f"confluent-{uuid.uuid4().hex[:12]}"
    assert ConfluentBus((kafka.bootstrap,)).ensure_topic(name, 4) == 4
    return name


@pytest.fixture
def joined(kafka: KafkaBroker, topic: str) -> Iterator[Callable[[type[Bus]], Member]]:
    members: list[Member] = []

    def join(kind: type[Bus]) -> Member:
        members.append(Member(kind((kafka.bootstrap,), _QUICK), topic))  # type: ignore[call-arg]
        return members[-1]

    yield join
    for member in members:
        member.consumer.close()


class Member:
    """A consumer, what it owns, and what it has read."""

    def __init__(self, bus: Bus, topic: str) -> None:
        self.owned: set[int] = set()
        self.read: list[bytes] = []
        self.consumer: Consumer = bus.consumer(f"group-{topic}")
        self.consumer.subscribe(topic, self._gained, self.owned.difference_update)

    def _gained(self, partitions: Sequence[int]) -> dict[int, int]:
        self.owned.update(partitions)
        return dict.fromkeys(partitions, 0)

    def poll(self) -> bool:
        self.read += [record.value for record in self.consumer.poll(10, 0.05)]
        return True


@pytest.mark.parametrize(
    "kinds", [(KafkaBus, ConfluentBus), (ConfluentBus, KafkaBus)], ids=["to", "back"]
)
def test_a_group_changes_its_client_while_it_runs(
    joined: Callable[[type[Bus]], Member], kinds: tuple[type[Bus], type[Bus]]
) -> None:
    """Members of both clients share the partitions, as in a rolling restart."""
    old = joined(kinds[0])
    _until(lambda: old.poll() and len(old.owned) == 4)
    new = joined(kinds[1])
    _until(lambda: old.poll() and new.poll() and len(old.owned) == len(new.owned) == 2)
    assert old.owned | new.owned == {0, 1, 2, 3}
    old.consumer.close()
    _until(lambda: new.poll() and len(new.owned) == 4)


def test_either_client_reads_what_the_other_wrote(
    kafka: KafkaBroker, topic: str, joined: Callable[[type[Bus]], Member]
) -> None:
    """Values, in order, through both."""
    for kind in (KafkaBus, ConfluentBus):
        producer = kind((kafka.bootstrap,)).producer()
        for number in range(3):
            value = f"{kind.__name__} {number}".encode()
            producer.send(topic, 0, key=b"k", value=value, headers=(("h", b""),)).result(10)
        producer.close()
    expected = [f"{name} {i}".encode() for name in ("KafkaBus", "ConfluentBus") for i in range(3)]
    for kind in (ConfluentBus, KafkaBus):
        member = joined(kind)
        _until(lambda member=member: member.poll() and len(member.read) == 6)  # type: ignore[misc]
        assert member.read == expected
        member.consumer.close()


def test_an_outage_is_said_once_and_fails_what_is_overdue(
    kafka: KafkaBroker, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A record that no broker took in time fails with BusError; the next one is delivered."""
    producer = ConfluentBus((kafka.bootstrap,), _QUICK).producer()
    producer.send(topic, 0, key=b"k", value=b"before").result(10)
    kafka.kill()
    try:
        with caplog.at_level(logging.WARNING), pytest.raises(BusError):
            producer.send(topic, 0, key=b"k", value=b"lost").result(30)
    finally:
        kafka.restart()
    assert 1 <= len([r for r in caplog.records if "records wait" in r.message]) <= 2
    assert producer.send(topic, 0, key=b"k", value=b"after").result(30) >= 1
    producer.close()


def test_a_topic_of_producers_time_is_refused(kafka: KafkaBroker) -> None:
    """The message names the topic and the command that mends it."""
    name = f"theirs-{uuid.uuid4().hex[:12]}"
    admin = connect(KafkaAdminClient, [kafka.bootstrap], 10)
    admin.create_topics({name: {"num_partitions": 1}}, wait_for_metadata=True)
    admin.close()
    with pytest.raises(ConfigError, match=rf"--entity-name {name} --add-config"):
        ConfluentBus((kafka.bootstrap,)).ensure_topic(name, 1)


def test_a_broker_that_is_not_there_is_a_bus_error() -> None:
    """Within the time for an answer."""
    with pytest.raises(BusError, match=r"127\.0\.0\.1:9"):
        ConfluentBus(("127.0.0.1:9",), _QUICK).ensure_topic("t", 1)


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
