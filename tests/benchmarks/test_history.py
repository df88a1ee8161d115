"""What following series costs, as sizes and as a ratio within one run."""

from __future__ import annotations

from benchmarks.history import COMPONENTS, measure
from benchmarks.judging import measure as judging


def test_a_checkpoint_of_a_thousand_components_is_small() -> None:
    """1,000 components of eight series that closed a window write less than 10 MB of history."""
    assert COMPONENTS * measure().row <= 10_000_000
    assert measure().largest <= 25_000  # a chunk that is full, and the next


def test_memory_of_a_full_history() -> None:
    """1,600 panes of eight series take at most 650 kB, all that Python adds included."""
    assert measure().memory <= 650_000


def test_following_is_cheap_beside_counting() -> None:
    """Eight series of a pane cost less than a sixth of a bare histogram pass over its rows."""
    assert measure().follow <= judging().bare / 6
