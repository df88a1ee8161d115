from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from collectors.sidecar.counters import Counters, Pump, Reader

if TYPE_CHECKING:
    from pathlib import Path


def test_counts_outlive_the_process_that_counted(tmp_path: Path) -> None:
    """Another mapping of the file sees source, cells and reasons at once."""
    first = Counters.create(tmp_path / "counters", "pod/17")
    first.pump[Pump.OBSERVED] += 3
    first.add((Reader.CAPTURED_EVENTS, 5), (Reader.CAPTURED_REQUESTS, 1))
    first.add_reason("not_json")
    second = Counters.open(tmp_path / "counters")
    assert (second.source, second.pump[Pump.OBSERVED]) == ("pod/17", 3)
    assert second.reader(Reader.CAPTURED_EVENTS) == 5
    assert second.reasons() == {"not_json": 1}


def test_a_new_reader_counts_what_its_predecessor_took_along(tmp_path: Path) -> None:
    """Handed over and undecided, captured and neither settled nor on disk: lost."""
    counters = Counters.create(tmp_path / "counters", "pod/17")
    counters.pump[Pump.HANDED_BEFORE] = 10
    counters.add((Reader.IGNORED, 1), (Reader.INVALID, 1), (Reader.CAPTURED_REQUESTS, 5))
    counters.add((Reader.CAPTURED_EVENTS, 50), (Reader.PUBLISHED, 20), (Reader.SPOOLED, 30))
    successor = Counters.open(tmp_path / "counters")
    successor.take_stock(spooled_on_disk=12)
    assert successor.reader(Reader.LOST_REQUESTS) == 3
    assert successor.reader(Reader.LOST_EVENTS) == 18
    assert successor.reader(Reader.SPOOLED) == 12
    assert sum(successor.outcomes().values()) == 1 + 50 + 3


def test_taking_stock_twice_counts_once(tmp_path: Path) -> None:
    """A reader that dies while starting adds nothing to the loss."""
    counters = Counters.create(tmp_path / "counters", "pod/17")
    counters.pump[Pump.HANDED_BEFORE] = 10
    counters.take_stock(0)
    counters.take_stock(0)
    assert counters.reader(Reader.LOST_REQUESTS) == 10


def test_reasons_beyond_the_table_are_counted_together(tmp_path: Path) -> None:
    """However many codes there are, their counts add up."""
    counters = Counters.create(tmp_path / "counters", "pod/17")
    for number in range(200):
        counters.add_reason(f"reason_{number}")
    assert counters.add_reason("reason_0") == 2
    reasons = counters.reasons()
    assert sum(reasons.values()) == 201
    assert reasons["other"] > 100


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    """The message says what to do."""
    (tmp_path / "counters").write_bytes(b"something else" * 400)
    with pytest.raises(ValueError, match="delete it"):
        Counters.open(tmp_path / "counters")
