"""Bins of scores: one byte, tenths are edges, what has no place is said."""

from __future__ import annotations

import numpy as np

from detectors.score_bins import CENTRES, EDGES, NO_SCORE, SCORE_BINS, centres, score_bins
from governance.event import Column


def test_bins_fit_in_a_byte_and_rise_from_0_to_1() -> None:
    """No bin is empty, the byte that is left over means none, and every tenth is an edge."""
    assert NO_SCORE == SCORE_BINS < 256
    assert (EDGES[0], EDGES[-1]) == (0, 1)
    assert (np.diff(EDGES) > 0).all()
    assert {k / 10 for k in range(11)} <= set(EDGES.tolist())


def test_scores_outside_the_unit_interval_have_no_bin() -> None:
    """So have missing ones; both ends are inside."""
    scores = Column(np.array([0.0, 1e-7, 1.0, 1.1, -0.1, np.nan, np.inf]))
    last = SCORE_BINS - 1
    assert score_bins(scores, 7).tolist() == [0, 0, last, *[NO_SCORE] * 4]
    assert score_bins(None, 2).tolist() == [NO_SCORE] * 2
    assert score_bins(Column(np.zeros(1, np.int32), ("x",)), 1).tolist() == [NO_SCORE]


def test_the_centre_of_a_bin_lies_in_it() -> None:
    """What a waiting event remembers is counted where the event itself was."""
    assert score_bins(Column(CENTRES), SCORE_BINS).tolist() == list(range(SCORE_BINS))
    assert np.isnan(centres(np.array([NO_SCORE], np.uint8))).all()


def test_a_score_falls_between_its_edges() -> None:
    """Against the obvious search, edges included."""
    scores = np.concatenate([np.random.default_rng(0).random(2_000), EDGES])
    found = score_bins(Column(scores), len(scores))
    assert (EDGES[found] <= scores).all()
    assert ((scores < EDGES[found + 1]) | (found == SCORE_BINS - 1)).all()
