"""``rate_change`` promises no rate of false alarms; what it does is measured and held.

One month of hours a series; figures of STATISTICS 3.9's rule through the history of a worker.
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.tables.changes import CALM, HOURS, MONTH, TAUGHT, alerts, delays, said, table
from tests.guarantees.page import show

HEAVY = "latency, heavy tails (t, 3)"
RUNS = 2


@pytest.mark.parametrize("name", [name for name in CALM if name != HEAVY])
def test_calm_series_are_told_of_less_than_once_a_month(name: str) -> None:
    """At most 3 changes and 1 alert in 3.3 months of hours of each series; seeded."""
    told = [said(CALM[name](np.random.default_rng([9, seed])))[TAUGHT:] for seed in range(RUNS)]
    assert RUNS * (HOURS - TAUGHT) / MONTH > 3.3
    assert sum(int((np.diff(t, prepend=0) == 1).sum()) for t in told) <= 3
    assert sum(map(alerts, told)) <= 1


@pytest.mark.slow
def test_a_month_of_calm_and_a_day_of_change(capsys: pytest.CaptureFixture[str]) -> None:
    """Under one change a month but for heavy tails, alerts under .4; every change within a day."""
    calm, changed = table(), delays()
    show(capsys, calm, changed)
    for name, told, fired in calm.rows:
        assert float(told or 0) < (2.5 if name == HEAVY else 1.0)
        assert float(fired or 0) < 0.4
    assert all(share == 1 for _, share, _ in changed.rows)
