"""A gate that asks a model for variants of texts claims falsely no more often than it says."""

from __future__ import annotations

import pytest
from scipy import stats

from benchmarks.tables.counterfactual import (
    CLAIM_ERROR,
    POPULATIONS,
    SIZES,
    Population,
    claims,
    found,
    power,
    table,
)
from tests.guarantees.page import show

_ONE_IN_A_MILLION = 1e-6


@pytest.mark.parametrize("population", POPULATIONS, ids=lambda p: p.name)
def test_claims_at_the_limit(population: Population) -> None:
    """500 template sets whose mean is the limit: false claims and missed means as promised."""
    for size in SIZES[:2]:
        seen = claims(population, size, 500)
        assert _believable(seen.false, 500, CLAIM_ERROR)
        assert _believable(1 - seen.held, 500, 0.05)


def test_students_t_breaks_the_promise_where_reversals_are_rare() -> None:
    """Why it is not used: in 30 templates the rare reversal is mostly not seen, and sd is 0."""
    assert claims(POPULATIONS[-1], 30, 500).false_by_t > 0.5


def test_plain_unfairness_is_found() -> None:
    """Half of the outcomes flip, or every score moves by .3: 120 templates prove it always."""
    assert found(0.5, 120, 50)[0] == 1.0
    assert found(0.3, 120, 50)[1] == 1.0


def test_half_the_limit_is_quiet() -> None:
    """A mean difference of .05 never breaches a limit of .1, however many templates there are."""
    assert found(0.05, 720, 50) == (0.0, 0.0)


@pytest.mark.slow
def test_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    """10,000 template sets a row."""
    show(capsys, table(), power())
    for population in POPULATIONS:
        for size in SIZES:
            seen = claims(population, size, 10_000)
            assert _believable(seen.false, 10_000, CLAIM_ERROR)
            assert _believable(1 - seen.held, 10_000, 0.05)


def _believable(share: float, repeats: int, promised: float) -> bool:
    """Whether a share could be seen if no more than ``promised`` were true (exact binomial)."""
    seen = round(share * repeats)
    return bool(stats.binom.sf(seen - 1, repeats, promised) > _ONE_IN_A_MILLION)
