"""Defects of kafka-python, provoked on a real broker, and lived with.

Three are the producer's (A, B, C), one is the consumer's (E).

Each defect has a test that shows it in the bare client: when one of these fails the client was
mended, and the defence may go. The other tests show that the adapter survives it.
"""

from __future__ import annotations

import resource
import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from governance.bus.kafka import KafkaBus
from governance.bus.kafka_client import (
    CooperativeStickyAssignor,
    KafkaAdminClient,
    KafkaConsumer,
    KafkaProducer,
    TopicPartition,
    connect,
    errors,
)
from governance.bus.kafka_settings import KafkaSettings
from governance.errors import BusError, PermanentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from governance.bus.kafka_producer import KafkaBusProducer
    from tests.testkit.kafka import KafkaBroker

_SMALL_TOPIC_BYTES = 20_000


@contextmanager
def bare_client(kafka: KafkaBroker, **config: Any) -> Iterator[Any]:
    """A kafka-python producer as its users would make it, ended by force."""
    client = KafkaProducer(
        bootstrap_servers=kafka.bootstrap, metrics_enabled=False, request_timeout_ms=500, **config
    )
    try:
        yield client
    finally:
        client._sender.force_close()
        client._sender.join(2)
        client._unregister_cleanup()
        client._closed = True


@contextmanager
def producer_of(kafka: KafkaBroker, settings: KafkaSettings) -> Iterator[KafkaBusProducer]:
    producer = KafkaBus((kafka.bootstrap,), settings).producer()
    try:
        yield producer
    finally:
        producer.close(1)


@contextmanager
def paused(kafka: KafkaBroker) -> Iterator[None]:
    kafka.pause()
    try:
        yield
    finally:
        kafka.resume()


def new_topic(kafka: KafkaBroker, **configs: str) -> str:
    topic = f"defect-{uuid.uuid4().hex[:12]}"
    admin = connect(KafkaAdminClient, [kafka.bootstrap], 10)
    admin.create_topics({topic: {"num_partitions": 1, "configs": configs}}, wait_for_metadata=True)
    admin.close()
    return topic


def values_in(kafka: KafkaBroker, topic: str, count: int) -> list[bytes]:
    """The first ``count`` values of the topic's one partition."""
    consumer = KafkaConsumer(
        bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest", metrics_enabled=False
    )
    consumer.assign([TopicPartition(topic, 0)])
    values: list[bytes] = []
    deadline = time.monotonic() + 10
    while len(values) < count and time.monotonic() < deadline:
        for batch in consumer.poll(200).values():
            values += [record.value for record in batch]
    consumer.close()
    return values


# A. an expired batch ends the idempotent producer, silently


def test_a_the_bare_client_falls_silent_after_a_batch_expired(kafka: KafkaBroker) -> None:
    """Once a sent batch has expired, nothing is sent any more, and nothing is said."""
    topic = new_topic(kafka)
    with bare_client(kafka, delivery_timeout_ms=1_000) as client:
        client.send(topic, b"first", partition=0).get(10)
        with paused(kafka):
            lost = client.send(topic, b"expires", partition=0)
            with pytest.raises(errors.KafkaTimeoutError):
                lost.get(5)
        silent = client.send(topic, b"never sent", partition=0)
        with pytest.raises(errors.KafkaTimeoutError, match="Timeout after waiting"):
            silent.get(3)


def test_a_the_adapter_sends_on_after_records_were_overdue(kafka: KafkaBroker) -> None:
    """Overdue records fail, later ones are delivered by a new client, in order."""
    topic = new_topic(kafka)
    with producer_of(kafka, KafkaSettings(delivery_seconds=1.5)) as producer:
        producer.send(topic, 0, key=b"k", value=b"first").result(10)
        with paused(kafka):
            overdue = producer.send(topic, 0, key=b"k", value=b"overdue")
            with pytest.raises(BusError, match=r"within 1\.5 s"):
                overdue.result(6)
        later = [producer.send(topic, 0, key=b"k", value=b"%d" % n) for n in range(3)]
        for delivery in later:
            delivery.result(10)
        assert producer.clients_made == 2
    assert values_in(kafka, topic, 4)[-3:] == [b"0", b"1", b"2"]


def test_a_an_outage_shorter_than_the_deadline_loses_and_doubles_nothing(
    kafka: KafkaBroker,
) -> None:
    """What was sent while the broker stood still arrives once, in order."""
    topic = new_topic(kafka)
    with producer_of(kafka, KafkaSettings(delivery_seconds=30)) as producer:
        producer.send(topic, 0, key=b"k", value=b"0").result(10)
        with paused(kafka):
            deliveries = [producer.send(topic, 0, key=b"k", value=b"%d" % n) for n in range(1, 200)]
            with pytest.raises(BusError):
                deliveries[0].result(1)
        producer.flush(20)
    assert values_in(kafka, topic, 200) == [b"%d" % n for n in range(200)]


def test_a_a_killed_broker_loses_nothing(kafka: KafkaBroker) -> None:
    """Records sent around kill -9 and restart are all acknowledged, and all there."""
    topic = new_topic(kafka)
    with producer_of(kafka, KafkaSettings(delivery_seconds=60)) as producer:
        deliveries = [producer.send(topic, 0, key=b"k", value=b"%d" % n) for n in range(100)]
        kafka.kill()
        deliveries += [producer.send(topic, 0, key=b"k", value=b"%d" % n) for n in range(100, 200)]
        kafka.restart()
        for delivery in deliveries:
            delivery.result(30)
    seen = dict.fromkeys(values_in(kafka, topic, 200))  # a repeat is allowed, a loss is not
    assert list(seen) == [b"%d" % n for n in range(200)]


