"""No change, 25 real features: false breaches are as rare as promised, and rarer.

STATISTICS 3.1. Rows of the census (and of Elec2, where it is here) are resampled. Bounds are exact
binomial ones where windows share no row.
"""

from __future__ import annotations

import pytest
from scipy import stats

from benchmarks.tables import evidence
from benchmarks.tables.false_alarms import RULES, both, false_alarms, independent, table_of
from detectors.ladder import FEWEST_REFERENCE_ROWS
from tests.guarantees.page import show

LADDERS = 1_000
WINDOWS = 10_000
LOW = 1e-6  # a threshold that unchanged rows reach: the evidence alone must hold


def most(windows: int, every: int) -> float:
    """False alarms that one window in ``every`` gives with probability .999."""
    return float(stats.binom.ppf(0.999, windows, 1 / every))


@pytest.mark.parametrize("every", [20, 1_000])
def test_evidence_alone_keeps_the_promise(every: int) -> None:
    """1,000 ladders of panes of 50 rows, no threshold: no more breaches than 1 in ``every``."""
    assert independent(50, LADDERS, every, LOW) <= most(LADDERS, every)


def test_common_rules_fire_where_nothing_changed() -> None:
    """The scene can alarm: raw PSI > .1 fires on every window of 50 rows, the ladder on none."""
    alarms = false_alarms(50, 2_000, 400)
    assert alarms.fired["PSI > .1"] > 0.9 * alarms.windows
    assert alarms.fired["breach"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("rows", [50, 200, 1_000, 10_000])
def test_ten_thousand_windows(rows: int, capsys: pytest.CaptureFixture[str]) -> None:
    """10,000 windows: at most 1 breach at 1 in 1,000, and the promises of the other bars."""
    found = both(rows, WINDOWS)
    show(capsys, table_of({rows: found}))
    fired = {rule: sum(alarms.fired[rule] for alarms in found) for rule in RULES}
    assert sum(alarms.windows for alarms in found) == WINDOWS
    assert fired["breach"] <= 1
    assert fired["1 in 100"] <= WINDOWS / 1_000
    assert fired["evidence"] <= most(WINDOWS, 1_000)
    assert fired["warning"] <= WINDOWS / 100


@pytest.mark.slow
def test_the_tail_of_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    """References of 1,000 rows and more: e-values past 20, 100, 1,000 as rare as they say."""
    show(capsys, evidence.table())
    for name in evidence.FEATURES:
        for rows in evidence.SIZES:
            shares = evidence.tails(name, FEWEST_REFERENCE_ROWS, rows, 30_000)
            assert all(share <= 1 / bar for share, bar in zip(shares, evidence.BARS, strict=True))
