from __future__ import annotations

import shutil
from collections import deque
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collectors.sidecar import spool as spool_module
from collectors.sidecar.spool import Parcel, Spool
from governance.errors import Full

if TYPE_CHECKING:
    from pathlib import Path


def parcel(number: int, size: int = 100) -> Parcel:
    return Parcel("io.evenhand.events.v1", "bank/loans", "pod/1", number, None, 2, b"x" * size)


def drained(spool: Spool) -> list[int]:
    numbers = []
    while (head := spool.head()) is not None:
        numbers.append(head.sequence)
        spool.pop()
    return numbers


_DRAINED = ["append", "restart", "pop", "restart", *["append"] * 4, *["pop"] * 3, "restart"]


@example(steps=_DRAINED)  # a folder that was empty when a process began
@given(steps=st.lists(st.sampled_from(["append", "pop", "restart"]), max_size=80))
def test_first_in_first_out_through_memory_disk_and_restarts(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    """Against a plain queue: the same parcels in the same order, the same count of events."""
    folder = tmp_path_factory.mktemp("spool")
    spool, queue, number = Spool(folder, memory_bytes=300, disk_bytes=10**6), deque[int](), 0
    for step in steps:
        if step == "append":
            spool.append(parcel(number))
            queue.append(number)
            number += 1
        elif step == "pop":
            head = spool.head()
            assert (None if head is None else head.sequence) == (queue[0] if queue else None)
            spool.pop()
            if queue:
                queue.popleft()
        else:
            spool.close()
            spool = Spool(folder, memory_bytes=300, disk_bytes=10**6)
        assert spool.events == 2 * len(queue)
    assert drained(spool) == list(queue)
    spool.close()


def test_what_is_on_disk_survives_kill(tmp_path: Path) -> None:
    """Without a word of goodbye, memory is gone and the files are there."""
    first = Spool(tmp_path, memory_bytes=250, disk_bytes=10**6)
    for number in range(6):
        first.append(parcel(number))
    second = Spool(tmp_path)
    assert second.events == 8
    assert drained(second) == [2, 3, 4, 5]


def test_a_record_cut_off_by_kill_ends_its_file(tmp_path: Path) -> None:
    """What is before it stays readable, and what a successor appends comes after."""
    first = Spool(tmp_path, memory_bytes=0, disk_bytes=10**6)
    for number in range(3):
        first.append(parcel(number))
    (segment,) = tmp_path.glob("*.segment")
    segment.write_bytes(segment.read_bytes()[:-1])
    second = Spool(tmp_path, memory_bytes=0, disk_bytes=10**6)
    second.append(parcel(9))
    assert second.events == 6
    assert drained(second) == [0, 1, 9]


def test_a_parcel_that_was_sent_is_not_sent_again_after_kill(tmp_path: Path) -> None:
    """The cursor moves before anything is counted."""
    first = Spool(tmp_path, memory_bytes=0, disk_bytes=10**6)
    for number in range(3):
        first.append(parcel(number))
    first.head()
    first.pop()
    assert drained(Spool(tmp_path)) == [1, 2]


def test_files_that_are_used_up_are_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is empty again once the spool is."""
    monkeypatch.setattr(spool_module, "SEGMENT_BYTES", 500)
    spool = Spool(tmp_path, memory_bytes=0, disk_bytes=10**6)
    for number in range(20):
        spool.append(parcel(number))
    assert len(list(tmp_path.glob("*.segment"))) > 4
    assert drained(spool) == list(range(20))
    assert list(tmp_path.glob("*.segment")) == []


def test_beyond_the_bound_there_is_no_room(tmp_path: Path) -> None:
    """Memory, then disk, then no more; what is sent makes room again."""
    spool = Spool(tmp_path, memory_bytes=250, disk_bytes=500)
    taken = 0
    while spool.has_room(100):
        spool.append(parcel(taken))
        taken += 1
    assert taken > 2
    assert drained(spool) == list(range(taken))
    assert spool.has_room(100)


def test_without_a_folder_there_is_memory_only() -> None:
    """The bound is that of memory."""
    spool = Spool(None, memory_bytes=250)
    spool.append(parcel(0))
    spool.append(parcel(1))
    assert not spool.has_room(100)
    assert drained(spool) == [0, 1]


def test_a_disk_that_takes_nothing_more_is_full(tmp_path: Path) -> None:
    """What waits is as it was."""
    spool = Spool(tmp_path / "spool", memory_bytes=0)
    spool.append(parcel(0))
    shutil.rmtree(tmp_path / "spool")
    (tmp_path / "spool").write_text("no folder any more")
    with pytest.raises(Full, match="disk"):
        spool.append(parcel(1, size=9_000_000))
    assert spool.events == 2
