"""Every bus keeps the contract of ``governance/bus/ports.py``, clause by clause.

The embedded bus runs on files, Kafka on a real broker that is paused where a bus has to stall,
through either client.
"""

from __future__ import annotations

import fcntl
import threading
import time
import uuid
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from governance.bus.confluent import ConfluentBus
from governance.bus.embedded import EmbeddedBus
from governance.bus.kafka import KafkaBus
from governance.bus.kafka_client import KafkaAdminClient, TopicPartition, connect
from governance.bus.kafka_settings import KafkaSettings
from governance.bus.log.appender import LogLimits
from governance.bus.ports import MAX_RECORD_BYTES, Bus, Consumer, Record
from governance.clock import SystemClock
from governance.errors import BusError, ConfigError, PermanentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from governance.bus.ports import Delivery, Headers

_BOUND = 300_000
_SEGMENT = 20_000  # small enough for a test to fill several
_DEADLINE_SECONDS = 30.0
_KAFKA = KafkaSettings(
    session_seconds=6.0, heartbeat_seconds=0.3, answer_seconds=5.0, max_bytes_in_flight=_BOUND
)


@dataclass(frozen=True)
class Place:
    """A bus under test: how to open it, make it stall, and lose what is old."""

    open: Callable[[], Bus]
    stalled: Callable[[], AbstractContextManager[None]]
    forget_old: Callable[[str], None]  # remove early records of partition 0
    topic: str

    def topic_of(self, partitions: int) -> str:
        assert self.open().ensure_topic(self.topic, partitions) == partitions
        return self.topic


