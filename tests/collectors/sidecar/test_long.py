"""What only time shows: ten minutes without Kafka, and memory over a million requests.

    python -m pytest -m slow tests/collectors/sidecar/test_long.py

The load is that of the benchmarks: 0.9 kB in, 1 kB out, one event a request.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from collectors.sidecar.counters import Pump, Reader
from collectors.sidecar.spool import DISK_BYTES, MEMORY_BYTES
from tests.collectors.sidecar.processes import Sidecar, resident, sidecar, wait_for
from tests.testkit.ports import accepts, free_port
from tests.testkit.processes import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.testkit.kafka import KafkaBroker

    Say = Callable[[str], None]

pytestmark = pytest.mark.slow

OUTAGE_MINUTES, OUTAGE_RATE = 10, 200  # requests a second
MEMORY_MINUTES = 3  # until the spool's part in memory is full, and files take the rest
MILLION, LAPS, PACE = 1_000_000, 10, 2_500  # requests a second
PUMP_MB, PAIR_MB = 30.0, 90.0
HELD_MB = 4.0  # more in each, where the reader has no turn: copies that wait for it
FLAT_MB = 3.0  # that memory may move about, from the second lap on


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Print a line now, whatever is captured."""

    def line(text: str) -> None:
        with capsys.disabled():
            print(text, flush=True)  # noqa: T201 - make test-slow prints the tables

    return line


@contextmanager
def model(folder: Path) -> Iterator[int]:
    """The benchmarks' server."""
    port = free_port()
    argv = [sys.executable, "-m", "benchmarks.load", "--serve", f"--port={port}"]
    process = ServerProcess(argv, folder / "model.log")
    process.start(lambda: accepts(port))
    yield port
    process.stop()


def ask(running: Sidecar, *, rate: int, seconds: float) -> int:
    """Requests at a rate; how many were answered, less those with which it begins and ends."""
    flags = [f"--port={running.port}", "--connections=32", f"--rate={rate}", f"--seconds={seconds}"]
    argv = [sys.executable, "-m", "benchmarks.load", *flags]
    done = subprocess.run(argv, check=True, capture_output=True)
    return int(json.loads(done.stdout)["requests"])


def megabytes(running: Sidecar) -> tuple[float, float]:
    """Resident memory of the pump, and of pump and reader."""
    reader = running.reader_pid
    assert reader is not None
    pump_kb = resident(running.process.pid)
    return pump_kb / 1024, (pump_kb + resident(reader)) / 1024


def test_ten_minutes_without_kafka_lose_nothing(
    kafka: KafkaBroker, tmp_path: Path, say: Say
) -> None:
    """Every request of it is on the bus afterwards, the spool is printed, and memory is flat."""
    pairs: list[float] = []
    with model(tmp_path) as port, sidecar(tmp_path, port, "--bus", kafka.url) as running:
        asked = ask(running, rate=OUTAGE_RATE, seconds=10)
        running.settle(60)
        kafka.kill()
        say(f"\n{'minutes':>7} {'spooled':>9} {'spool MB':>9} {'pump MB':>8} {'pair MB':>8}")
        try:
            for minute in range(1, OUTAGE_MINUTES + 1):
                asked += ask(running, rate=OUTAGE_RATE, seconds=60)
                pump_mb, pair_mb = megabytes(running)
                pairs.append(pair_mb)
                spooled, size = _spool(running)
                size_mb = size / 1e6
                say(f"{minute:>7} {spooled:>9,} {size_mb:>9.2f} {pump_mb:>8.1f} {pair_mb:>8.1f}")
        finally:
            kafka.restart()
        began = time.monotonic()
        outcomes = running.settle(300)
        say(f"drained in {time.monotonic() - began:.1f} s: {outcomes}")
        seen = running.counters.pump[Pump.OBSERVED]
        assert running.stop() == 0
    room = (MEMORY_BYTES + DISK_BYTES) / size * OUTAGE_MINUTES
    say(f"{size / spooled:.0f} bytes an event; the spool's bounds hold {room:,.0f} minutes")
    assert outcomes["published"] == sum(outcomes.values()) == seen >= asked
    assert room > 2 * OUTAGE_MINUTES
    assert pump_mb <= PUMP_MB
    assert max(pairs[MEMORY_MINUTES:]) - pairs[MEMORY_MINUTES - 1] <= FLAT_MB


def test_memory_is_flat_over_a_million_requests(tmp_path: Path, say: Say) -> None:
    """Pump and pair stay within their goals, and where they were after a tenth."""
    laps: list[tuple[float, float]] = []
    captured = 0.0
    with model(tmp_path) as port, sidecar(tmp_path, port) as running:
        say(f"\n{'requests':>9} {'captured':>9} {'pump MB':>8} {'pair MB':>8}")
        for _ in range(LAPS):
            wanted = MILLION * (len(laps) + 1) // LAPS
            while (done := running.counters.pump[Pump.OBSERVED]) < wanted:
                ask(running, rate=PACE, seconds=max(1.0, (wanted - done) / PACE))
            wait_for(running.settled, 120)
            laps.append(megabytes(running))
            captured = running.counters.reader(Reader.CAPTURED_REQUESTS) / done
            say(f"{done:>9,} {captured:>9.1%} {laps[-1][0]:>8.1f} {laps[-1][1]:>8.1f}")
        assert running.stop() == 0
    pumps, pairs = zip(*laps, strict=True)
    held_mb = 0.0 if captured >= 0.95 else HELD_MB
    assert max(pumps) <= PUMP_MB + held_mb
    assert max(pairs) <= PAIR_MB + 2 * held_mb
    assert max(pumps[1:]) - pumps[0] <= FLAT_MB
    assert max(pairs[1:]) - pairs[0] <= FLAT_MB


def _spool(running: Sidecar) -> tuple[int, int]:
    """Events that wait, and bytes of their messages, in the same half second."""
    wait_for(lambda: running.counters.reader(Reader.SPOOL_BYTES) > 0)
    return running.counters.reader(Reader.SPOOLED), running.counters.reader(Reader.SPOOL_BYTES)
