"""The log that a file of rows stands for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.replay import CLOSING_GRACE_US, LogEntry, log_of
from collectors.rows.events import TimedRows
from collectors.rows.labels import RecordedLabels
from governance.component.schema import Monitoring
from governance.event import Column, EventBatch, LabelBatch

SECOND = 1_000_000


def _rows(seconds: list[int], versions: str | None = None) -> TimedRows:
    n = len(seconds)
    names = list(versions or "1" * n)
    return TimedRows(
        {
            "event_id": Column(np.arange(2 * n, dtype="<i8").view("V16")),
            "time": Column(np.array(seconds, dtype=np.int64) * SECOND),
        },
        Column.encode([*names]),
        None,
        np.empty(0, dtype=np.intp),
    )


def _labels(seconds: list[int], *, timed: bool = True) -> RecordedLabels:
    n = len(seconds)
    columns = {
        "event_id": Column(np.arange(2 * n, dtype="<i8").view("V16")),
        "time": Column(np.array(seconds, dtype=np.int64) * SECOND),
    }
    return RecordedLabels(LabelBatch(n, columns), timed)


def _monitoring(**windows: Any) -> Monitoring:
    return Monitoring.model_validate(
        {"windows": windows, "lateness": "10s", "labelHorizon": "100s"}
    )


def _seconds(entry: LogEntry) -> list[int]:
    return [int(t) // SECOND for t in entry.batch.columns["time"].values]


def _kind(entry: LogEntry) -> str:
    return "events" if isinstance(entry.batch, EventBatch) else "labels"


def test_log_time_is_the_running_maximum() -> None:
    """An event from the past does not turn the clock back."""
    entries = list(log_of([_rows([5, 3]), _rows([4, 9])], _monitoring(events=10)))
    assert [entry.append_time_us // SECOND for entry in entries] == [5, 9]


def test_records_end_where_log_time_closes_a_window() -> None:
    """Window [600, 660): a row at 670 s closes it by lateness, one at 675 s by grace."""
    entries = list(log_of([_rows([641, 669, 670, 671, 675, 676])], _monitoring(every="60s")))
    assert [_seconds(entry) for entry in entries] == [[641, 669], [670, 671], [675, 676]]


def test_records_of_count_windows_are_as_long_as_tables() -> None:
    """Counting needs no cut: order alone decides."""
    assert len(list(log_of([_rows(list(range(1_000)))], _monitoring(events=10)))) == 1


def test_versions_share_no_record() -> None:
    """One message holds one version, as on the bus."""
    entries = list(log_of([_rows([1, 2, 3], "aba")], _monitoring(events=10)))
    assert [_seconds(entry) for entry in entries] == [[1, 3], [2]]


def test_labels_without_time_come_after_the_last_event() -> None:
    """In file order, at the log time of the last event."""
    entries = list(log_of([_rows([1, 7])], _monitoring(events=10), _labels([0, 0], timed=False)))
    assert [(_kind(e), e.append_time_us // SECOND) for e in entries] == [
        ("events", 7),
        ("labels", 7),
    ]


def test_labels_with_time_come_at_their_time() -> None:
    """After the events of their time, before those of the next window, and in between alone."""
    entries = list(log_of([_rows([1, 2, 500])], _monitoring(every="60s"), _labels([2, 200, 900])))
    assert [(_kind(e), _seconds(e)) for e in entries] == [
        ("events", [1, 2]),
        ("labels", [2]),
        ("labels", [200]),
        ("events", [500]),
        ("labels", [900]),
    ]
    assert [e.append_time_us // SECOND for e in entries] == [2, 2, 200, 500, 900]


def test_a_table_without_rows_is_nothing() -> None:
    """All of its rows had been left out."""
    assert list(log_of([_rows([])], _monitoring(events=10))) == []


_TIMES = st.lists(st.integers(0, 400), max_size=40)


@given(_TIMES, _TIMES, st.integers(1, 9), st.sampled_from([{"every": "60s"}, {"events": 7}]))
@settings(max_examples=80, deadline=None)
def test_nothing_is_lost_doubled_or_turned_back(
    events: list[int], labels: list[int], size: int, windows: dict[str, Any]
) -> None:
    """Every event once and in file order, every label once, log time never falls."""
    tables = [_rows(events[i : i + size]) for i in range(0, len(events), size)]
    recorded = _labels(sorted(labels))
    entries = list(log_of(tables, _monitoring(**windows), recorded))
    seen = {
        kind: [t for e in entries if _kind(e) == kind for t in _seconds(e)]
        for kind in ("events", "labels")
    }
    assert seen == {"events": events, "labels": sorted(labels)}
    times = [entry.append_time_us for entry in entries]
    assert times == sorted(times)


@given(st.lists(st.integers(0, 400), min_size=1, max_size=40), st.integers(1, 9))
@settings(max_examples=80, deadline=None)
def test_no_window_closes_within_a_record(seconds: list[int], size: int) -> None:
    """All rows of a record see the same windows open, as if each were a record of its own."""
    tables = [_rows(seconds[i : i + size]) for i in range(0, len(seconds), size)]
    clock = 0
    for entry in log_of(tables, _monitoring(every="60s")):
        times = np.maximum.accumulate([clock, *entry.batch.columns["time"].values.tolist()])[1:]
        for delay in (CLOSING_GRACE_US, 10 * SECOND, 100 * SECOND):
            assert len(set(((times - delay) // (60 * SECOND)).tolist())) == 1
        clock = int(times[-1])
        assert entry.append_time_us == clock


@pytest.mark.parametrize("windows", [{"every": "60s"}, {"events": 3}])
def test_the_size_of_tables_changes_no_label(windows: dict[str, Any]) -> None:
    """Where labels enter depends on times, not on how the file was fetched."""
    seconds, labels = list(range(0, 300, 3)), _labels(list(range(1, 300, 7)))

    def order(size: int) -> list[tuple[str, int]]:
        tables = [_rows(seconds[i : i + size]) for i in range(0, len(seconds), size)]
        log = log_of(tables, _monitoring(**windows), labels)
        return [(_kind(entry), t) for entry in log for t in _seconds(entry)]

    assert order(100) == order(7)
