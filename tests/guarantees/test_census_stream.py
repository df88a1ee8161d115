"""Three years of real census traffic: silent where nothing happens, and loud where it does.

STATISTICS 3.3: people in group quarters (RELP 16, 17) are absent from 2017 and 2018 but for one
block of rows. The rows are part of Evenhand; the score is that of the demo's model.
"""

from __future__ import annotations

from functools import cache

import pytest

from benchmarks.tables import census_effects
from benchmarks.tables.census import BLOCK, GONE, QUIET, Look, looks, table, vanished
from governance.finding import Status
from tests.guarantees.page import show

HEIGHT = {27, 28}  # windows of 5,000 rows in which the block is at its height


@cache
def found(rows: int, period: str, threshold: float = 0.1) -> list[Look]:
    return [look for look in looks(rows, threshold) if look.period == period]


@pytest.mark.parametrize("rows", [5_000, 1_000])
def test_2016_is_silent(rows: int) -> None:
    """In the year after the reference no window breaches."""
    windows = found(rows, QUIET)
    assert len(windows) == 69_126 // rows
    assert not any(look.subjects() for look in windows)


def test_vanished_group_quarters_are_the_only_drift() -> None:
    """In 2017 and 2018 outside the block every window breaches on RELP, and on nothing else."""
    windows = found(5_000, GONE)
    assert len(windows) == 24
    assert all(look.subjects() == {"RELP"} for look in windows)


def test_small_windows_see_group_quarters_vanish() -> None:
    """In windows of 1,000 rows, too, RELP always; anything else beside the block only."""
    windows = found(1_000, GONE)
    assert all("RELP" in look.subjects() for look in windows)
    assert sum(len(look.subjects() - {"RELP"}) for look in windows) <= 3


def test_the_block_moves_score_and_features() -> None:
    """The block breaches on RELP and score, and at its height on five features more."""
    for look in found(5_000, BLOCK):
        assert {"RELP", "score"} <= look.subjects()
        assert look.number not in HEIGHT or len(look.subjects() - {"RELP", "score"}) >= 5


def test_a_higher_limit_leaves_the_block_alone() -> None:
    """At a threshold of .2 the block is all that breaches."""
    assert [bool(look.subjects()) for look in found(5_000, BLOCK, 0.2)] == [True] * 3
    for period in (QUIET, GONE):
        assert not any(look.subjects() for look in found(5_000, period, 0.2))


def test_people_are_not_independent() -> None:
    """Taken for independent, 2016 has false breaches in windows of 200; as measured it has none."""
    shares = census_effects.quiet_shares(200)
    assert shares["rho as measured"] == shares["order unknown"] == 0
    assert shares["chain, rho 1"] > shares["rho 1"] > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("rows", [200, 50])
def test_the_smallest_windows(rows: int) -> None:
    """Windows of 200 and 50 rows: 2016 without a breach, RELP gone in every later one."""
    assert not any(look.subjects() for look in found(rows, QUIET))
    warned = sum(bool(look.subjects(Status.WARNING)) for look in found(rows, QUIET))
    assert warned <= 0.05 * len(found(rows, QUIET))
    gone = found(rows, GONE)
    assert all("RELP" in look.subjects() for look in gone)
    assert sum(len(look.subjects() - {"RELP"}) for look in gone) <= 0.01 * len(gone)
    assert all(look.subjects() for look in found(rows, BLOCK))


@pytest.mark.slow
def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Prints what the windows of every size say, and how the effect depends on it."""
    show(capsys, table(), census_effects.table(), census_effects.rho_table(), vanished())
