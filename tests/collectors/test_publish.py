from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from collectors.ledger import MemoryLedger
from collectors.pending import Limits
from collectors.publish import Publisher
from collectors.sidecar.spool import Spool
from governance.bus.connect import open_bus
from governance.component.key import ComponentKey
from governance.errors import BusError, ConfigError, Full
from governance.event import BatchSum, EventBatch, MessageType, sum_name
from tests.collectors.events import arrived, batch, events_in, ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from governance.bus.ports import Bus, Delivery, Producer
    from governance.wire.message import Message

LOANS, CHAT = ComponentKey("bank", "loans"), ComponentKey("bank", "chat")
QUICK = Limits(linger_seconds=0.02, heartbeat_seconds=0.05)


class Weather:
    """An embedded bus that can be away: the one thing that a file cannot be made to do."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.away = threading.Event()
        self.refused = 0

    def ensure_topic(self, topic: str, partitions: int) -> int:
        self._look()
        return self._bus.ensure_topic(topic, partitions)

    def producer(self) -> Producer:
        self._look()
        self._producer = self._bus.producer()
        return self  # type: ignore[return-value]

    def send(self, *place: Any, **record: Any) -> Delivery:
        self._look()
        return self._producer.send(*place, **record)

    def close(self, timeout_seconds: float = 1.0) -> None:
        self._producer.close(timeout_seconds)

    def _look(self) -> None:
        if self.away.is_set():
            self.refused += 1
            raise BusError("the bus is away")


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Bus]:
    opened = open_bus(f"file:{tmp_path / 'bus'}")
    opened.ensure_topic("evenhand.events", 4)
    yield opened
    opened.close()


def wait_for(truth: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not truth():
        assert time.monotonic() < deadline, "waited for 10 s"
        time.sleep(0.005)


def received(messages: list[Message]) -> list[int]:
    return [number for found in events_in(messages) for number in ids(found)]


def test_events_arrive_in_order_and_numbered_without_gaps(bus: Bus) -> None:
    """Per component: sequence from 0, the last message is bye, counts add up."""
    publisher = Publisher(bus, "pod/1", limits=QUICK)
    for number in range(50):
        publisher.publish(LOANS, batch(number))
        publisher.publish(CHAT, batch(1_000 + number))
    assert publisher.close(10)
    messages = arrived(bus)
    for component, first in ((LOANS, 0), (CHAT, 1_000)):
        own = [m for m in messages if m.stamp.component == component]
        assert received(own) == list(range(first, first + 50))
        assert [m.stamp.sequence for m in own] == list(range(len(own)))
        assert {m.stamp.source for m in own} == {"pod/1"}
        assert own[-1].stamp.type is MessageType.BYE
        assert own[-1].stamp.counts == {"accepted": 50, "spooled": 0}


def test_low_traffic_is_sent_within_the_linger_time(bus: Bus) -> None:
    """One event does not wait for company."""
    publisher = Publisher(bus, "pod/1", limits=QUICK)
    publisher.publish(LOANS, batch(7))
    assert received(arrived(bus, enough=lambda found: bool(events_in(found)))) == [7]
    publisher.close(10)


def test_a_full_message_does_not_wait(bus: Bus) -> None:
    """500 events go at once, however long the linger time is."""
    publisher = Publisher(bus, "pod/1", limits=Limits(linger_seconds=3_600))
    publisher.publish(LOANS, batch(0, 1_234))
    sizes = [found.n for found in events_in(arrived(bus, enough=lambda m: len(m) == 2))]
    assert sizes == [500, 500]
    publisher.close(10)


def test_an_idle_source_beats(bus: Bus) -> None:
    """Heartbeats are numbered and carry the watermark as it moves."""
    publisher = Publisher(bus, "pod/1", limits=QUICK)
    publisher.advance(70)
    publisher.announce(LOANS)
    first = arrived(bus, enough=lambda m: len(m) >= 1)
    publisher.advance(90)
    publisher.advance(80)
    beats = arrived(bus, enough=lambda m: m[-1].stamp.watermark_us == 90 if m else False)
    assert {m.stamp.type for m in beats} == {MessageType.HEARTBEAT}
    assert first[0].stamp.watermark_us == 70
    assert [m.stamp.sequence for m in beats] == list(range(len(beats)))
    publisher.close(10)


def test_the_watermark_never_overtakes_an_event_that_was_not_sent(bus: Bus) -> None:
    """Every event that comes later happened at or after the watermark."""
    publisher = Publisher(bus, "pod/1", limits=Limits(events=5, linger_seconds=3_600))
    for number in range(40):
        version = "slow" if number % 4 == 0 else "fast"
        publisher.publish(LOANS, batch(number, version=version, time_us=number * 10))
        publisher.advance(number * 10 + 1)
    assert publisher.close(10)
    mark = 0
    for message in arrived(bus):
        for found in events_in([message]):
            assert int(found.columns["time"].values.min()) >= mark
        mark = message.stamp.watermark_us or 0
    assert mark == 391


def test_an_outage_loses_and_reorders_nothing(bus: Bus) -> None:
    """What was published while the bus was away arrives when it is back, in order."""
    weather = Weather(bus)
    weather.away.set()
    publisher = Publisher(weather, "pod/1", limits=QUICK)  # type: ignore[arg-type]
    with pytest.raises(BusError):
        publisher.connect()
    for number in range(30):
        publisher.publish(LOANS, batch(number))
    wait_for(lambda: weather.refused > 3)
    weather.away.clear()
    assert publisher.close(10)
    messages = arrived(bus)
    assert received(messages) == list(range(30))
    assert [m.stamp.sequence for m in messages] == list(range(len(messages)))


def test_what_could_not_be_sent_is_left_for_the_next_process(bus: Bus, tmp_path: Path) -> None:
    """No bye; the successor sends it under the old source and numbers."""
    weather, ledger = Weather(bus), MemoryLedger()
    weather.away.set()
    first = Publisher(
        weather,  # type: ignore[arg-type]
        "pod/1",
        ledger=ledger,
        spool=Spool(tmp_path / "spool"),
        limits=QUICK,
    )
    first.publish(LOANS, batch(0, 3))
    assert not first.close(0.1)
    assert ledger.counts(LOANS) == {"accepted": 3, "spooled": 3}
    second = Publisher(bus, "pod/2", spool=Spool(tmp_path / "spool"), limits=QUICK)
    second.publish(LOANS, batch(3, 2))
    assert second.close(10)
    messages = arrived(bus)
    assert received(messages) == [0, 1, 2, 3, 4]
    stamps = [(m.stamp.source, m.stamp.sequence) for m in messages]
    assert stamps == [("pod/1", 0), ("pod/2", 0), ("pod/2", 1)]


def test_over_the_bound_nothing_more_is_taken(bus: Bus) -> None:
    """Full is raised, what was refused is not counted, and what was taken arrives."""
    weather, ledger = Weather(bus), MemoryLedger()
    weather.away.set()
    spool = Spool(None, memory_bytes=5_000)
    publisher = Publisher(weather, "pod/1", ledger=ledger, spool=spool, limits=QUICK)  # type: ignore[arg-type]
    taken = 0

    def publish_on() -> None:
        nonlocal taken
        for number in range(1_000):
            publisher.publish(LOANS, batch(number))
            taken += 1

    with pytest.raises(Full):
        publish_on()
    weather.away.clear()
    assert publisher.close(10)
    assert received(arrived(bus)) == list(range(taken))
    assert ledger.totals[LOANS] == {"accepted": taken, "published": taken}


def test_a_message_that_the_bus_will_never_take_is_counted(bus: Bus) -> None:
    """It is refused once and does not hold up what follows."""
    ledger = MemoryLedger()
    publisher = Publisher(bus, "pod/1", ledger=ledger, limits=Limits(linger_seconds=0.02))
    publisher.publish(LOANS, batch(0, jobs=("x" * 1_000_000,)))
    publisher.publish(LOANS, batch(1))
    assert publisher.close(10)
    messages = arrived(bus)
    assert received(messages) == [1]
    assert messages[-1].stamp.counts == {"accepted": 2, "spooled": 0, "refused": 1}


def test_a_topic_that_cannot_be_used_is_said_at_the_start(bus: Bus) -> None:
    """Reaching the bus raises what the operator has to change."""

    class Wrong(Weather):
        def ensure_topic(self, topic: str, partitions: int) -> int:
            raise ConfigError(f"{topic} has no log append time ({partitions})")

    publisher = Publisher(Wrong(bus), "pod/1")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="log append time"):
        publisher.connect()
    publisher.close(0.1)


def test_batches_from_several_threads_are_all_there(bus: Bus) -> None:
    """The door publishes from a pool."""
    publisher = Publisher(bus, "pod/1", limits=QUICK)

    def work(first: int) -> None:
        for number in range(first, first + 100):
            publisher.publish(LOANS, batch(number))

    threads = [threading.Thread(target=work, args=(first,)) for first in range(0, 400, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert publisher.close(10)
    assert sorted(received(arrived(bus))) == list(range(400))


def sums_of(n: int) -> EventBatch:
    name = sum_name("text", "0123456789abcdef")
    return EventBatch("1", 0, {}, {name: BatchSum(np.ones(4, dtype=np.int64), n)})


def test_sums_go_behind_the_events_of_their_window(bus: Bus) -> None:
    """Their watermark is the window's end: what tells the other side where they belong."""
    publisher = Publisher(bus, "pod/1", limits=Limits(linger_seconds=3_600))
    publisher.advance(900)
    publisher.publish(LOANS, batch(0, 3, time_us=950))
    assert publisher.send_sums(LOANS, [sums_of(20), sums_of(30)], 1_000) == 0
    publisher.advance(1_500)
    publisher.publish(LOANS, batch(3, 1, time_us=1_500))
    assert publisher.close(10)
    said = [(m.stamp.type, m.stamp.watermark_us, events_in([m])) for m in arrived(bus)]
    kinds = [(mark, batches[0].n) for kind, mark, batches in said if kind is MessageType.EVENTS]
    assert [n for _, n in kinds] == [3, 0, 0, 1]
    assert [mark for mark, _ in kinds[1:3]] == [1_000, 1_000]
    assert kinds[0][0] is not None
    assert kinds[0][0] <= 1_000


def test_sums_of_counted_windows_go_ahead_of_their_events(bus: Bus) -> None:
    """So that events cannot close the window before the sum of them is in it."""
    publisher = Publisher(bus, "pod/1", limits=Limits(linger_seconds=3_600))
    publisher.publish(LOANS, batch(0, 25))
    publisher.send_sums(LOANS, [sums_of(25)], None)
    assert publisher.close(10)
    found = events_in(arrived(bus))
    assert [(one.n, [total.n for total in one.sums.values()]) for one in found] == [
        (0, [25]),
        (25, []),
    ]


def test_sums_without_room_are_told(bus: Bus, tmp_path: Path) -> None:
    """They are no events, so no outcome counts them: the caller does."""
    weather = Weather(bus)
    weather.away.set()
    spool = Spool(tmp_path / "spool", memory_bytes=100, disk_bytes=100)
    publisher = Publisher(weather, "pod/1", spool=spool)  # type: ignore[arg-type]
    assert publisher.send_sums(LOANS, [sums_of(20), sums_of(20), sums_of(20)], 10) > 0
    publisher.close(0.1)
