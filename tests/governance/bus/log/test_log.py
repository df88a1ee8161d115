"""One partition's files: torn ends, damage, full disks, segments, clocks that step back."""

from __future__ import annotations

import resource
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from governance.bus.log.appender import Appender, LogLimits
from governance.bus.log.framing import Unwritten, encode
from governance.bus.log.reader import Reader
from governance.bus.log.segments import segment_bases, segment_path
from governance.clock import ManualClock
from governance.errors import BusError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY_US = 86_400 * 1_000_000
LARGE = LogLimits()
SMALL = LogLimits(segment_bytes=400, retention_us=10**18)


@contextmanager
def appender(
    folder: Path, clock: ManualClock | None = None, limits: LogLimits = LARGE
) -> Iterator[Appender]:
    opened = Appender(folder, clock or ManualClock(), limits)
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def reader(folder: Path, offset: int = 0) -> Iterator[Reader]:
    opened = Reader(folder, "t", 0)
    try:
        opened.seek(offset)
        yield opened
    finally:
        opened.close()


def put(to: Appender, *values: bytes) -> int:
    return to.append([Unwritten(b"k", value, ()) for value in values]).first


def values(folder: Path, offset: int = 0) -> list[bytes]:
    with reader(folder, offset) as opened:
        return [record.value for record in opened.read(10_000)]


def fill(folder: Path, count: int, limits: LogLimits = SMALL) -> None:
    with appender(folder, limits=limits) as to:
        for number in range(count):
            put(to, b"%03d" % number)


# torn ends


def test_a_record_torn_at_any_byte_is_cut_off_and_nothing_before_it_is_lost(
    tmp_path: Path,
) -> None:
    """For each length that a killed writer may leave: readers stop, the next writer repairs."""
    with appender(tmp_path) as to:
        put(to, b"first", b"second")
        path = segment_path(tmp_path, 0)
        whole = path.stat().st_size
        put(to, b"torn")
    content = path.read_bytes()
    for length in range(whole, len(content)):
        path.write_bytes(content[:length])
        assert values(tmp_path) == [b"first", b"second"]
        with appender(tmp_path) as to:
            assert put(to, b"next") == 2
            assert to.torn == (length > whole)
        assert values(tmp_path) == [b"first", b"second", b"next"]


def test_a_reader_that_saw_a_torn_record_reads_what_takes_its_place(tmp_path: Path) -> None:
    """The same reader goes on with the record that the next writer puts there."""
    with appender(tmp_path) as to:
        put(to, b"first")
        path = segment_path(tmp_path, 0)
        whole = path.stat().st_size
        put(to, b"torn, and as long")
    torn = path.read_bytes()[:-1]
    path.write_bytes(torn)
    with reader(tmp_path) as opened, appender(tmp_path) as to:
        assert [record.value for record in opened.read(9)] == [b"first"]
        assert opened.read(9) == []
        put(to, b"next")
        assert [(r.offset, r.value) for r in opened.read(9)] == [(1, b"next")]
        assert opened.damaged == 0
    assert whole < len(torn)


def test_zeros_at_the_end_are_cut_off(tmp_path: Path) -> None:
    """What a file system may leave after a power cut is no record."""
    fill(tmp_path, 3, LARGE)
    path = segment_path(tmp_path, 0)
    path.write_bytes(path.read_bytes() + bytes(5_000))
    with appender(tmp_path) as to:
        assert put(to, b"next") == 3
        assert to.torn == 1


# damage


def test_a_damaged_record_is_skipped_and_counted(tmp_path: Path) -> None:
    """What is before and behind it is read; its offset is missing; later appends are not hurt."""
    fill(tmp_path, 5, LARGE)
    path = segment_path(tmp_path, 0)
    content = bytearray(path.read_bytes())
    content[content.index(b"002")] ^= 1
    path.write_bytes(content)
    with appender(tmp_path) as to:
        assert put(to, b"later") == 5
        assert to.torn == 0
    with reader(tmp_path) as opened:
        assert [r.offset for r in opened.read(99)] == [0, 1, 3, 4, 5]
        assert opened.damaged == 1


@pytest.mark.parametrize("end", ["cut", "changed"])
def test_a_damaged_end_of_a_full_segment_does_not_stop_the_reader(tmp_path: Path, end: str) -> None:
    """The reader goes on in the next segment, and counts."""
    fill(tmp_path, 40)
    second = segment_bases(tmp_path)[1]
    path = segment_path(tmp_path, 0)
    content = path.read_bytes()
    path.write_bytes(content[:-1] if end == "cut" else content[:-1] + b"\xff")
    with reader(tmp_path) as opened:
        assert [r.offset for r in opened.read(99)] == [*range(second - 1), *range(second, 40)]
        assert opened.damaged == 1


def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    """BusError says which file is no segment."""
    segment_path(tmp_path, 0).write_bytes(b"something else entirely, but long enough")
    with appender(tmp_path) as to, pytest.raises(BusError, match=r"0\.log is not a log segment"):
        put(to, b"x")


