from __future__ import annotations

import numpy as np
import pytest

from detectors.stats.rate_change import (
    FEWEST,
    HISTORY,
    LEAST,
    LEAST_OF_LEVEL,
    MAD_TO_SD,
    SPANS,
    TAIL,
    TAIL_TO_SD,
    alarm_points,
    change_scores,
)


def slow_scores(values: np.ndarray, history: int) -> list[float]:
    """The scores by sorting all of the history anew at every point (STATISTICS 2)."""
    best = [0.0] * len(values)
    for span in SPANS:
        means = {at: values[at - span + 1 : at + 1].mean() for at in range(span - 1, len(values))}
        deviations: dict[int, float] = {}
        for at, mean in means.items():
            before = [m for place, m in means.items() if place <= at - span][-history:]
            if len(before) < FEWEST:
                continue
            level = float(np.median(before))
            deviations[at] = abs(mean - level)
            past = [d for place, d in deviations.items() if place <= at - span][-history:]
            if len(past) >= FEWEST:
                tail = float(np.quantile(past, TAIL)) / TAIL_TO_SD
                scale = max(MAD_TO_SD * np.median(past), tail, LEAST_OF_LEVEL * abs(level), LEAST)
                best[at] = max(best[at], deviations[at] / scale)
    return best


def test_scores_equal_the_obvious_way() -> None:
    """Kept in order as they come, medians and quantiles are those of sorting anew."""
    values = np.random.default_rng(1).gamma(2.0, size=420)
    np.testing.assert_allclose(change_scores(values), slow_scores(values, HISTORY), rtol=1e-9)


def test_old_history_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the newest means and deviations are looked back on."""
    monkeypatch.setattr("detectors.stats.rate_change.HISTORY", 80)
    values = np.random.default_rng(2).normal(10, 1, 320)
    np.testing.assert_allclose(change_scores(values), slow_scores(values, 80), rtol=1e-9)


@pytest.mark.parametrize("n", [0, 1, 23, 59, 119])
def test_too_little_history_scores_nothing(n: int) -> None:
    """Without 60 means and 60 deviations before it no point is unusual."""
    assert not change_scores(np.arange(n, dtype=float) ** 3).any()


def test_a_constant_never_alarms_and_a_step_of_it_does() -> None:
    """No spread divides by nothing: .1 % of the level is the least scale."""
    values = np.full(400, 20.0)
    assert not change_scores(values).any()
    values[300:] = 20.1
    assert alarm_points(change_scores(values)) == [300]


@pytest.mark.parametrize("scale", [1e-300, 1e-6, 1e300])
def test_scores_stay_finite(scale: float) -> None:
    """Tiny and huge costs give finite scores."""
    values = scale * np.random.default_rng(3).random(300)
    assert np.isfinite(change_scores(values)).all()


def test_an_alarm_is_followed_by_silence() -> None:
    """A new alarm needs 120 points without a high score."""
    scores = np.zeros(500)
    scores[[10, 11, 130, 131, 252, 400]] = 4.0
    assert alarm_points(scores) == [10, 252, 400]
