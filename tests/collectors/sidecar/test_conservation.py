"""Every request that goes by is an event on the bus or in a count, whatever dies."""

from __future__ import annotations

import http.client
import os
import signal
import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest

from collectors.sidecar.counters import Pump, Reader
from governance.bus.connect import open_bus
from governance.event import MessageType
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


@pytest.fixture(scope="module")
def model() -> Iterator[int]:
    with model_server() as port:
        yield port


def while_asking(port: int, times: int, meanwhile: Callable[[], None]) -> None:
    """Four clients ask so many times each; ``meanwhile`` runs beside them."""
    clients = [threading.Thread(target=ask, args=(port, times)) for _ in range(4)]
    for client in clients:
        client.start()
    meanwhile()
    for client in clients:
        client.join()


def captured(running: Sidecar) -> int:
    return running.counters.reader(Reader.CAPTURED_EVENTS)


def more_captured(running: Sidecar, than: int) -> bool:
    return captured(running) > than


def on_bus(running: Sidecar) -> list[Message]:
    bus = open_bus(running.bus_url)
    try:
        return arrived(bus)
    finally:
        bus.close()


def events_on(messages: list[Message]) -> int:
    return sum(batch.n for batch in events_in(messages))


def test_everything_that_was_asked_is_on_the_bus(model: int, tmp_path: Path) -> None:
    """Instances are events, so is what no one can read, probes are none, bye has the sums."""
    with sidecar(tmp_path, model) as running:
        ask(running.port, 40, rows=3)
        ask(running.port, 5, path="/v1/unknown")
        ask(running.port, 2, body=b"no json")
        outcomes = running.settle()
        assert outcomes["published"] == 122
        assert outcomes["dropped_invalid"] == 0
        assert sum(outcomes.values()) == 122
        assert running.stop() == 0
    messages = on_bus(running)
    assert events_on(messages) == 122
    undecodable = [b.columns["undecodable"].values.sum() for b in events_in(messages)]
    assert sum(undecodable) == 2
    assert [m.stamp.sequence for m in messages] == list(range(len(messages)))
    last = messages[-1].stamp
    assert last.type is MessageType.BYE
    assert (last.counts["accepted"], last.counts["dropped_invalid"]) == (122, 0)


def test_the_watermark_waits_for_requests_under_way(model: int, tmp_path: Path) -> None:
    """While half a request is there, heartbeats claim nothing later than its first byte."""
    with sidecar(tmp_path, model) as running:
        slow = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
        slow.putrequest("POST", INFER)
        slow.putheader("Content-Length", str(len(infer_body())))
        slow.endheaders(infer_body()[:5])
        ask(running.port, 10)
        wait_for(lambda: running.counters.reader(Reader.PUBLISHED) == 10)
        slow.send(infer_body()[5:])
        slow.getresponse().read()
        slow.close()
        running.settle()
        running.stop()
    mark, claims = 0, 0
    for message in on_bus(running):
        for batch in events_in([message]):
            assert int(batch.columns["time"].values.min()) >= mark
        mark = message.stamp.watermark_us or 0
        claims += mark > 0
    assert claims > 0


def test_a_killed_reader_takes_events_along_but_not_their_number(
    model: int, tmp_path: Path
) -> None:
    """Kill -9 twice under load: accepted = on the bus + each counted loss, to the event."""
    with sidecar(tmp_path, model) as running:

        def kill_twice() -> None:
            for _ in range(2):
                wait_for(partial(more_captured, running, captured(running)))
                running.kill_reader()

        while_asking(running.port, 400, kill_twice)
        outcomes = running.settle()
        assert running.stop() == 0
    assert (tmp_path / "stderr").read_text().count("the reader ended with code -9") == 2
    assert sum(outcomes.values()) == 1_600
    assert outcomes["lost_crash"] > 0
    messages = on_bus(running)
    # A message that was acknowledged in the instant of a kill is counted lost and yet there.
    assert 0 <= events_on(messages) - outcomes["published"] <= 2 * 500
    assert len({m.stamp.source for m in messages}) == 1
    sequences = [m.stamp.sequence for m in messages]
    assert sequences == sorted(set(sequences))


def test_sigterm_between_two_readers_loses_nothing_that_waits(model: int, tmp_path: Path) -> None:
    """One more reader is started for what the pump holds, and it says bye."""
    with sidecar(tmp_path, model) as running:
        pid = running.reader_pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        ask(running.port, 20)
        assert running.stop() == 0
    messages = on_bus(running)
    counts = messages[-1].stamp.counts
    assert messages[-1].stamp.type is MessageType.BYE
    assert counts["accepted"] == 20
    assert events_on(messages) + counts["lost_crash"] == 20


def test_a_killed_pump_leaves_its_counts_to_the_next(model: int, tmp_path: Path) -> None:
    """The source lives on, and requests that were under way are counted."""
    with sidecar(tmp_path, model) as running:
        ask(running.port, 20)
        running.settle()
        source = running.counters.source
        stuck = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
        stuck.putrequest("POST", INFER)
        stuck.putheader("Content-Length", "1000")
        stuck.endheaders(b"{")
        wait_for(lambda: running.counters.pump[Pump.BEGUN] == 21)
        running.kill()
        stuck.close()
        running.start()
        ask(running.port, 20)
        outcomes = running.settle()
        assert running.counters.source == source
        assert (outcomes["published"], outcomes["lost_crash"]) == (40, 1)
        running.stop()
    messages = on_bus(running)
    assert [m.stamp.type for m in messages].count(MessageType.BYE) == 1
    assert [m.stamp.sequence for m in messages] == list(range(len(messages)))


def test_after_bye_the_next_start_is_a_new_source(model: int, tmp_path: Path) -> None:
    """Its numbers and counts start at nothing."""
    with sidecar(tmp_path, model) as running:
        source = running.counters.source
        ask(running.port, 3)
        running.stop()
        running.start()
        assert running.counters.source != source
        assert sum(running.counters.outcomes().values()) == 0


def test_without_room_each_request_is_dropped_once(model: int, tmp_path: Path) -> None:
    """With the reader stopped, 4 MiB fill up; what came after is counted, one by one."""
    with sidecar(tmp_path, model) as running:
        pid = running.reader_pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        assert ask(running.port, 60, body=infer_body(padding=200_000)) == 60
        wait_for(lambda: running.counters.pump[Pump.OBSERVED] == 60)
        dropped = running.counters.pump[Pump.DROPPED_FULL]
        os.kill(pid, signal.SIGCONT)
        outcomes = running.settle()
        assert 30 < dropped < 45
        assert (outcomes["dropped_full"], outcomes["published"]) == (dropped, 60 - dropped)


def test_a_body_beyond_the_limit_is_a_truncated_event(model: int, tmp_path: Path) -> None:
    """10 MB go through; the event says that it was not looked at."""
    with sidecar(tmp_path, model) as running:
        assert ask(running.port, 2, body=infer_body(padding=10_000_000)) == 2
        assert running.settle()["published"] == 2
        running.stop()
    (batch,) = events_in(on_bus(running))
    assert batch.columns["truncated"].values.tolist() == [1, 1]
    assert (batch.columns["request_bytes"].values > 10_000_000).all()