# segments


def test_reading_goes_through_all_segments(tmp_path: Path) -> None:
    """From any offset on, over many files."""
    fill(tmp_path, 100)
    assert len(segment_bases(tmp_path)) == 10
    for offset in (0, 1, 37, 99, 100):
        assert values(tmp_path, offset) == [b"%03d" % n for n in range(offset, 100)]


def test_a_reader_follows_a_writer_into_new_segments(tmp_path: Path) -> None:
    """Read after each append, over many files."""
    with appender(tmp_path, limits=SMALL) as to, reader(tmp_path) as opened:
        for number in range(50):
            put(to, b"%d" % number)
            assert [r.value for r in opened.read(9)] == [b"%d" % number]


def test_two_appenders_take_turns_over_segments(tmp_path: Path) -> None:
    """Each finds what the other wrote, in old and new files."""
    with appender(tmp_path, limits=SMALL) as one, appender(tmp_path, limits=SMALL) as two:
        for number in range(60):
            assert put(one if number % 7 < 4 else two, b"%d" % number) == number
    assert values(tmp_path) == [b"%d" % number for number in range(60)]


def test_full_segments_are_kept_as_long_as_they_should_be(tmp_path: Path) -> None:
    """A segment goes when its last record is older than the retention; never the last one."""
    clock = ManualClock(DAY_US)
    limits = LogLimits(segment_bytes=400, retention_us=2 * DAY_US)
    with appender(tmp_path, clock, limits) as to:
        for _ in range(6):
            put(to, bytes(500))
            clock.advance(DAY_US)
    assert segment_bases(tmp_path) == [3, 4, 5]
    assert [len(value) for value in values(tmp_path)] == [500] * 3


def test_a_reader_of_a_removed_segment_goes_on_in_the_first_that_is_left(tmp_path: Path) -> None:
    """The next record's offset jumps."""
    with appender(tmp_path, limits=SMALL) as to, reader(tmp_path) as opened:
        put(to, bytes(500))
        assert len(opened.read(9)) == 1
        for _ in range(4):
            put(to, bytes(500))
        for base in segment_bases(tmp_path)[:3]:
            segment_path(tmp_path, base).unlink()
        assert [r.offset for r in opened.read(9)] == [3, 4]


def test_an_appender_whose_segment_was_removed_goes_on_at_the_end(tmp_path: Path) -> None:
    """A writer that slept while others wrote and removed does not write into a deleted file."""
    with appender(tmp_path, limits=SMALL) as sleeper, appender(tmp_path, limits=SMALL) as other:
        put(sleeper, bytes(500))
        for _ in range(4):
            put(other, bytes(500))
        segment_path(tmp_path, 0).unlink()
        assert put(sleeper, b"awake") == 5
    assert values(tmp_path)[-1] == b"awake"


def test_an_offset_behind_the_end_is_refused(tmp_path: Path) -> None:
    """The message says where the log ends, and what to do."""
    fill(tmp_path, 3)
    with pytest.raises(ConfigError, match=r"offset 4, but the log ends at 3.*empty database"):
        values(tmp_path, 4)


# time


def test_append_time_never_falls_when_the_clock_does(tmp_path: Path) -> None:
    """Over an hour's step back, a restart, and a new segment."""
    clock = ManualClock(10 * DAY_US)
    times = []
    for _ in range(4):
        with appender(tmp_path, clock, LogLimits(segment_bytes=1)) as to:
            put(to, b"x")
            clock.advance(-DAY_US // 24)
            put(to, b"y")
    with reader(tmp_path) as opened:
        times = [record.append_time_us for record in opened.read(99)]
    assert times == [10 * DAY_US] * 8


def test_append_time_is_the_clocks_when_it_advances(tmp_path: Path) -> None:
    """One append, one instant."""
    clock = ManualClock(5)
    with appender(tmp_path, clock) as to:
        put(to, b"a", b"b")
        clock.advance(7)
        put(to, b"c")
    with reader(tmp_path) as opened:
        assert [record.append_time_us for record in opened.read(9)] == [5, 5, 12]


# full disks


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """No file of this process may grow above ``size`` bytes: the kernel refuses, as when full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", [0, 1, 100, 250, 800])
def test_a_full_disk_takes_whole_records_or_none(tmp_path: Path, room: int) -> None:
    """Those that fit are in the log, the others are not, and later ones follow them."""
    with appender(tmp_path) as to:
        put(to, b"first")
        with files_limited_to(segment_path(tmp_path, 0).stat().st_size + room):
            appended = to.append([Unwritten(b"", bytes(50), ()) for _ in range(10)])
        assert isinstance(appended.failure, OSError)
        assert appended.count == room // len(encode(Unwritten(b"", bytes(50), ()), 0, 0, 0))
        assert put(to, b"after") == 1 + appended.count
    assert values(tmp_path) == [b"first", *[bytes(50)] * appended.count, b"after"]
