"""Error rates of the COMPAS scores with our intervals, beside those that were published.

Counts: ProPublica's two-year table (tests/golden/compas.json). Published: Dressel & Farid, Science
Advances 4(1) eaao5580, table 2, column D.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tables.table import Table
from detectors.fairness.difference import Difference
from detectors.fairness.group_rates import GroupRates
from detectors.fairness.parity import Window, compare
from detectors.stats.limits import limits
from detectors.trailing import DISPLAY_ERROR, error_levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.tables.table import Cell

COUNTS = Path(__file__).resolve().parents[2] / "tests" / "golden" / "compas.json"


@dataclass(frozen=True, slots=True)
class Published:
    """An error rate of one group, in percent, with its published 95 % interval."""

    race: str
    label: int  # the truth of whom the rate is about
    rate: float
    lower: float
    upper: float

    @property
    def name(self) -> str:
        """Rate and group."""
        return f"{'FNR' if self.label else 'FPR'}, {self.race}"


@dataclass(frozen=True, slots=True)
class Rate:
    """Predicted to reoffend, of everybody (no ``label``) or of those with this truth."""

    label: int | None

    def of(self, race: str) -> tuple[int, int]:
        """Predicted so, and people in the denominator, of one group."""
        rows = [row for row in _counts() if row[0] == race and self.label in {None, row[2]}]
        return sum(row[3] for row in rows if row[1]), sum(row[3] for row in rows)


PAIR = ("African-American", "Caucasian")
MINIMUM_GROUP_SIZE = 30
RATES = {"selection": Rate(None), "TPR": Rate(1), "FPR": Rate(0)}
PUBLISHED = (
    Published("African-American", 0, 44.8, 42.7, 46.9),
    Published("Caucasian", 0, 23.5, 20.7, 26.5),
    Published("African-American", 1, 28.0, 25.7, 30.3),
    Published("Caucasian", 1, 47.7, 45.2, 50.2),
)


def ours(published: Published) -> tuple[float, float, float]:
    """The same rate and its interval, in percent."""
    of = {
        row[1]: row[3]
        for row in _counts()
        if row[0] == published.race and row[2] == published.label
    }
    errors, people = of[1 - published.label], sum(of.values())
    low, high = limits(errors, people, DISPLAY_ERROR)
    return 100 * errors / people, 100 * float(low), 100 * float(high)


def table() -> Table:
    """Four error rates."""
    rows = []
    for published in PUBLISHED:
        rate, low, high = ours(published)
        known = f"{published.rate} [{published.lower}, {published.upper}]"
        rows.append([published.name, f"{rate:.1f} [{low:.1f}, {high:.1f}]", known])
    return Table("COMPAS, percent", ["rate", "ours", "Dressel & Farid 2018"], rows)


def differences() -> Table:
    """The largest differences between two groups and between all six, and who is left out."""
    rows: list[list[Cell]] = []
    for who, races in {"black and white": PAIR, "all six": tuple(sorted(_races()))}.items():
        rows += [[f"{name}, {who}", *difference(rate, races)] for name, rate in RATES.items()]
    head = ["rate", "plain", "groups kept", "difference", "verdict's bound", "left out"]
    notes = [
        "plain: of all groups; difference: of those with at least 30 people in the rate's own",
        "denominator; verdict's bound: lower, at an error of 1/7,000 (one metric, falseAlarmEvery",
        "1,000).",
    ]
    return Table("COMPAS: largest differences between groups", head, rows, notes)


def difference(rate: Rate, races: Sequence[str]) -> tuple[float, int, str, float, str]:
    """What ``differences`` shows of one rate."""
    found = [rate.of(race) for race in races]
    successes, sizes = np.array(found, dtype=np.float64).T
    rates = GroupRates(successes, sizes)
    comparison = compare(Window(1, (rates,)), MINIMUM_GROUP_SIZE)
    if comparison is None:
        raise ValueError(f"fewer than two of {', '.join(races)} are large enough")
    form, kept = Difference(), comparison.kept[0]
    lower, upper = comparison.bounds(form)
    bound = comparison.claim(form, error_levels(1_000, 1)[0])
    out = (f"{races[i]} {found[i][1]}" for i in np.flatnonzero(~kept).tolist())
    value = f"{comparison.point(form):.4f} [{lower:.3f}, {upper:.3f}]"
    return form.point(rates), int(kept.sum()), value, bound, ", ".join(out) or "-"


@cache
def _counts() -> list[tuple[str, int, int, int]]:
    """Race, prediction (1 = medium or high), label (1 = recidivated), people."""
    return [tuple(row) for row in json.loads(COUNTS.read_text(encoding="utf-8"))["counts"]]


def _races() -> set[str]:
    return {row[0] for row in _counts()}
