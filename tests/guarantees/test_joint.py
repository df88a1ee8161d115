"""Joint drift: a dependence that broke is found soon; one that held is not blamed."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.tables.joint import EVERY, KINDS, census, delays, false_alarms, scene
from detectors.drift.joint import THRESHOLD
from tests.guarantees.page import show


def test_one_pair_of_25_features_that_came_apart_is_found() -> None:
    """Within 6 windows of 200 rows, against the bar of 26 subjects."""
    there, rng = scene(25, 200, KINDS[0], 20_000), np.random.default_rng(1)
    panes = [there.draw(rng, 200, changed=False) for _ in range(8)]
    panes += [there.draw(rng, 200, changed=True) for _ in range(6)]
    readings = there.readings(panes)
    big = readings.effect.value[:, 0] >= THRESHOLD
    e = np.where(big & readings.usable[:, 0], np.exp(np.minimum(600, readings.log_e[:, 0])), 0)
    assert e.sum() / 7 >= EVERY * 26


def test_usual_windows_keep_the_promise() -> None:
    """Of 600 usual windows of 25 features none has evidence of 100."""
    there, rng = scene(25, 200, KINDS[0], 20_000), np.random.default_rng(2)
    drawn = (there.readings([there.draw(rng, 50, changed=False)]) for _ in range(600))
    assert max(found.log_e[0, 0] for found in drawn) < np.log(100)


@pytest.mark.slow
def test_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    """Prints delays and false alarms; a usual window is a false breach in 1 of 10,000 at most."""
    alarms, found = false_alarms(), delays()
    show(capsys, found, alarms, census())
    windows = sum(row[-1] for row in alarms.numbers)
    assert sum(row[-2] * row[-1] for row in alarms.numbers) <= windows / 10_000
    assert all(row[2] <= 0.05 and row[3] <= 0.01 and row[4] <= 0.001 for row in alarms.numbers)
    assert all(row[-1] >= 0.92 for row in found.numbers if row[1] >= 200)
