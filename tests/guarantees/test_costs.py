"""Changes of costs and rates on the labelled series of the Numenta benchmark.

STATISTICS 3.9. Reads the folder of real data sets that EVENHAND_SHARED names; skipped without it.
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.tables import cost_settings
from benchmarks.tables.cost_settings import scores_with
from benchmarks.tables.costs import COSTS, OURS, labelled, score, table
from benchmarks.tables.populations import Absent
from detectors.stats.rate_change import HISTORY, SPANS, alarm_points, change_scores
from tests.guarantees.page import show


@pytest.fixture(autouse=True)
def data() -> None:
    try:
        labelled()
    except Absent as missing:
        pytest.skip(str(missing))


def test_one_setting_beats_the_simple_detectors() -> None:
    """60 of 100 points on 30 series, and ahead of windowed Gaussian and random cut forest."""
    scores = {str(name): float(everything or 0) for name, everything, _ in table().rows}
    assert scores[OURS] >= 60
    assert scores[OURS] > max(scores["windowedGaussian"], scores["randomCutForest"])


def test_silence_is_null_and_a_hit_is_all() -> None:
    """The score is the benchmark's: no alarm costs one a window, one at its start gains one."""
    for series in labelled():
        if series.name.startswith(COSTS):
            assert score(series, []).score == -len(series.windows)
            starts = [left for left, _ in series.windows]
            assert score(series, starts).score == pytest.approx(len(starts))


def test_a_flat_line_is_silent() -> None:
    """The artificial series without noise and without anomaly raise nothing."""
    for series in labelled():
        if series.name.endswith(("art_flatline.csv", "art_daily_no_noise.csv")):
            assert alarm_points(change_scores(series.values)) == []


def test_the_setting_that_runs_is_one_of_the_table() -> None:
    """The table's formula for any setting gives the scores of the one that runs."""
    pytest.importorskip("pandas")
    values = np.random.default_rng(1).gamma(2.0, size=HISTORY + 400)
    found = scores_with(values, HISTORY, SPANS)
    np.testing.assert_allclose(found, change_scores(values), rtol=1e-9)


@pytest.mark.slow
def test_other_settings(capsys: pytest.CaptureFixture[str]) -> None:
    """No other threshold, history or set of spans scores more over all series."""
    pytest.importorskip("pandas")
    found = cost_settings.table()
    show(capsys, table(), found)
    (ours, *_), *others = found.numbers
    assert all(ours >= score for score, *_ in others)
