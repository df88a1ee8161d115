"""Several processes on one log: killed while they write, writing at once, dying as members."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

from governance.bus.connect import open_bus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from governance.bus.ports import Record

# appends numbers to partition 0 as fast as it can, and prints each that is done
WRITER = """
import sys
from governance.bus.connect import open_bus
url, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
producer = open_bus(url).producer()
def done(delivery, number):
    print(number, delivery.result(0), flush=True)
for number in range(count):
    delivery = producer.send("t", 0, key=name.encode(), value=b"%d" % number + bytes(number % 3000))
    delivery.add_callback(lambda d, n=number: done(d, n))
producer.close(60)
"""

MEMBER = """
import sys
from governance.bus.connect import open_bus
consumer = open_bus(sys.argv[1]).consumer("g")
def assigned(partitions):
    print("owns", *partitions, flush=True)
    return dict.fromkeys(partitions, 0)
consumer.subscribe("t", assigned, lambda _: None)
while True:
    consumer.poll(10, 0.05)
"""


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def run(code: str, *arguments: str) -> subprocess.Popen[str]:
        argv = [sys.executable, "-c", code, *arguments]
        started.append(subprocess.Popen(argv, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield run
    for child in started:
        child.kill()
        child.communicate()


def read_all(url: str) -> list[Record]:
    """Everything in partition 0."""
    consumer = open_bus(url).consumer("reader")
    consumer.subscribe("t", lambda ps: dict.fromkeys(ps, 0), lambda _: None)
    records: list[Record] = []
    while batch := consumer.poll(1_000, 0.3):
        records += batch
    consumer.close()
    return records


def test_killed_writers_lose_nothing_that_was_done(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    """Five writers, each killed with -9 in the middle: what was done is there, once, in order."""
    url = f"file:{tmp_path}"
    open_bus(url).ensure_topic("t", 1)
    done: dict[bytes, dict[int, int]] = {}
    for turn in range(5):
        child = start(WRITER, url, str(turn), "1000000")
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(50 + 300 * turn)]
        child.kill()
        lines += child.stdout.readlines()
        whole = [line.split() for line in lines if line.endswith("\n")]
        done[b"%d" % turn] = {int(number): int(offset) for number, offset in whole}
    records = read_all(url)
    assert [record.offset for record in records] == list(range(len(records)))
    found: dict[bytes, dict[int, int]] = defaultdict(dict)
    for record in records:
        found[record.key][int(record.value.rstrip(b"\0"))] = record.offset
    for name, expected in done.items():
        assert len(expected) >= 50
        assert expected.items() <= found[name].items()
        assert list(found[name]) == list(range(len(found[name])))


def test_writers_at_once_do_not_mix(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    """Three processes append 2,000 records each: all are there, each one's in its order."""
    url = f"file:{tmp_path}"
    open_bus(url).ensure_topic("t", 1)
    children = [start(WRITER, url, str(n), "2000") for n in range(3)]
    for child in children:
        child.communicate(timeout=60)
        assert child.returncode == 0
    records = read_all(url)
    assert [record.offset for record in records] == list(range(6_000))
    for name in (b"0", b"1", b"2"):
        numbers = [int(r.value.rstrip(b"\0")) for r in records if r.key == name]
        assert numbers == list(range(2_000))


def test_a_killed_members_partitions_go_to_the_others(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    """After kill -9 of one member the one that is left owns every partition."""
    url = f"file:{tmp_path}"
    open_bus(url).ensure_topic("t", 4)
    child = start(MEMBER, url)
    assert child.stdout is not None
    assert child.stdout.readline() == "owns 0 1 2 3\n"
    owned: set[int] = set()

    def assigned(partitions: Sequence[int]) -> dict[int, int]:
        owned.update(partitions)
        return dict.fromkeys(partitions, 0)

    consumer = open_bus(url).consumer("g")
    consumer.subscribe("t", assigned, owned.difference_update)
    deadline = time.monotonic() + 20
    while len(owned) < 2 and time.monotonic() < deadline:
        consumer.poll(1, 0.05)
    assert len(owned) == 2
    child.kill()
    while len(owned) < 4 and time.monotonic() < deadline:
        consumer.poll(1, 0.05)
    assert owned == {0, 1, 2, 3}
    consumer.close()
