"""Histories of series: written in chunks, read back, and the same as if they had not been."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import history as module
from detectors.history import CHUNK, STALE_US, History
from detectors.points import Count, Magnitude, Point, Rate
from detectors.stats import rate_change
from detectors.stats.rate_change import Track
from tests.detectors.log import HOUR, MINUTE, START, Reader, component, events, stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detectors.stats.rate_change import Change

PANE = st.fixed_dictionaries(
    {},
    optional={
        "traffic": st.integers(0, 9).map(lambda n: Count(float(n))),
        "error_rate": st.integers(0, 4).map(lambda n: Rate(n / 4, 4.0)),
        "latency_p95": st.floats(0, 1e40).map(Magnitude),
    },
)


@pytest.fixture(params=[False, True], ids=["as it is", "small"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds as they are, and so small that every one of them is met."""
    if request.param:
        for name, value in {"HISTORY": 10, "FEWEST": 3, "CALM": 4}.items():
            monkeypatch.setattr(rate_change, name, value)
        monkeypatch.setattr(module, "CHUNK", 4)
        monkeypatch.setattr(module, "KEPT", -(-(10 + 2 * 24) // 4))


class Stored:
    """A history that is written down and read back at will."""

    def __init__(self) -> None:
        self.history = History("every")
        self.rows: dict[int, bytes] = {}
        self.written: list[int] = []

    def write(self) -> None:
        changed = self.history.changed_rows()
        self.written.append(sum(map(len, changed.values())))
        self.rows |= changed
        self.rows = {number: blob for number, blob in self.rows.items() if blob}

    def read(self) -> None:
        self.write()
        if self.rows:
            self.history = History.restored(self.rows)


@pytest.mark.usefixtures("size")
def test_reading_back_changes_nothing() -> None:
    """Whenever it was written and read back, every later change is the same to the last bit."""

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(PANE, min_size=1, max_size=160),
        st.lists(st.sampled_from([0, 0, 0, 1, 2]), min_size=160, max_size=160),
    )
    def check(panes: list[dict[str, Point]], stores: list[int]) -> None:
        plain, stored = History("every"), Stored()
        for at, (points, store) in enumerate(zip(panes, stores, strict=False)):
            assert plain.extend(points, at) == stored.history.extend(points, at)
            if store:
                (stored.write if store == 1 else stored.read)()

    check()


def long(n: int, seed: int = 0) -> Iterator[dict[str, Point]]:
    """Panes of which a series is always there and another one in a tenth."""
    rng = np.random.default_rng(seed)
    for value in rng.gamma(9.0, size=n).tolist():
        rare: dict[str, Point] = {"error_rate": Rate(0.5, 9.0)} if rng.random() < 0.1 else {}
        yield {"traffic": Count(value), **rare}


def test_what_is_forgotten_is_not_missed() -> None:
    """After 3,000 panes the changes are those of a track that never forgot; 26 chunks are kept."""
    stored, whole = Stored(), Track("f")
    for at, points in enumerate(long(3_000)):
        change = stored.history.extend(points, at)["traffic"]
        expected = whole.append(points["traffic"].value, points["traffic"].noise)
        assert (change.score, change.mean, change.level, change.alarm) == (
            expected.score,
            expected.mean,
            expected.level,
            expected.alarm,
        )
        if at % 97 == 0:
            stored.read()
    assert len(stored.rows) == 26


def test_a_checkpoint_writes_one_small_row() -> None:
    """With eight series a checkpoint writes under 11 kB, however long the history is."""
    stored = Stored()
    for at in range(2_000):
        points: dict[str, Point] = {f"series {i}": Count(float(at % (7 + i))) for i in range(8)}
        stored.history.extend(points, at)
        stored.write()
    assert max(stored.written) < 11_000
    assert np.mean(stored.written) < 6_000


def fed(hours: int, **monitoring: object) -> Reader:
    log = Reader.of(**{"windows": {"every": "1h"}, "lateness": "5m", **monitoring})
    for hour in range(hours):
        at = START + hour * HOUR
        log.events(at, events([at + MINUTE], [hour]), stamp(hour, at))
    return log


def said(log: Reader) -> list[str]:
    return [f.verdict.reason for f in log.findings if f.verdict.check == "seen"]


def test_every_closed_pane_is_a_point_also_an_empty_one() -> None:
    """Panes without events count, until the version retires; a partial pane does not."""
    log = fed(3, retireAfter="3h")
    log.advance(START + 9 * HOUR)
    points = [reason.split("points=")[1][0] for reason in said(log)]
    assert points == ["1", "2", "3", "4"]
    log = fed(2)
    log.finish()
    assert "points=" not in said(log)[-1]


def test_a_change_of_the_spec_keeps_the_history_of_like_panes() -> None:
    """Another reference or signal leaves series as they were; other windows begin them anew."""
    log = fed(5)
    windows = {"windows": {"every": "1h"}, "lateness": "5m"}
    log.findings += log.state.respecify(
        component(signals={"label": "column:y"}, **windows), None, 2
    )
    for hour in range(5, 8):
        at = START + hour * HOUR
        log.events(at, events([at + MINUTE], [hour]), stamp(hour, at))
    log.advance(START + 9 * HOUR)
    assert "points=6" in said(log)[-1]  # hours 0 to 2 and 5 to 7: two were cut
    log.findings += log.state.respecify(component(windows={"every": "30m"}), None, 3)
    for half in range(20, 24):
        at = START + half * HOUR // 2
        log.events(at, events([at + MINUTE], [100 + half]), stamp(half, at))
    log.advance(START + 12 * HOUR + 11 * MINUTE)
    assert "points=4" in said(log)[-1]


def test_a_version_that_was_long_away_begins_anew() -> None:
    """After 30 days of silence the past says nothing; until then it does."""
    history = History("every")
    history.extend({"traffic": Count(1.0)}, 0)
    assert (history.is_stale(STALE_US), history.is_stale(STALE_US + 1)) == (False, True)


def test_chunks_are_full_before_the_next_begins() -> None:
    """64 panes a row."""
    stored = Stored()
    for at, points in enumerate(long(3 * CHUNK)):
        stored.history.extend(points, at)
    stored.write()
    assert sorted(stored.rows) == [0, 1, 2]


def changes(values: list[float], point: type[Count] = Count) -> list[Change]:
    history = History("every")
    return [
        history.extend({"traffic": point(value)}, at)["traffic"] for at, value in enumerate(values)
    ]


def test_the_first_error_in_calm_is_no_wonder() -> None:
    """What chance alone does is no change: one event after 1,000 panes without, 3 are at 4 sd."""
    assert not any(change.alarm for change in changes([0.0] * 1_000 + [1.0]))
    assert changes([0.0] * 1_000 + [9.0])[-1].alarm


def test_a_lasting_change_is_told_for_three_panes() -> None:
    """Two of three windows confirm it; then it is silent though the score stays high."""
    calm = np.random.default_rng(1).poisson(1_000, 400).astype(float).tolist()
    found = changes([*calm, *(3 * value for value in calm[:30])])
    alarms = [at for at, change in enumerate(found) if change.alarm]
    assert alarms == [400, 401, 402]
    assert all(change.score >= 4 for change in found[400:])
