"""Counterfactual differences of texts: what a breach claims falsely, and what a gate finds.

The mean paired difference of each population is the limit itself, the worst that is no breach. The
rival is the usual interval by Student's t for the mean of paired differences.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from benchmarks.tables.table import Table
from detectors.fairness.counterfactual import PairedScores, Rule, judge
from detectors.stats.bounded_mean import log_evidence
from governance.finding import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from benchmarks.tables.table import Cell

    Floats = NDArray[np.float64]
    Draw = Callable[[np.random.Generator, int], Floats]

LIMIT = 0.1
SIZES = (30, 120, 720)
CLAIM_ERROR = 0.005
EVERY = 1_000  # the default of falseAlarmEvery, spent on score and outcome of one attribute


@dataclass(frozen=True, slots=True)
class Population:
    """Paired differences in [-1, 1] whose mean is the limit."""

    name: str
    draw: Draw


@dataclass(frozen=True, slots=True)
class Claims:
    """Shares of gates: a false claim, and the true mean within the 95 % interval."""

    false: float
    false_by_t: float
    held: float
    held_by_t: float


def _one_way(rng: np.random.Generator, n: int) -> Floats:
    return (rng.random(n) < LIMIT).astype(np.float64)


def _both_ways(rng: np.random.Generator, n: int) -> Floats:
    return rng.choice([1.0, -1.0, 0.0], size=n, p=[0.25, 0.15, 0.6])


def _normal(rng: np.random.Generator, n: int) -> Floats:
    return rng.normal(LIMIT, 0.1, n).clip(LIMIT - 0.9, LIMIT + 0.9)


def _rare(rng: np.random.Generator, n: int) -> Floats:
    """Nearly always a little more, rarely much less."""
    return np.where(rng.random(n) < 0.02, -0.9, (LIMIT + 0.02 * 0.9) / 0.98)


POPULATIONS = (
    Population("outcome, 10 % one way", _one_way),
    Population("outcome, 25 % and 15 %", _both_ways),
    Population("score, normal, sd .1", _normal),
    Population("score, rare reversals", _rare),
)


@cache
def claims(population: Population, templates: int, repeats: int, seed: int = 5) -> Claims:
    """Draw template sets, and look what is claimed of them."""
    rng = np.random.default_rng([seed, templates, POPULATIONS.index(population)])
    drawn = [population.draw(rng, templates) for _ in range(repeats)]
    unit = [differences / 2 + 0.5 for differences in drawn]
    up = np.array([log_evidence(x, LIMIT / 2 + 0.5) for x in unit])
    down = np.array([log_evidence(1 - x, 0.5 - LIMIT / 2) for x in unit])
    t = np.array([_student(differences) for differences in drawn])
    tail = stats.t.ppf([1 - CLAIM_ERROR, 0.975], templates - 1)
    return Claims(
        false=float(np.mean(up >= -math.log(CLAIM_ERROR))),
        false_by_t=float(np.mean(t >= tail[0])),
        held=float(np.mean((up < -math.log(0.025)) & (down < -math.log(0.025)))),
        held_by_t=float(np.mean(np.abs(t) <= tail[1])),
    )


def _student(differences: Floats) -> float:
    error = float(differences.std(ddof=1)) / math.sqrt(len(differences))
    beyond = float(differences.mean()) - LIMIT
    return beyond / error if error > 0 else math.copysign(math.inf, beyond)


@cache
def found(difference: float, templates: int, repeats: int, seed: int = 6) -> tuple[float, float]:
    """Share of gates in breach where a share of outcomes flips, and where every score moves."""
    rng = np.random.default_rng([seed, templates, round(1_000 * difference)])
    flips = [
        _breaches(np.where(rng.random(templates) < difference, 1.0, 0.0)) for _ in range(repeats)
    ]
    moves = [_breaches(rng.normal(difference, 0.1, templates)) for _ in range(repeats)]
    return float(np.mean(flips)), float(np.mean(moves))


def _breaches(differences: Floats) -> bool:
    values = np.stack([differences.clip(0, 1), np.zeros(len(differences))], axis=1)
    names = [str(i) for i in range(len(differences))]
    paired = PairedScores("gender", "score", names, ("male", "female"), values)
    rule = Rule(LIMIT, 30, 1 / (2 * EVERY), 1 / 20)
    return judge(paired, rule).status is Status.BREACH


def table(repeats: int = 10_000, sizes: Sequence[int] = SIZES) -> Table:
    """False claims and coverage where the limit is just kept."""
    rows: list[list[Cell]] = []
    for population in POPULATIONS:
        for size in sizes:
            c = claims(population, size, repeats)
            rows.append([population.name, size, c.false, c.false_by_t, c.held, c.held_by_t])
    head = ["differences", "templates", "false claims", "by t", "interval holds", "by t"]
    promised = f"promised: false claims <= {CLAIM_ERROR:g}, intervals >= .95."
    notes = [f"{repeats:,} template sets a row; {promised}"]
    return Table(f"Mean difference exactly at the limit {LIMIT:g}", head, rows, notes)


def power(repeats: int = 300) -> Table:
    """What a gate with default settings finds."""
    sizes = (30, 72, 120, 240, 720)
    rows: list[list[Cell]] = [
        [form, difference, *(found(difference, size, repeats)[i] for size in sizes)]
        for i, form in enumerate(("outcome flips", "score, sd .1"))
        for difference in (0.05, 0.15, 0.2, 0.3, 0.5)
    ]
    head = ["differences", "mean", *(f"{size} templates" for size in sizes)]
    notes = [f"{repeats} gates a cell, falseAlarmEvery {EVERY:,}, score and outcome judged."]
    return Table(f"Share of gates in breach, limit {LIMIT:g}, two groups", head, rows, notes)
