"""Limits of a share."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from detectors.stats.limits import confidence_sequence, effective_counts, limits, share_limits


@pytest.mark.parametrize(("s", "n"), [(0, 12), (3, 12), (12, 12), (40, 1000), (1, 10**7)])
def test_limits_equal_scipys_exact_interval(s: int, n: int) -> None:
    """Clopper-Pearson limits are those of scipy's binomial test."""
    exact = stats.binomtest(s, n).proportion_ci(confidence_level=0.95, method="exact")
    lower, upper = limits(s, n, 0.025)
    assert (float(lower), float(upper)) == pytest.approx((exact.low, exact.high), abs=1e-12)


@pytest.mark.parametrize("n", [1.0, 7.3, 400.0, 1e6])
def test_the_limits_of_one_share_are_those_of_arrays(n: float) -> None:
    """The short way gives the same numbers to the last bit, ends and fractions included."""
    successes = np.array([0.0, 0.4, n / 3, n - 0.2, n])
    low, high = limits(successes, np.full(5, n), 1e-4)
    alone = [share_limits(s, n, 1e-4) for s in successes.tolist()]
    assert alone == list(zip(low.tolist(), high.tolist(), strict=True))


def test_limits_keep_their_error() -> None:
    """Either limit misses the true share at most as often as promised, for every share."""
    n, error = 30, 0.05
    lower, upper = limits(np.arange(n + 1), n, error)
    for p in np.linspace(0.01, 0.99, 37):
        probability = stats.binom.pmf(np.arange(n + 1), n, p)
        assert probability[lower > p].sum() <= error
        assert probability[upper < p].sum() <= error


def test_weights_of_one_are_plain_counts() -> None:
    """With all weights 1 the effective counts are the counts, to the last bit."""
    n = np.arange(1, 200)
    s = n // 3
    successes, sizes = effective_counts(n, (n, s), (n, s))
    assert np.array_equal(successes, s)
    assert np.array_equal(sizes, n)


@pytest.mark.parametrize("weight", [2.0, 3.5, 10_000.0])
def test_equal_weights_are_as_good_as_none(weight: float) -> None:
    """Uniform sampling keeps n = N; the share is that of the sampled events."""
    successes, size = effective_counts(
        400, (400 * weight, 124 * weight), (400 * weight**2, 124 * weight**2)
    )
    assert float(size) == 400
    assert float(successes) == pytest.approx(124)


def test_no_event_is_no_evidence() -> None:
    """Without an event successes and size are 0, not NaN."""
    assert [float(a) for a in effective_counts(0, (0, 0), (0, 0))] == [0, 0]


def test_effective_size_covers_where_sampling_depends_on_the_outcome() -> None:
    """With the rarer outcome down-sampled, 95 % limits hold the true share in >= 93 % of runs.

    Kish's size covers .69-.84 here (STATISTICS 3.7: .93-.96 for this one).
    """
    rng = np.random.default_rng(11)
    runs, events, p, keep = 2_000, 4_000, 0.2, 0.1
    favourable = rng.binomial(events, p, runs)
    sampled = rng.binomial(favourable, keep)
    others = events - favourable
    weight, squared = sampled / keep, sampled / keep**2
    s, n = effective_counts(
        sampled + others, (weight + others, weight), (squared + others, squared)
    )
    lower, upper = limits(s, n, 0.025)
    assert ((lower <= p) & (p <= upper)).mean() >= 0.93


def test_confidence_sequence_solves_its_equation() -> None:
    """At both limits the mixture's log evidence equals ln(2 / error)."""
    s, f = np.array([3.0, 50, 480, 12.5]), np.array([97.0, 50, 520, 40.75])
    for limit in confidence_sequence(s, f, 0.05):
        against = stats.beta.logpdf(limit, s + 0.5, f + 0.5) - stats.beta.logpdf(limit, 0.5, 0.5)
        assert -against == pytest.approx(np.log(2 / 0.05), abs=1e-8)


def test_confidence_sequence_holds_at_every_time_at_once() -> None:
    """Looking after every event, the truth is missed at any time in at most 5 % of runs."""
    rng = np.random.default_rng(5)
    s = np.cumsum(rng.random((300, 400)) < 0.3, axis=1)
    lower, upper = confidence_sequence(s, np.arange(1, 401) - s)
    missed = ((lower > 0.3) | (upper < 0.3)).any(axis=1)
    assert missed.mean() <= 0.05
