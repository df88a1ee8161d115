"""Rates of sampled events, and rates of events whose labels come late.

STATISTICS 3.7. Weights are 1 / sampling probability, which here depends on the outcome: the case
in which Kish's effective size is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tables.table import Table
from detectors.fairness.difference import Difference
from detectors.fairness.group_rates import GroupRates
from detectors.stats.limits import effective_counts, limits
from detectors.trailing import DISPLAY_ERROR

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

EVENTS = 4_000  # before sampling


@dataclass(frozen=True, slots=True)
class Sampled:
    """A true share, and the probabilities with which both outcomes are kept."""

    share: float
    favourable: float
    others: float


SAMPLED = (
    Sampled(0.1, 1.0, 0.1),
    Sampled(0.1, 0.1, 1.0),
    Sampled(0.3, 1.0, 0.1),
    Sampled(0.3, 0.1, 1.0),
    Sampled(0.5, 1.0, 0.1),
)


def sampled_coverage(case: Sampled, repeats: int, seed: int = 10) -> tuple[float, float]:
    """Share of 95 % intervals that hold the truth: with our effective size, and with Kish's."""
    rng = np.random.default_rng(seed)
    favourable = rng.binomial(EVENTS, case.share, repeats)
    kept = rng.binomial(favourable, case.favourable), rng.binomial(EVENTS - favourable, case.others)
    once = kept[0] / case.favourable, kept[1] / case.others
    twice = once[0] / case.favourable, once[1] / case.others
    total, squared = (once[0] + once[1], once[0]), (twice[0] + twice[1], twice[0])
    ours = effective_counts(kept[0] + kept[1], total, squared)
    kish = total[0] ** 2 / squared[0]
    naive = kish * total[1] / total[0], kish
    return _held(*ours, case.share), _held(*naive, case.share)


def sampling(repeats: int = 4_000) -> Table:
    """Coverage of a weighted share's interval."""
    rows = [[c.share, c.favourable, c.others, *sampled_coverage(c, repeats)] for c in SAMPLED]
    head = ["true share", "favourable kept", "others kept", "linearised size", "Kish's size"]
    return Table(f"Coverage of 95 % intervals of {EVENTS:,} events, sampled by outcome", head, rows)


@dataclass(frozen=True, slots=True)
class Arrival:
    """How likely a label comes, by (prediction, label), in the group that is labelled otherwise.

    Order: (1, 1), (1, 0), (0, 1), (0, 0); ``both`` = the other group has the same.
    """

    name: str
    probabilities: tuple[float, float, float, float]
    both: bool


ARRIVALS = (
    Arrival("half, at random", (0.5, 0.5, 0.5, 0.5), both=True),
    Arrival("favourable truth sooner, both groups", (0.8, 0.3, 0.8, 0.3), both=True),
    Arrival("favourable truth sooner, one group", (0.8, 0.3, 0.8, 0.3), both=False),
    Arrival("favourable decisions sooner, one group", (0.9, 0.9, 0.2, 0.2), both=False),
)
CELLS = (0.3, 0.12, 0.1, 0.48)  # shares of (prediction, label) in both groups
GROUP = 500  # events
OTHERS = (0.8, 0.8, 0.8, 0.8)
RATES = {"TPR": ((0,), (0, 2)), "FPR": ((1,), (1, 3)), "PPV": ((0,), (0, 1))}


def arrival_coverage(
    arrival: Arrival, repeats: int, seed: int = 11
) -> dict[str, tuple[float, float]]:
    """Per rate: how often the difference's bounds hold 0, and the mean difference."""
    rng = np.random.default_rng(seed)
    other = arrival.probabilities if arrival.both else OTHERS
    cells = rng.multinomial(GROUP, CELLS, (repeats, 2))
    labelled = rng.binomial(cells, np.array([arrival.probabilities, other]))
    return {name: _difference(labelled, *places) for name, places in RATES.items()}


def arrivals(repeats: int = 2_000) -> Table:
    """What late labels do to the difference between two equal groups."""
    rows = []
    for arrival in ARRIVALS:
        found = arrival_coverage(arrival, repeats)
        rows.append([arrival.name, *(f"{held:.2f} ({bias:+.2f})" for held, bias in found.values())])
    head = ["labels that have come", *(f"{name} (bias)" for name in RATES)]
    return Table(
        "Bounds of the difference between two equal groups while labels are missing", head, rows
    )


def _held(successes: Floats, sizes: Floats, truth: float) -> float:
    low, high = limits(successes, sizes, DISPLAY_ERROR)
    return float(((low <= truth) & (truth <= high)).mean())


def _difference(
    labelled: NDArray[np.int64], success: tuple[int, ...], whole: tuple[int, ...]
) -> tuple[float, float]:
    s = labelled[..., success].sum(axis=-1).astype(np.float64)
    n = labelled[..., whole].sum(axis=-1).astype(np.float64)
    held = [Difference().bounds(GroupRates(*pair))[0] <= 0 for pair in zip(s, n, strict=True)]
    share = s / n
    return float(np.mean(held)), float((share[:, 0] - share[:, 1]).mean())
