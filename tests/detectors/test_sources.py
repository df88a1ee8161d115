"""Sequences, watermarks, counts and clocks of sources."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detectors.sources import MOST_SOURCES, Gap, Sources
from tests.detectors.log import HOUR, MINUTE, SECOND, START, stamp


def _sources() -> Sources:
    return Sources(10 * MINUTE, 24 * HOUR)


@given(st.lists(st.integers(0, 25), max_size=60), st.integers(0, 60))
def test_a_sequence_is_new_exactly_once(sequences: list[int], written_off_after: int) -> None:
    """In any order, also where a gap was declared lost in between, also read back."""
    sources, seen = _sources(), set()
    for turn, sequence in enumerate(sequences):
        arrival = sources.register(stamp(sequence), START, ("v1", 1))
        assert arrival.duplicate is (sequence in seen)
        seen.add(sequence)
        if turn == written_off_after:
            sources.write_off(START)
            restored = _sources()
            restored.restore(sources.to_builtins())
            sources = restored


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 30), st.integers(0, 40), st.booleans()),
        max_size=12,
    ),
    st.integers(0, 60),
)
def test_due_and_frontier_say_the_same(heard: list[tuple[str, int, int, bool]], end: int) -> None:
    """A window is due exactly when the frontier has reached its end; a glance never says more."""
    sources, now = _sources(), START
    for turn, (name, after, mark, leaves) in enumerate(heard):
        now += after * MINUTE
        said = stamp(turn, START + mark * MINUTE, source=name)
        sources.register(said, now, ("v1", 1))
        sources.progress(said)
        if leaves:
            sources.bye(name)
    end_us = START + end * MINUTE
    for later in range(0, 80, 3):
        at = now + later * MINUTE
        assert (sources.due_us(end_us) <= at) is (sources.frontier_us(at) >= end_us)
        assert not (sources.not_due(end_us, at) and sources.due_us(end_us) <= at)


def test_what_a_source_counts_says_how_much_a_gap_held() -> None:
    """What it still holds back, or has counted lost itself, is not missing."""
    sources = _sources()
    counts = {"accepted": 90, "spooled": 20, "spool_full": 10, "sampled_out": 5}
    sources.register(stamp(0, counts={"accepted": 10, "spooled": 0}), START, ("v1", 10))
    sources.register(stamp(2, counts=counts), START, ("v1", 25))
    assert sources.write_off(START) == [Gap("v1", 1, 20)]
    assert sources.write_off(START) == []


def test_without_counts_a_gap_is_estimated() -> None:
    """Missing messages are taken to be as large as those that came."""
    sources = _sources()
    sources.register(stamp(0), START, ("v1", 10))
    sources.register(stamp(3), START, ("v1", 20))
    assert sources.write_off(START) == [Gap("v1", 2, 30)]


def test_a_goodbye_settles_the_account() -> None:
    """A rough count is taken back, and what trailed is found."""
    sources = _sources()
    sources.register(stamp(0, counts={"accepted": 10}), START, ("v1", 10))
    sources.register(stamp(2, counts={"accepted": 60}), START, ("v1", 10))
    assert sources.write_off(START) == [Gap("v1", 1, 40)]
    sources.register(stamp(3, counts={"accepted": 60, "spool_full": 35}), START, None)
    sources.bye("pod")
    assert sources.write_off(START) == [Gap("v1", 0, -35)]


def test_labels_alone_hold_no_window_open() -> None:
    """A door that forwards labels and never says how far it is blocks nothing."""
    sources = _sources()
    sources.register(stamp(0, source="door"), START, None)
    assert sources.due_us(START) == START + 15 * SECOND


def test_sources_are_forgotten_not_hoarded() -> None:
    """A source for every message does not fill the memory."""
    sources = _sources()
    for i in range(MOST_SOURCES + 500):
        sources.register(stamp(0, source=f"s{i}"), START + i, ("v1", 1))
    assert len(sources.to_builtins()[1]) <= MOST_SOURCES


def test_silent_sources_are_forgotten_after_a_day() -> None:
    """Pods come and go."""
    sources = _sources()
    for i in range(512):
        sources.register(stamp(0, source=f"s{i}"), START, ("v1", 1))
    sources.register(stamp(0, source="new"), START + 48 * HOUR, ("v1", 1))
    assert list(sources.to_builtins()[1]) == ["new"]


def test_a_clock_that_was_set_right_is_no_longer_shifted() -> None:
    """The least delay of the last minutes counts, not that of all time."""
    sources = _sources()
    shifts = []
    for minute in range(40):
        now = START + minute * MINUTE
        off = -HOUR if minute < 10 else 0
        arrival = sources.register(stamp(minute, sent_us=now - off), now, ("v1", 1))
        shifts.append(arrival.shift_us)
    assert shifts[:10] == [-HOUR] * 10
    assert shifts[-1] == 0