# B. a refused record poisons the sends after it


def test_b_the_bare_client_fails_all_sends_after_one_was_refused(kafka: KafkaBroker) -> None:
    """After one record above the topic's limit small ones are refused as too large."""
    topic = new_topic(kafka, **{"max.message.bytes": str(_SMALL_TOPIC_BYTES)})
    with bare_client(kafka) as client:
        for value in (bytes(2 * _SMALL_TOPIC_BYTES), b"small", b"small"):
            with pytest.raises(errors.MessageSizeTooLargeError):
                client.send(topic, value, partition=0).get(5)


def test_b_the_adapter_delivers_what_follows_a_refused_record(kafka: KafkaBroker) -> None:
    """The refused one fails for good, alone; those before and behind it arrive in order."""
    topic = new_topic(kafka, **{"max.message.bytes": str(_SMALL_TOPIC_BYTES)})
    with producer_of(kafka, KafkaSettings()) as producer:
        large = bytes(2 * _SMALL_TOPIC_BYTES)
        values = [b"0", b"1", large, b"2", large, b"3", b"4"]
        deliveries = [producer.send(topic, 0, key=b"k", value=value) for value in values]
        for value, delivery in zip(values, deliveries, strict=True):
            if value is large:
                with pytest.raises(PermanentError) as caught:
                    delivery.result(10)
                assert caught.value.reason == "too_large"
            else:
                delivery.result(10)
    seen = dict.fromkeys(values_in(kafka, topic, 5))
    assert list(seen) == [b"0", b"1", b"2", b"3", b"4"]


# C. memory is not bounded


def test_c_the_bare_client_takes_whatever_it_is_given(kafka: KafkaBroker) -> None:
    """Into a broker that stands still it accepts 60 MB at once and keeps them all."""
    topic = new_topic(kafka)
    with bare_client(kafka) as client:
        client.send(topic, b"first", partition=0).get(10)
        with paused(kafka):
            for _ in range(600):
                client.send(topic, bytes(100_000), partition=0)
            kept = client._accumulator._incomplete.all()
            assert sum(batch.records.size_in_bytes() for batch in kept) > 59_000_000


def test_c_the_adapter_keeps_to_its_bound(kafka: KafkaBroker) -> None:
    """Sending 60 MB into a broker that stands still adds less than 12 MB for a bound of 4 MB."""
    topic = new_topic(kafka)
    settings = KafkaSettings(max_bytes_in_flight=4_000_000)
    with producer_of(kafka, settings) as producer:
        producer.send(topic, 0, key=b"k", value=b"first").result(10)
        before_kib = _resident_kib()
        accepted = 0
        with paused(kafka):
            for _ in range(600):
                try:
                    producer.send(topic, 0, key=b"k", value=bytes(100_000), timeout_seconds=0)
                except BusError:
                    continue
                accepted += 1
            assert accepted <= 40
            assert _resident_kib() - before_kib < 12_000
        producer.flush(10)


# E. a join that outlives its poll is forgotten


def _leave_a_join_unfinished(kafka: KafkaBroker, topic: str, client: Any) -> None:
    """Add a partition, and let the rebalance for it end after the poll in which it began."""
    coordinator = client._coordinator
    admin = connect(KafkaAdminClient, [kafka.bootstrap], 10)
    admin.create_partitions({topic: 2})
    admin.close()

    def noticed() -> bool:
        client._cluster.request_update()
        return bool(coordinator._assignment_snapshot != coordinator._metadata_snapshot)

    _wait(noticed)
    with paused(kafka):
        _wait(lambda: (client.poll(50), coordinator._join_task is not None)[1])
    _wait(lambda: bool(coordinator._join_task.is_done))


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_e_the_bare_client_forgets_a_join_that_outlived_its_poll(kafka: KafkaBroker) -> None:
    """The member never gets its new partition, and sends no heartbeats any more."""
    topic = new_topic(kafka)
    with bare_client(kafka) as producer:
        producer.send(topic, b"ends the first poll", partition=0).get(10)
    client = KafkaConsumer(
        topic,
        bootstrap_servers=kafka.bootstrap,
        group_id=f"g-{topic}",
        auto_offset_reset="earliest",
        partition_assignment_strategy=(CooperativeStickyAssignor,),
        metrics_enabled=False,
    )
    client.partitions_for_topic(topic)
    _wait(lambda: (client.poll(5_000), bool(client.assignment()))[1])  # one poll, one join
    _leave_a_join_unfinished(kafka, topic, client)
    for _ in range(10):
        client.poll(100)
    assert {place.partition for place in client.assignment()} == {0}
    assert not client._coordinator._heartbeat_enabled
    client.close(autocommit=False, timeout_ms=500)


def test_e_the_adapter_finishes_a_join_that_outlived_its_poll(kafka: KafkaBroker) -> None:
    """The member owns its new partition soon."""
    topic = new_topic(kafka, **{"message.timestamp.type": "LogAppendTime"})
    owned: set[int] = set()

    def assigned(partitions: Sequence[int]) -> dict[int, int]:
        owned.update(partitions)
        return dict.fromkeys(partitions, 0)

    consumer = KafkaBus((kafka.bootstrap,)).consumer(f"g-{topic}")
    consumer.subscribe(topic, assigned, owned.difference_update)
    _wait(lambda: (consumer.poll(1, 0.1), owned == {0})[1])
    _leave_a_join_unfinished(kafka, topic, consumer._consumer)
    _wait(lambda: (consumer.poll(1, 0.1), owned == {0, 1})[1])
    consumer.close()


def _resident_kib() -> int:
    with open("/proc/self/statm") as statm:  # noqa: PTH123
        return int(statm.read().split()[1]) * resource.getpagesize() // 1024
