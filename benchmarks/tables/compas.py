"""Error rates of the COMPAS scores with our intervals, beside those that were published.

Counts: ProPublica's two-year table (tests/golden/compas.json). Published: Dressel & Farid, Science
Advances 4(1) eaao5580, table 2, column D.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.tables.table import Table
from detectors.stats.limits import limits
from detectors.trailing import DISPLAY_ERROR

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


@cache
def _counts() -> list[tuple[str, int, int, int]]:
    """Race, prediction (1 = medium or high), label (1 = recidivated), people."""
    return [tuple(row) for row in json.loads(COUNTS.read_text(encoding="utf-8"))["counts"]]
