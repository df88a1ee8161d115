"""Fairness: what the bounds of the largest difference between groups hold, alone and over time.

STATISTICS 3.6. The extreme pair of groups is found by looking: an interval that ignores this is
wrong more often the more groups there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tables.table import Cell, Table
from detectors.fairness.difference import Difference
from detectors.fairness.group_rates import GroupRates
from detectors.fairness.ratio import Ratio
from detectors.stats.limits import limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.fairness.parity import Form

CLAIM_ERROR = 1e-3
COMPAS_SIZES = (3_696, 2_454, 637, 377, 32, 18)


@dataclass(frozen=True, slots=True)
class Case:
    """Groups with their true rates and sizes."""

    name: str
    rates: Sequence[float]
    sizes: Sequence[int]

    @property
    def difference(self) -> float:
        """The true largest difference."""
        return max(self.rates) - min(self.rates)

    @property
    def ratio(self) -> float:
        """The true smallest ratio."""
        return min(self.rates) / max(self.rates)


_SIX = (3_696, 2_454, 637, 377, 50, 32)
CASES = (
    Case("2 equal, 200 each", (0.3, 0.3), (200, 200)),
    Case("3 equal, 100 / 300 / 1,000", (0.3, 0.3, 0.3), (100, 300, 1_000)),
    Case("6 equal, COMPAS sizes", (0.4,) * 6, _SIX),
    Case("6 of .59-.21, COMPAS sizes", (0.59, 0.35, 0.3, 0.21, 0.25, 0.4), _SIX),
    Case("10 equal of .1, 50 each", (0.1,) * 10, (50,) * 10),
    Case("10 of .05-.30, 200 each", tuple(np.linspace(0.05, 0.30, 10).tolist()), (200,) * 10),
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Shares of windows; ``low`` is how often the lower bound exceeds the truth."""

    covered: float
    low: float
    uncorrected: float
    uncorrected_low: float
    point: float
    ratio_covered: float
    claims: float  # lower bounds at an error of 1e-3 that exceed the truth


def bounds(case: Case, repeats: int, seed: int = 7) -> Bounds:
    """Draw windows of these groups and look where the truth lies."""
    rng = np.random.default_rng(seed)
    drawn = rng.binomial(case.sizes, case.rates, (repeats, len(case.sizes)))
    seen = [GroupRates(s.astype(float), np.array(case.sizes, dtype=float)) for s in drawn]
    held = np.array([_held(Difference(), rates, case.difference) for rates in seen])
    naive = np.array([_uncorrected(rates, case.difference) for rates in seen])
    ratio = np.array([_held(Ratio(), rates, case.ratio) for rates in seen])
    claims = [Difference().claim(rates, CLAIM_ERROR) > case.difference for rates in seen]
    return Bounds(
        covered=float(held.all(axis=1).mean()),
        low=float(1 - held[:, 0].mean()),
        uncorrected=float(naive.all(axis=1).mean()),
        uncorrected_low=float(1 - naive[:, 0].mean()),
        point=float(np.mean([Difference().point(rates) for rates in seen])),
        ratio_covered=float(ratio.all(axis=1).mean()),
        claims=float(np.mean(claims)),
    )


def table(repeats: int = 4_000) -> Table:
    """Coverage of the difference's bounds, by number and size of groups."""
    rows: list[list[Cell]] = []
    for case in CASES:
        b = bounds(case, repeats)
        rows.append(
            [
                case.name,
                f"{b.covered:.3f} / {b.low:.3f}",
                f"{b.uncorrected:.3f} / {b.uncorrected_low:.3f}",
                f"{b.point:.3f} ({case.difference:.2f})",
                b.claims,
                b.ratio_covered,
            ]
        )
    head = ["groups", "hold / low", "uncorrected", "point (truth)", "claims", "ratio"]
    notes = [
        "hold / low: both bounds hold the truth / the lower is above it; uncorrected: the same of",
        "the extreme pair alone; claims: lower bounds at an error of .001 that are false.",
    ]
    return Table(f"Largest difference of groups, {repeats:,} windows a case", head, rows, notes)


def _held(form: Form, rates: GroupRates, truth: float) -> tuple[bool, bool]:
    lower, upper = form.bounds(rates)
    return lower <= truth, truth <= upper


def _uncorrected(rates: GroupRates, truth: float) -> tuple[bool, bool]:
    """The interval of the two extreme groups as if they had been named beforehand."""
    pair = rates.keep(
        np.isin(np.arange(len(rates.sizes)), [rates.shares.argmax(), rates.shares.argmin()])
    )
    share = pair.shares
    low, high = limits(pair.successes, pair.sizes, 0.025)
    top, bottom = int(share.argmax()), int(share.argmin())
    d = share[top] - share[bottom]
    down = np.hypot(share[top] - low[top], high[bottom] - share[bottom])
    up = np.hypot(high[top] - share[top], share[bottom] - low[bottom])
    return bool(d - down <= truth), bool(truth <= d + up)
