"""What stands around the sidecar when it is measured does what its table says."""

from __future__ import annotations

import http.client
import time
from typing import TYPE_CHECKING

import pytest

from benchmarks.sidecar_peers.events import _fate
from benchmarks.sidecar_peers.measure import Measured, measure
from benchmarks.sidecar_peers.sinks import LATE_MS, http_sink
from benchmarks.sidecar_peers.subjects import Subject, model
from collectors.sidecar.counters import Counters, Pump, Reader

if TYPE_CHECKING:
    from pathlib import Path


def post(port: int, times: int) -> float:
    """So many on one connection; seconds that the last one took."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    started = 0.0
    for _ in range(times):
        started = time.monotonic()
        connection.request("POST", "/", b"x" * 1_000)
        with connection.getresponse() as answer:
            assert (answer.status, answer.read()) == (202, b"")
    seconds = time.monotonic() - started
    connection.close()
    return seconds


@pytest.mark.parametrize("kind", ["fast", "slow"])
def test_a_sink_counts_what_it_takes(tmp_path: Path, kind: str) -> None:
    """Every post once; a slow one answers no sooner than it says."""
    with http_sink(tmp_path, kind) as sink:
        assert sink.taken() == 0
        seconds = post(sink.port, 3)
        assert sink.taken() == 3
    assert seconds >= (LATE_MS / 1_000 if kind == "slow" else 0.0)


def test_a_dead_sink_refuses(tmp_path: Path) -> None:
    """Nobody listens, and nothing was taken."""
    with http_sink(tmp_path, "dead") as sink:
        with pytest.raises(ConnectionRefusedError):
            post(sink.port, 1)
        assert sink.taken() == 0


def test_a_load_is_measured(tmp_path: Path) -> None:
    """Paced requests are answered at their rate; memory and processor time are the subject's."""
    with model(tmp_path) as port:
        found = measure(Subject(port, ()), ("--seconds=0.5", "--rate=100", "--connections=4"), 0.0)
    assert 0 < found.requests <= 51
    assert (found.cpu_us, found.peak_mb, found.captured) == ((), 0, None)


def test_shares_of_events_add_up(tmp_path: Path) -> None:
    """Delivered, waiting, counted as dropped; what is missing from them is uncounted."""
    counters = Counters.create(tmp_path / "counters", "source")
    counters.pump[Pump.DROPPED_FULL] = 10
    counters.add((Reader.PUBLISHED, 60), (Reader.SPOOLED, 20), (Reader.SPOOL_FULL, 5))
    fate = _fate(Measured(100, 1.0, (), 0.0, 0.0, None), 100, counters)
    assert (fate.delivered, fate.waiting, fate.dropped) == (0.6, 0.2, 0.15)
    assert fate.uncounted == 0.05
