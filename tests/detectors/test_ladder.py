from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.ladder import Climb, Hold, Readings, climb, hold, rule
from detectors.stats.effect import Effect
from governance.finding import Status


def readings(value: list[float], upper: list[float], log_e: list[float]) -> Readings:
    """One feature over windows of 300, 600, 1,200 ... effective events."""
    size = len(value)
    m = np.array([300.0 * 2**k for k in range(size)])

    def column(numbers: list[float]) -> np.ndarray:
        return np.array(numbers, dtype=float)[:, None]

    zero = np.zeros((size, 1))
    effect = Effect(zero, column(value), zero, column(upper))
    usable = np.ones((size, 1), dtype=bool)
    return Readings(m, zero + 1, m[:, None], column(log_e), effect, usable)


def climbed(*evidence: float) -> Climb:
    size = len(evidence)
    shown = np.zeros(size, dtype=np.intp)
    return Climb(np.array(evidence), np.ones((1, size), bool), shown, np.zeros(size, bool))


def climb_one(seen: Readings, threshold: float = 0.1, lengths: int = 7) -> Climb:
    return climb(seen, np.array([threshold]), np.array([float(lengths)]))


def test_only_big_windows_count() -> None:
    """Evidence of a window whose effect is below the threshold does not count."""
    found = climb_one(readings([0.05, 0.2], [0.3, 0.3], [50.0, 3.0]))
    assert found.counted[:, 0].tolist() == [False, True]
    assert found.evidence[0] == pytest.approx(np.exp(3.0) / 7)


def test_a_newer_window_proves_that_it_is_over() -> None:
    """Once an upper bound is below the threshold no longer window counts."""
    found = climb_one(readings([0.0, 0.5], [0.05, 0.6], [0.0, 100.0]))
    assert found.evidence[0] == 0.0


def test_evidence_is_capped_before_it_is_added() -> None:
    """Huge e-values stay finite."""
    found = climb_one(readings([0.5, 0.5], [0.6, 0.6], [5_000.0, 9_000.0]))
    assert np.isfinite(found.evidence[0])
    assert found.shown[0] == 1


def test_the_shorter_window_wins_a_tie() -> None:
    """Of equal evidence the newer window is shown."""
    assert climb_one(readings([0.5, 0.5], [0.6, 0.6], [9.0, 9.0])).shown[0] == 0


def test_no_window_at_all() -> None:
    """A ladder without windows is small and shows nothing."""
    found = climb_one(readings([], [], []))
    assert (found.small[0], found.shown[0]) == (True, -1)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30))
def test_e_bh_equals_its_definition(evidence: list[float]) -> None:
    """Statuses follow the largest j whose j-th largest evidence reaches A F / j."""
    every, size = 1_000, len(evidence)
    ranked = sorted(evidence, reverse=True)
    j = max((j for j in range(1, size + 1) if ranked[j - 1] >= every * size / j), default=0)
    ruling = rule(climbed(*evidence), [None] * size, every)
    breached = [status is Status.BREACH for status in ruling.statuses]
    assert ruling.breaches == j
    assert breached == [j > 0 and e >= every * size / j for e in evidence]


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30))
def test_the_bar_tells_breaches_apart(evidence: list[float]) -> None:
    """A feature breaches exactly if its evidence reaches the bar that is published."""
    ruling = rule(climbed(*evidence), [None] * len(evidence), 1_000)
    for status, e in zip(ruling.statuses, evidence, strict=True):
        assert (status is Status.BREACH) == (e >= ruling.bar)


def test_what_is_not_judged_is_not_in_the_family() -> None:
    """An unjudged feature is insufficient and does not raise the bar of the others."""
    ruling = rule(climbed(1_500.0, 9e9), [None, Hold.REFERENCE], 1_000)
    assert ruling.family == 1
    assert ruling.statuses == (Status.BREACH, Status.INSUFFICIENT)


def test_capped_breaches_are_warnings() -> None:
    """Under a cap a breach warns, and is marked; a warning stays what it is."""
    ruling = rule(climbed(1e9, 0.0), [None, None], 1_000, capped=True)
    assert ruling.statuses == (Status.WARNING, Status.OK)
    assert ruling.capped == (True, False)


def test_no_feature() -> None:
    """An empty family has no verdict and no error."""
    assert rule(climbed(), [], 1_000).statuses == ()


def test_reasons_come_in_order() -> None:
    """No events, then lost telemetry, then the reference, then the size."""
    order = [
        hold(no_events=True, lost=True, unfit=True, small=True),
        hold(no_events=False, lost=True, unfit=True, small=True),
        hold(no_events=False, lost=False, unfit=True, small=True),
        hold(no_events=False, lost=False, unfit=False, small=True),
        hold(no_events=False, lost=False, unfit=False, small=False),
    ]
    assert order == [*Hold, None]
