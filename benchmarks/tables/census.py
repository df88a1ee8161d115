"""Three years of census traffic against the year before, window by window.

STATISTICS 3.3. What really happens: people in group quarters (RELP 16 and 17, 7.5 % of 2015 and of
2016) are absent from 2017 and 2018 but for one block of rows, because the file is sorted otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tables import naive
from benchmarks.tables.coded import coded, watch
from benchmarks.tables.populations import (
    CENSUS_CATEGORIES,
    census_reference,
    census_traffic,
    only,
)
from benchmarks.tables.table import Cell, Table
from benchmarks.tables.watched import component, drift_statuses
from detectors.drift.measure import Measure
from detectors.stats.overdispersion import Block
from governance.finding import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


CUTS = ((5_000, 0.1), (1_000, 0.1), (200, 0.1), (50, 0.1), (5_000, 0.2))  # rows, threshold
QUIET, GONE, BLOCK = "2016", "no group quarters", "block"
STRETCHES: Mapping[str, tuple[tuple[int, int], ...]] = {  # rows of the file
    QUIET: ((0, 69_126),),
    GONE: ((70_000, 130_000), (145_000, 205_000)),
    BLOCK: ((130_000, 145_000),),
}


@dataclass(frozen=True, slots=True)
class Look:
    """The status of every subject in one window, and the newest pane's largest raw PSI."""

    number: int
    period: str  # empty: the window lies in no stretch, or across its ends
    statuses: Mapping[str, Status]
    raw_psi: float

    def subjects(self, status: Status = Status.BREACH) -> frozenset[str]:
        """Who has a status."""
        return frozenset(name for name, found in self.statuses.items() if found is status)


def looks(rows: int, threshold: float = 0.1, until: int | None = None) -> Iterator[Look]:
    """Every complete window of ``rows`` rows in the file's order, up to row ``until``."""
    declared = component(
        *CENSUS_CATEGORIES, windows={"events": rows}, drift={"threshold": threshold}
    )
    traffic = only(census_traffic(), 0, until or census_traffic().n)
    panes = coded(watch(census_reference(), declared), traffic)
    psi = naive.raw_psi(panes.watched, panes.panes(rows)).max(axis=1).tolist()
    for number, statuses in enumerate(drift_statuses(census_reference(), declared, traffic)):
        yield Look(number, period(number * rows, rows), statuses, psi[number])


def period(start: int, rows: int) -> str:
    """The stretch in which a window lies whole, by its first row; empty if in none."""
    for name, stretches in STRETCHES.items():
        if any(first <= start and start + rows <= last for first, last in stretches):
            return name
    return ""


def table(cuts: Sequence[tuple[int, float]] = CUTS) -> Table:
    """Windows in breach by period, and by whom."""
    rows: list[list[Cell]] = []
    for size, threshold in cuts:
        found = list(looks(size, threshold))
        periods = {name: [look for look in found if look.period == name] for name in STRETCHES}
        psi = float(np.mean([look.raw_psi > 0.1 for look in periods[QUIET]]))
        only_relp = sum(look.subjects() == {"RELP"} for look in periods[GONE])
        subjects = frozenset().union(*(look.subjects() for look in periods[BLOCK]))
        quiet, gone, block = map(_told, periods.values())
        rows.append([size, threshold, quiet, gone, only_relp, block, len(subjects), psi])
    head = ["rows", "limit", QUIET, GONE, "RELP only", BLOCK, "subjects", "PSI > .1"]
    notes = [
        "Windows in breach; of those without group quarters the ones in which RELP alone is; in",
        "how many subjects the block is; the share of 2016's windows with any raw PSI > .1.",
    ]
    return Table("Census 2016-2018 against 2015", head, rows, notes)


def vanished(sizes: Sequence[int] = (50, 200, 1_000, 5_000, 20_000)) -> Table:
    """One and the same change of RELP, seen through windows of several sizes."""
    effects = {"PSI": "psi", "JS distance": "jensenshannon"}
    rows: list[list[Cell]] = [
        [
            f"{name}, {words}",
            *(_mean_effect("RELP", test, size, independent=alone) for size in sizes),
        ]
        for name, test in effects.items()
        for words, alone in (("rho as measured", False), ("rho 1", True))
    ]
    head = ["debiased effect", *(f"{size:,} rows" for size in sizes)]
    return Table("Group quarters vanish (RELP): the mean effect by window size", head, rows)


def _mean_effect(name: str, test: str, size: int, *, independent: bool) -> float:
    drift = {"features": {name: {"test": test}}}
    declared = component(*CENSUS_CATEGORIES, windows={"events": size}, drift=drift)
    watched = watch(census_reference(), declared)
    panes = coded(watched, only(census_traffic(), 75_000, 125_000)).panes(size).astype(np.float64)
    place = watched.names.index(name)
    stick = watched.subjects[place].yardstick
    if independent:
        stick = replace(stick, ladder=(Block(1, 1e12, 1.0),))
    panes = panes[:, watched.bins.slice(place)]
    readings = Measure([stick]).readings(panes, np.full(len(panes), float(size)))
    return float(readings.effect.value.mean())


def _told(found: Sequence[Look]) -> str:
    return f"{sum(bool(look.subjects()) for look in found):,} of {len(found):,}"
