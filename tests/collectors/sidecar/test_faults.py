"""Conservation on Apache Kafka while something fails: each event is there, or in one count.

accepted = published + spooled + each counted loss, to the single event.
"""

from __future__ import annotations

import http.client
import json
import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest

from collectors.sidecar.counters import Pump, Reader
from governance.bus.connect import open_bus
from tests.collectors.events import arrived, events_in
from tests.collectors.sidecar.processes import (
    INFER,
    Sidecar,
    ask,
    infer_body,
    model_server,
    sidecar,
    wait_for,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from governance.wire.message import Message
    from tests.testkit.kafka import KafkaBroker

CLIENTS = 2
PAUSE_SECONDS = 0.005  # of a client after an answer
MESSAGE = 500  # events that a message holds at most
MANY = 9_000  # instances of one request


@pytest.fixture(scope="module")
def model() -> Iterator[int]:
    with model_server() as port:
        yield port


class Crowd:
    """Clients that ask until they are told to stop, or cannot."""

    def __init__(self, port: int) -> None:
        self.answered = 0
        self._enough = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask, args=(port,)) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> int:
        """No more; how many requests were answered."""
        self._enough.set()
        for thread in self._threads:
            thread.join()
        return self.answered

    def _ask(self, port: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            while not self._enough.wait(PAUSE_SECONDS):
                connection.request("POST", INFER, infer_body())
                with connection.getresponse() as response:
                    response.read()
                with self._lock:
                    self.answered += 1
        except (OSError, http.client.HTTPException):
            pass  # the pump was killed
        finally:
            connection.close()


def test_a_slow_broker_delays_and_loses_nothing(
    kafka: KafkaBroker, model: int, tmp_path: Path
) -> None:
    """It hangs twice under load; every request is on the bus once, in order."""
    with sidecar(tmp_path, model, "--bus", kafka.url) as running:
        crowd = Crowd(running.port)
        try:
            for _ in range(2):
                kafka.pause()
                wait_for(_spooled(running, 50))
                kafka.resume()
                wait_for(_spooled(running, 50, below=True), 60)
        finally:
            kafka.resume()
            answered = crowd.stop()
        outcomes = running.settle(60)
        source = running.counters.source
        assert running.stop() == 0
    assert outcomes["published"] == sum(outcomes.values()) == answered
    assert _on_bus(kafka, source, answered) == answered


@pytest.mark.slow
def test_a_killed_broker_and_a_killed_reader_at_once(
    kafka: KafkaBroker, model: int, tmp_path: Path
) -> None:
    """What the reader held in memory is a counted loss, the rest is on the bus."""
    with sidecar(tmp_path, model, "--bus", kafka.url) as running:
        crowd = Crowd(running.port)
        try:
            kafka.kill()
            wait_for(_spooled(running, 100))
            running.kill_reader()
            wait_for(lambda: running.counters.outcomes()["lost_crash"] > 0)
        finally:
            kafka.restart()
            answered = crowd.stop()
        outcomes = running.settle(60)
        source = running.counters.source
        assert running.stop() == 0
    assert sum(outcomes.values()) == answered
    lost = outcomes["lost_crash"] + outcomes["dropped_full"]  # while no reader was there
    assert outcomes["published"] + lost == answered
    assert outcomes["lost_crash"] >= 100
    # A message that was acknowledged in the instant of the kill is counted lost and yet there.
    found = _on_bus(kafka, source, outcomes["published"])
    assert 0 <= found - outcomes["published"] <= MESSAGE


def test_a_pump_killed_under_load_loses_only_what_was_in_it(
    kafka: KafkaBroker, model: int, tmp_path: Path
) -> None:
    """Its next start counts what was under way or not handed over: the sum is what had begun."""
    with sidecar(tmp_path, model, "--bus", kafka.url) as running:
        crowd = Crowd(running.port)
        wait_for(lambda: running.counters.reader(Reader.CAPTURED_EVENTS) > 200)
        running.kill()
        answered = crowd.stop()
        running.start()
        ask(running.port, 20)
        outcomes = running.settle(60)
        begun, unfinished = (running.counters.pump[c] for c in (Pump.BEGUN, Pump.LOST_IN_PUMP))
        source = running.counters.source
        assert running.stop() == 0
    assert sum(outcomes.values()) == begun
    assert 0 <= begun - 20 - answered <= CLIENTS  # answers that did not reach their client
    assert unfinished <= CLIENTS
    assert outcomes["published"] + outcomes["lost_crash"] == begun
    found = _on_bus(kafka, source, outcomes["published"])
    assert 0 <= found - outcomes["published"] <= MESSAGE


@pytest.mark.slow
def test_a_full_spool_drops_the_newest_and_counts_them(
    kafka: KafkaBroker, model: int, tmp_path: Path
) -> None:
    """260 MiB fill while Kafka is away; then all that was taken arrives, and none of the rest."""
    body = json.dumps({"instances": [{f"f{n}": n for n in range(8)}] * MANY}).encode()
    sent = 0
    with sidecar(tmp_path, model, "--bus", kafka.url) as running:
        kafka.kill()
        try:
            while not running.counters.reader(Reader.SPOOL_FULL):
                ask(running.port, 1, path="/v1/models/loans:predict", body=body)
                sent += MANY
                wait_for(partial(_accounted, running, sent), 60)
            waiting = running.counters.reader(Reader.SPOOLED)
        finally:
            kafka.restart()
        outcomes = running.settle(600)
        source = running.counters.source
        assert running.stop() == 0
    assert outcomes["published"] == waiting
    assert outcomes["published"] + outcomes["dropped_full"] == sum(outcomes.values()) == sent
    assert _on_bus(kafka, source, waiting) == waiting


def _accounted(running: Sidecar, events: int) -> bool:
    return sum(running.counters.outcomes().values()) == events


def _spooled(running: Sidecar, events: int, *, below: bool = False) -> Callable[[], bool]:
    """Whether so many events wait for the bus, or fewer than that."""
    return lambda: (running.counters.reader(Reader.SPOOLED) >= events) is not below


def _on_bus(kafka: KafkaBroker, source: str, events: int) -> int:
    """Events of a source on the bus, each message once: so many are waited for."""
    bus = open_bus(kafka.url)
    try:
        messages = arrived(bus, lambda seen: _count(seen, source) >= events)
        return _count(messages, source)
    finally:
        bus.close()


def _count(messages: list[Message], source: str) -> int:
    once = {m.stamp.sequence: m for m in messages if m.stamp.source == source}
    return sum(batch.n for batch in events_in(list(once.values())))
