"""Real streams whose neighbouring rows are alike: an electricity market, requests to an LLM.

STATISTICS 3.4. Reads the folder of real data sets that EVENHAND_SHARED names; skipped without it.
"""

from __future__ import annotations

import pytest

from benchmarks.tables import correlated, streams
from benchmarks.tables.populations import ELEC2_REGIME, Absent, shared
from tests.guarantees.page import show

FILES = (("drift_elec2", "elec.csv"), ("llm_trace_azure2023", "conversation.csv"))


@pytest.fixture(autouse=True)
def data() -> None:
    for file in FILES:
        try:
            shared(*file)
        except Absent as missing:
            pytest.skip(str(missing))


@pytest.mark.parametrize("rows", streams.SIZES)
def test_six_weeks_of_a_market_are_silent(rows: int) -> None:
    """Six usual weeks behind a reference of 26: no window of 6 hours, a day or a week breaches."""
    alarms = streams.market_statuses(rows, streams.NEXT_SIX_WEEKS)
    assert len(alarms) == 2_016 // rows
    assert not any(alarms)


@pytest.mark.parametrize("rows", streams.REGIME_SIZES)
def test_a_change_of_regime_is_found_at_once(rows: int) -> None:
    """The neighbour's figures begin to move at row 17,424: the first window that holds it."""
    assert streams.regime(rows) == (0, 1)


def test_one_rho_for_independent_rows_is_not_enough() -> None:
    """The test can fail: as if rows were independent, every day would be a breach."""
    assert streams.market_shares(48, streams.NEXT_SIX_WEEKS).rho_one > 0.9


def test_one_rho_for_all_lengths_is_not_enough() -> None:
    """Only a rho for each length, or one that is too large, keeps usual days silent."""
    shares = correlated.shares(48, streams.NEXT_SIX_WEEKS)
    assert shares["chain"] > 0.2
    assert shares["one rho"] > 0.5
    assert shares["integrated"] == shares["each length"] == 0


def test_shuffled_rows_are_silent() -> None:
    """Rows in no order, reference and all: the rules of the ladder and the chain are silent."""
    found = correlated.shares(48, streams.NEXT_SIX_WEEKS, mix=True)
    assert not any(share for name, share in found.items() if name != "tests")


@pytest.mark.parametrize("rows", streams.LLM_SIZES)
def test_a_short_reference_only_warns(rows: int) -> None:
    """Behind a reference of 20 minutes windows differ, truly; none is more than a warning."""
    windows, warned, breached = streams.early_reference(rows)
    assert warned > windows / 3
    assert breached == 0


@pytest.mark.parametrize("rows", streams.LLM_SIZES)
def test_a_reference_spread_over_the_hour_is_silent(rows: int) -> None:
    """A reference that has seen the hour's rhythm: no window in between breaches."""
    assert not any(streams.spread_reference(rows))


@pytest.mark.parametrize(("feature", "factor"), [("tabular.prompt", 1.5), ("tabular.output", 2.0)])
@pytest.mark.parametrize("rows", streams.LLM_SIZES)
def test_longer_prompts_and_outputs_are_found(rows: int, feature: str, factor: float) -> None:
    """From half way prompts are half as long again, or outputs twice: found within 2 windows."""
    assert streams.found_after(rows, feature, factor) <= 2


@pytest.mark.slow
def test_the_other_half_year(capsys: pytest.CaptureFixture[str]) -> None:
    """A season that the reference never saw: under a tenth of the windows, in one episode."""
    for rows in streams.SIZES[:2]:
        alarms = streams.market_statuses(rows, ELEC2_REGIME)
        assert sum(alarms) <= 0.1 * len(alarms)
        starts = [now and not before for before, now in zip([False, *alarms], alarms, strict=False)]
        assert sum(starts) == 1
    show(capsys, streams.elec2_table(), correlated.table(), correlated.shifts())
    show(capsys, streams.llm_table())
