"""Groups whose members come in households: a reference that has seen them keeps the promise."""

from __future__ import annotations

import pytest
from scipy import stats

from benchmarks.tables import group_rho
from benchmarks.tables.group_rho import HOUSEHOLD, breaches
from tests.guarantees.page import show


def test_households_are_no_evidence() -> None:
    """30 ladders, no limit: one in 20 may breach with the reference; half do without it."""
    assert breaches(HOUSEHOLD, 30, measured=True) <= stats.binom.ppf(0.999, 30, 1 / 20)
    assert breaches(HOUSEHOLD, 30, measured=False) >= 8


@pytest.mark.slow
def test_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    """400 ladders: within 1 in 20 wherever the reference was measured."""
    census, found = group_rho.table(), group_rho.households()
    show(capsys, census, found)
    assert all(measured <= 0.05 for _, measured in found.numbers)
