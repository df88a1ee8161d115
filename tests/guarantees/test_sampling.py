"""Sampled events and late labels: what the intervals survive, and what they do not.

STATISTICS 3.7.
"""

from __future__ import annotations

import pytest

from benchmarks.tables.sampling import (
    ARRIVALS,
    SAMPLED,
    Arrival,
    Sampled,
    arrival_coverage,
    arrivals,
    sampled_coverage,
    sampling,
)
from tests.guarantees.page import show

RANDOM, BOTH, ONE_BY_TRUTH, ONE_BY_DECISION = ARRIVALS


@pytest.mark.parametrize("case", SAMPLED, ids=str)
def test_weighted_shares_keep_their_coverage(case: Sampled) -> None:
    """Events sampled by their outcome: the linearised size covers .93 and more in all cases."""
    ours, _ = sampled_coverage(case, 4_000)
    assert 0.93 <= ours <= 0.975


def test_kish_does_not() -> None:
    """The scene is hard: Kish's size covers under .85 where the rarer outcome is sampled."""
    assert max(sampled_coverage(case, 4_000)[1] for case in SAMPLED if case.others == 1.0) < 0.85


@pytest.mark.parametrize("arrival", [RANDOM, BOTH], ids=lambda arrival: arrival.name)
def test_labels_that_come_alike_mislead_no_rate(arrival: Arrival) -> None:
    """As long as both groups' labels come alike, all three rates' bounds hold."""
    assert all(held >= 0.96 for held, _ in arrival_coverage(arrival, 500).values())


@pytest.mark.parametrize(
    ("arrival", "safe", "misled"),
    [(ONE_BY_TRUTH, {"TPR", "FPR"}, {"PPV"}), (ONE_BY_DECISION, {"PPV"}, {"TPR", "FPR"})],
    ids=["by truth", "by decision"],
)
def test_which_rate_survives_which_arrival(
    arrival: Arrival, safe: set[str], misled: set[str]
) -> None:
    """Sooner truth in one group misleads PPV only, sooner decisions mislead TPR and FPR only."""
    held = {name: share for name, (share, _) in arrival_coverage(arrival, 500).items()}
    assert all(held[name] >= 0.95 for name in safe)
    assert all(held[name] < 0.5 for name in misled)


@pytest.mark.slow
def test_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    """Prints both tables; the linearised size covers at least .93."""
    table = sampling()
    show(capsys, table, arrivals())
    assert all(ours >= 0.93 for *_, ours, _ in table.numbers)