@pytest.fixture
def embedded_place(tmp_path: Path) -> Place:
    topic = "t"

    def bus(retention_us: int = 10**15) -> Bus:
        limits = LogLimits(segment_bytes=_SEGMENT, retention_us=retention_us)
        return EmbeddedBus(tmp_path, SystemClock(), limits=limits, max_bytes_in_flight=_BOUND)

    @contextmanager
    def stalled() -> Iterator[None]:
        with (tmp_path / "topics" / topic / "0" / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def forget_old(topic: str) -> None:
        producer = bus(retention_us=-(10**15)).producer()
        for _ in range(3):
            producer.send(topic, 0, key=b"", value=bytes(_SEGMENT)).result(5)
        producer.close()

    return Place(bus, stalled, forget_old, topic)


@pytest.fixture
def kafka_place(request: pytest.FixtureRequest) -> Place:
    return _kafka_place(request, KafkaBus)


@pytest.fixture
def confluent_place(request: pytest.FixtureRequest) -> Place:
    return _kafka_place(request, ConfluentBus)


def _kafka_place(request: pytest.FixtureRequest, kind: type[KafkaBus | ConfluentBus]) -> Place:
    broker = request.getfixturevalue("kafka")

    @contextmanager
    def stalled() -> Iterator[None]:
        broker.pause()
        try:
            yield
        finally:
            broker.resume()

    def forget_old(topic: str) -> None:
        admin = connect(KafkaAdminClient, [broker.bootstrap], 10)
        admin.delete_records({TopicPartition(topic, 0): 5})
        admin.close()

    topic = f"contract-{uuid.uuid4().hex[:12]}"
    return Place(lambda: kind((broker.bootstrap,), _KAFKA), stalled, forget_old, topic)


@pytest.fixture(
    params=[
        "embedded",
        pytest.param("kafka", marks=pytest.mark.servers),
        pytest.param("confluent", marks=pytest.mark.servers),
    ]
)
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(f"{request.param}_place")
    return found


class Member:
    """A consumer, and what its callbacks were told."""

    def __init__(self, place: Place, group: str, start: dict[int, int] | None = None) -> None:
        self.start = start or {}
        self.owned: set[int] = set()
        self.assigned: list[list[int]] = []
        self.revoked: list[list[int]] = []
        self.threads: set[int] = set()
        self.consumer: Consumer = place.open().consumer(group)
        self.consumer.subscribe(place.topic, self._on_assign, self._on_revoke)

    def _on_assign(self, partitions: Sequence[int]) -> dict[int, int]:
        self.threads.add(threading.get_ident())
        self.assigned.append(list(partitions))
        self.owned.update(partitions)
        return {partition: self.start.get(partition, 0) for partition in partitions}

    def _on_revoke(self, partitions: Sequence[int]) -> None:
        self.threads.add(threading.get_ident())
        self.revoked.append(list(partitions))
        self.owned.difference_update(partitions)

    def read(self, count: int) -> list[Record]:
        """Poll until ``count`` records came."""
        records: list[Record] = []

        def enough() -> bool:
            records.extend(self.consumer.poll(50, 0.2))
            return len(records) >= count

        _until(enough)
        return records

    def wait_for(self, partitions: set[int]) -> None:
        _until(lambda: (self.consumer.poll(1, 0.05), self.owned == partitions)[1])


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"


def _append(place: Place, values: Sequence[bytes], partition: int = 0) -> list[int]:
    producer = place.open().producer()
    deliveries = [producer.send(place.topic, partition, key=b"k", value=value) for value in values]
    offsets = [delivery.result(10) for delivery in deliveries]
    producer.close()
    return offsets


@pytest.fixture
def members(place: Place) -> Iterator[Callable[..., Member]]:
    made: list[Member] = []

    def make(group: str = "g", start: dict[int, int] | None = None) -> Member:
        made.append(Member(place, f"{group}-{place.topic}", start))
        return made[-1]

    yield make
    for member in made:
        member.consumer.close()


# 1. topics and offsets


def test_a_topic_keeps_the_number_of_partitions_that_it_was_made_with(place: Place) -> None:
    """A second ensure_topic with another number returns the first number."""
    place.topic_of(3)
    assert place.open().ensure_topic(place.topic, 7) == 3


@pytest.mark.parametrize(("name", "partitions"), [("no spaces", 1), ("..", 1), ("", 1), ("t", 0)])
def test_a_topic_that_cannot_be_is_a_config_error(place: Place, name: str, partitions: int) -> None:
    """The operator is told which name or number is wrong."""
    with pytest.raises(ConfigError, match=r"topic name|write 1 or more"):
        place.open().ensure_topic(name, partitions)


def test_offsets_go_up_in_a_partition(place: Place) -> None:
    """Each record of a partition has a greater offset than the one before."""
    place.topic_of(1)
    offsets = _append(place, [b"a"] * 20) + _append(place, [b"b"] * 20)
    assert offsets == sorted(set(offsets))


# 2. append time


def test_append_time_is_the_logs_and_does_not_fall(
    place: Place, members: Callable[..., Member]
) -> None:
    """Append times are of now, in the order of the offsets."""
    place.topic_of(1)
    before = time.time_ns() // 1_000
    _append(place, [b"x"] * 10)
    times = [record.append_time_us for record in members().read(10)]
    assert times == sorted(times)
    assert before - 1_000 <= times[0] <= times[-1] <= time.time_ns() // 1_000


# 3. deliveries


def test_a_delivery_is_done_with_the_offset_under_which_the_record_is_read(
    place: Place, members: Callable[..., Member]
) -> None:
    """Key, headers and value come back as they were, at the delivery's offset."""
    place.topic_of(2)
    headers: Headers = (("a", b"1"), ("b", b""), ("a", "ü".encode()), ("empty", b"\x00\xff"))
    producer = place.open().producer()
    delivery = producer.send(place.topic, 1, key=b"\x00k", value=b"v\xff", headers=headers)
    offset = delivery.result(10)
    assert delivery.done
    producer.close()
    record = members().read(1)[0]
    assert (record.partition, record.offset, record.key) == (1, offset, b"\x00k")
    assert (record.headers, record.value, record.header("a")) == (headers, b"v\xff", "ü")


@pytest.mark.parametrize("value", [b"", bytes(MAX_RECORD_BYTES - 200)])
def test_the_smallest_and_the_largest_record_pass(
    place: Place, members: Callable[..., Member], value: bytes
) -> None:
    """An empty record and one of nearly MAX_RECORD_BYTES come back whole."""
    place.topic_of(1)
    _append(place, [value])
    assert members().read(1)[0].value == value


def test_what_is_done_is_read_by_a_reader_that_comes_later(
    place: Place, members: Callable[..., Member]
) -> None:
    """A record whose delivery is done is there for a bus opened afterwards, unflushed."""
    place.topic_of(1)
    producer = place.open().producer()
    producer.send(place.topic, 0, key=b"k", value=b"kept").result(10)
    assert members().read(1)[0].value == b"kept"
    producer.close()


def test_a_record_that_is_too_large_is_refused_and_hinders_no_other(place: Place) -> None:
    """Send raises PermanentError; the record after it is delivered."""
    place.topic_of(1)
    producer = place.open().producer()
    with pytest.raises(PermanentError) as caught:
        producer.send(place.topic, 0, key=b"k", value=bytes(MAX_RECORD_BYTES + 1))
    assert caught.value.reason == "too_large"
    assert producer.send(place.topic, 0, key=b"k", value=b"fits").result(10) == 0
    producer.close()


@pytest.mark.parametrize(
    ("suffix", "partition", "reason"),
    [("-absent", 0, "no_such_topic"), ("", 5, "no_such_partition"), ("", -1, "no_such_partition")],
)
def test_a_record_without_a_place_is_refused_and_hinders_no_other(
    place: Place, suffix: str, partition: int, reason: str
) -> None:
    """PermanentError comes from send or from its delivery; the record after it is delivered."""
    place.topic_of(2)
    producer = place.open().producer()
    with pytest.raises(PermanentError) as caught:
        producer.send(place.topic + suffix, partition, key=b"k", value=b"v").result(10)
    assert caught.value.reason == reason
    assert producer.send(place.topic, 1, key=b"k", value=b"v").result(10) == 0
    producer.close()


def test_callbacks_run_once_also_when_added_late(place: Place) -> None:
    """A callback added before and one added after are each called with the delivery."""
    place.topic_of(1)
    called: list[int] = []
    producer = place.open().producer()
    delivery = producer.send(place.topic, 0, key=b"k", value=b"v")
    delivery.add_callback(lambda done: called.append(done.result(0)))
    delivery.result(10)
    _until(lambda: len(called) == 1)
    delivery.add_callback(lambda done: called.append(done.result(0)))
    assert called == [0, 0]
    producer.close()


def test_a_stalled_delivery_times_out_and_is_done_later(place: Place) -> None:
    """Result raises BusError while the bus stalls, and gives the offset once it does not."""
    place.topic_of(1)
    producer = place.open().producer()
    producer.send(place.topic, 0, key=b"k", value=b"first").result(10)
    with place.stalled():
        delivery = producer.send(place.topic, 0, key=b"k", value=b"v")
        with pytest.raises(BusError):
            delivery.result(0.2)
        with pytest.raises(BusError):
            producer.flush(0.1)
    assert delivery.result(20) == 1
    producer.flush(1)
    producer.close()


def test_closing_fails_what_is_left(place: Place) -> None:
    """After close no delivery is pending, and send gives one that has failed."""
    place.topic_of(1)
    producer = place.open().producer()
    producer.send(place.topic, 0, key=b"k", value=b"first").result(10)
    with place.stalled():
        left = producer.send(place.topic, 0, key=b"k", value=b"v")
        late = producer.send(place.topic, 0, key=b"k", value=b"w")
        producer.close(0.2)
        for delivery in (late, producer.send(place.topic, 0, key=b"k", value=b"x")):
            with pytest.raises(BusError):
                delivery.result(0)
    with pytest.raises(BusError):
        left.result(0.5)


# 4. the bound


def test_send_blocks_at_the_bound_and_then_raises(place: Place) -> None:
    """With the bus stalled, bytes in flight stay below the bound; afterwards all goes on."""
    place.topic_of(1)
    producer = place.open().producer()
    producer.send(place.topic, 0, key=b"k", value=b"first").result(10)
    accepted: list[Delivery] = []

    def send() -> Delivery:
        return producer.send(place.topic, 0, key=b"k", value=bytes(10_000), timeout_seconds=0.3)

    with place.stalled():
        while len(accepted) < _BOUND // 20_000:
            accepted.append(send())
        started = time.monotonic()
        with pytest.raises(BusError):
            accepted.extend(send() for _ in range(100))
        assert 0.3 <= time.monotonic() - started < 5
    assert len(accepted) <= _BOUND // 10_000
    assert [d.result(20) for d in accepted] == list(range(1, len(accepted) + 1))
    producer.close()


# 5. order


def test_one_producers_records_keep_their_order(
    place: Place, members: Callable[..., Member]
) -> None:
    """2,000 records over two partitions, with a stall in the middle, are read in send order."""
    place.topic_of(2)
    producer = place.open().producer()
    for number in range(1_000):
        producer.send(place.topic, number % 2, key=b"k", value=b"%d" % number)
    with place.stalled():
        for number in range(1_000, 2_000):
            producer.send(place.topic, number % 2, key=b"k", value=b"%d" % number)
    producer.flush(20)
    producer.close()
    read = defaultdict(list)
    for record in members().read(2_000):
        read[record.partition].append(int(record.value))
    assert read == {0: list(range(0, 2_000, 2)), 1: list(range(1, 2_000, 2))}


# 6. groups


def test_two_members_share_and_a_third_party_reads_all(
    place: Place, members: Callable[..., Member]
) -> None:
    """In a group each partition has one owner; another group owns all of them too."""
    place.topic_of(4)
    first = members()
    first.wait_for({0, 1, 2, 3})
    second = members()
    _until(
        lambda: (
            first.consumer.poll(1, 0.05),
            second.consumer.poll(1, 0.05),
            len(first.owned) == len(second.owned) == 2,
        )[2]
    )
    assert first.owned | second.owned == {0, 1, 2, 3}
    assert [p for told in first.revoked for p in told] == sorted(second.owned)
    other = members("h")
    other.wait_for({0, 1, 2, 3})


def test_callbacks_run_on_the_thread_that_polls(
    place: Place, members: Callable[..., Member]
) -> None:
    """on_assign and on_revoke are called inside poll, on its thread."""
    place.topic_of(2)
    first = members()
    first.wait_for({0, 1})
    second = members()
    _until(
        lambda: (
            first.consumer.poll(1, 0.05),
            second.consumer.poll(1, 0.05),
            bool(first.revoked and second.owned),
        )[2]
    )
    assert first.threads == second.threads == {threading.get_ident()}


def test_the_partitions_of_a_member_that_left_go_to_the_others(
    place: Place, members: Callable[..., Member]
) -> None:
    """After close the other member owns everything, and close itself revokes nothing."""
    place.topic_of(3)
    first, second = members(), members()
    _until(
        lambda: (
            first.consumer.poll(1, 0.05),
            second.consumer.poll(1, 0.05),
            bool(second.owned) and len(first.owned) + len(second.owned) == 3,
        )[2]
    )
    told = len(second.revoked)
    second.consumer.close()
    assert len(second.revoked) == told
    first.wait_for({0, 1, 2})


def test_reading_starts_where_the_owner_says_whatever_was_committed(
    place: Place, members: Callable[..., Member]
) -> None:
    """The offset comes from on_assign; what was committed moves nobody."""
    place.topic_of(1)
    _append(place, [b"%d" % number for number in range(10)])
    first = members()
    first.read(10)
    first.consumer.commit({0: 9})
    first.consumer.poll(1, 0.1)
    first.consumer.close()
    assert [r.value for r in members(start={0: 4}).read(6)] == [b"4", b"5", b"6", b"7", b"8", b"9"]


def test_a_failing_on_assign_is_asked_again(place: Place) -> None:
    """What on_assign raises comes out of poll; nothing is delivered until it succeeds."""
    place.topic_of(1)
    _append(place, [b"x"])
    attempts: list[list[int]] = []

    def on_assign(partitions: Sequence[int]) -> dict[int, int]:
        attempts.append(list(partitions))
        if len(attempts) < 3:
            raise ZeroDivisionError
        return dict.fromkeys(partitions, 0)

    consumer = place.open().consumer(f"again-{place.topic}")
    consumer.subscribe(place.topic, on_assign, lambda _: None)
    failures, records = 0, list[Record]()
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while not records and time.monotonic() < deadline:
        try:
            records = consumer.poll(10, 0.1)
        except ZeroDivisionError:
            failures += 1
    consumer.close()
    assert (attempts, failures, len(records)) == ([[0]] * 3, 2, 1)


def test_an_unknown_topic_cannot_be_subscribed_to(place: Place) -> None:
    """Subscribe raises ConfigError, since nothing would ever come."""
    consumer = place.open().consumer("g")
    with pytest.raises(ConfigError, match="does not exist"):
        consumer.subscribe(place.topic + "-absent", lambda _: {}, lambda _: None)
    consumer.close()


def test_an_unsubscribed_consumer_says_so(place: Place) -> None:
    """Poll without subscribe raises BusError."""
    consumer = place.open().consumer("g")
    with pytest.raises(BusError, match="subscribed"):
        consumer.poll(1, 0)
    consumer.close()


# 7. reading


def test_records_come_in_order_none_twice_none_skipped(
    place: Place, members: Callable[..., Member]
) -> None:
    """300 records over three partitions, read in small polls while they are written."""
    place.topic_of(3)
    member = members()
    producer = place.open().producer()
    read = defaultdict(list)

    def take() -> bool:
        for record in member.consumer.poll(7, 0.05):
            read[record.partition].append((record.offset, record.value))
        return sum(map(len, read.values())) == 300

    for number in range(300):
        producer.send(place.topic, number % 3, key=b"k", value=b"%d" % number)
        if number % 50 == 0:
            take()
    _until(take)
    producer.close()
    for partition in range(3):
        assert read[partition] == [(i, b"%d" % (3 * i + partition)) for i in range(100)]


def test_seek_moves_back_and_forth(place: Place, members: Callable[..., Member]) -> None:
    """After seek the next record is the one at that offset."""
    place.topic_of(1)
    _append(place, [b"%d" % number for number in range(200)])
    member = members()
    member.read(200)
    for offset in (150, 3, 199, 0):
        member.consumer.seek(0, offset)
        assert member.read(1)[0].offset == offset


def test_poll_without_records_returns_after_the_timeout(
    place: Place, members: Callable[..., Member]
) -> None:
    """An empty poll waits about as long as it was told to."""
    place.topic_of(1)
    member = members()
    member.wait_for({0})
    started = time.monotonic()
    assert member.consumer.poll(10, 0.3) == []
    assert 0.25 <= time.monotonic() - started < 3


def test_a_paused_partition_is_silent_until_it_is_resumed(
    place: Place, members: Callable[..., Member]
) -> None:
    """Pause delivers nothing of the partition, resume goes on where it stood."""
    place.topic_of(2)
    member = members()
    member.wait_for({0, 1})
    member.consumer.pause([0])
    _append(place, [b"quiet"] * 3, partition=0)
    _append(place, [b"loud"] * 3, partition=1)
    assert {r.partition for r in member.read(3)} == {1}
    assert member.consumer.poll(10, 0.3) == []
    member.consumer.resume([0])
    assert [(r.partition, r.offset) for r in member.read(3)] == [(0, 0), (0, 1), (0, 2)]


def test_end_offsets_are_those_that_come_next(place: Place, members: Callable[..., Member]) -> None:
    """An empty partition ends at 0, one with five records at 5."""
    place.topic_of(2)
    member = members()
    _append(place, [b"x"] * 5, partition=1)
    assert member.consumer.end_offsets([0, 1]) == {0: 0, 1: 5}


def test_reading_jumps_over_what_retention_removed(
    place: Place, members: Callable[..., Member]
) -> None:
    """An offset that is gone leads to the earliest record kept."""
    place.topic_of(1)
    _append(place, [bytes(_SEGMENT) for _ in range(10)])
    place.forget_old(place.topic)
    member = members(start={0: 1})
    first = member.read(1)[0]
    assert first.offset >= 5
    member.consumer.seek(0, 0)
    assert member.read(1)[0].offset == first.offset


def test_an_offset_behind_the_end_is_of_another_log(
    place: Place, members: Callable[..., Member]
) -> None:
    """Poll raises ConfigError rather than wait for an offset of a log that is gone."""
    place.topic_of(1)
    _append(place, [b"x"] * 3)
    member = members(start={0: 10})
    with pytest.raises(ConfigError, match="offset 10"):
        member.read(1)
    assert members("h", start={0: 3}).consumer.poll(1, 0.5) == []
