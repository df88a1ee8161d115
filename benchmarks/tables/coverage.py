"""How often the 95 % interval of an effect holds the true effect, and the bias that is left.

STATISTICS 3.5. Reference and window are drawn anew each time; the truth is the effect between the
two populations. The prediction score (ten coarse bins) and schooling (a real category of many
values) are tilted to a given PSI; age is shifted and spread.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tables.drifts import before, shift, spread, tilted, true_effect
from benchmarks.tables.populations import everyday
from benchmarks.tables.race import make_track
from benchmarks.tables.table import Cell, Table, span
from detectors.drift.measure import Measure
from detectors.drift.wasserstein import null_constant
from detectors.stats.overdispersion import Block

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detectors.drift.yardstick import Yardstick
    from governance.component.drift_tests import OwnTest

    Floats = NDArray[np.float64]

SIZES = (50, 200, 1_000, 10_000)
REFERENCE_ROWS = 20_000
REFERENCES = 50
PSI_STEPS = (0.0, 0.05, 0.1, 0.2, 0.5)
STATISTICS: tuple[tuple[str, str, OwnTest], ...] = (
    ("PSI, 10 bins", "score", "psi"),
    ("PSI, schooling", "SCHL", "psi"),
    ("JS, 10 bins", "score", "jensenshannon"),
    ("JS, schooling", "SCHL", "jensenshannon"),
    ("Wasserstein / sd", "AGEP", "wasserstein"),
    ("KS", "AGEP", "ks"),
)
INDEPENDENT = (Block(1, 1e12, 1.0),)  # rho 1 for windows of any size


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One statistic between two populations, given by shares of all bins."""

    statistic: str
    stick: Yardstick
    was: Floats
    became: Floats

    @property
    def truth(self) -> float:
        """The effect between the populations."""
        return true_effect(self.stick, self.was, self.became)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Share of intervals that hold the truth, and the mean of the debiased effect."""

    share: float
    mean: float


@cache
def cases() -> tuple[Case, ...]:
    """Every statistic with every change."""
    track = make_track(np.random.default_rng(6), 1_000)
    found: list[Case] = []
    for statistic, name, test in STATISTICS:
        subject = track.watched.subjects[track.watched.names.index(name)]
        column = everyday().columns[subject.column]
        was, stick = before(subject, column), replace(subject.yardstick, test=test)
        if name == "AGEP":
            changes = [d.shares(subject, column) for d in (*map(shift, (0, 0.1, 0.4)), spread(1.3))]
        else:
            changes = [tilted(was, psi) for psi in PSI_STEPS]
        found += [Case(statistic, stick, was, became) for became in changes]
    return tuple(found)


@cache
def coverage(case: Case, rows: int, repeats: int, seed: int = 6) -> Coverage:
    """Draw references and windows, and look where the truth lies."""
    rng = np.random.default_rng([seed, rows])
    held, values = [], []
    for _ in range(REFERENCES):
        measure = Measure([_reference(rng, case)])
        windows = rng.multinomial(rows, case.became, size=repeats // REFERENCES)
        effect = measure.readings(
            windows.astype(np.float64), np.full(len(windows), rows, float)
        ).effect
        held.append((effect.lower <= case.truth) & (case.truth <= effect.upper))
        values.append(effect.value)
    return Coverage(float(np.mean(held)), float(np.mean(values)))


def table(repeats: int = 2_000, sizes: Sequence[int] = SIZES) -> Table:
    """The smallest and the largest coverage over the changes of each statistic."""
    known = cases()
    rows: list[list[Cell]] = []
    for statistic, _, _ in STATISTICS:
        of = [case for case in known if case.statistic == statistic]
        spans = [span([coverage(case, size, repeats).share for case in of]) for size in sizes]
        rows.append([statistic, *spans])
    head = ["statistic", *(f"n = {size:,}" for size in sizes)]
    notes = [f"{repeats:,} windows a case on {REFERENCES} references of {REFERENCE_ROWS:,} rows."]
    return Table(
        "Coverage of the 95 % intervals, from the worst to the best change", head, rows, notes
    )


def bias(repeats: int = 2_000, sizes: Sequence[int] = SIZES) -> Table:
    """The mean debiased effect beside the true one."""
    rows: list[list[Cell]] = [
        [case.statistic, case.truth, *(coverage(case, size, repeats).mean for size in sizes)]
        for case in cases()
    ]
    head = ["statistic", "truth", *(f"n = {size:,}" for size in sizes)]
    return Table("Mean of the debiased effect", head, rows)


def _reference(rng: np.random.Generator, case: Case) -> Yardstick:
    counts, stick = rng.multinomial(REFERENCE_ROWS, case.was), case.stick
    fine, tail = counts[: -len(stick.tail)], counts[-len(stick.tail) :]
    constant = null_constant(fine, stick.width_over_sd)
    return replace(stick, fine=fine, tail=tail, null_constant=constant, ladder=INDEPENDENT)
