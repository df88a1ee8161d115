"""Ways to pay for rows that are alike, on one market: why rho is measured for every length.

STATISTICS 3.4. Half hours of an electricity market (Elec2) against its first 26 weeks, by the
ladder with other rho, by the chain, by tests; and what honest effective sizes cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tables import naive
from benchmarks.tables.chain import chain_breaches
from benchmarks.tables.coded import coded, watch, with_rho
from benchmarks.tables.populations import ELEC2_REFERENCE, ELEC2_REGIME, join, only
from benchmarks.tables.streams import EVERYDAY, NEXT_SIX_WEEKS, SIZES, market
from benchmarks.tables.table import Table
from benchmarks.tables.watched import component, drift_statuses
from governance.event import Column, EventBatch
from governance.finding import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from benchmarks.tables.coded import Watch
    from benchmarks.tables.table import Cell

    Counts = NDArray[np.int64]

DAY = 48  # rows
FOUR_WEEKS = 28 * DAY
DEMAND = "nswdemand"
WATCHED = ((DEMAND,), EVERYDAY)
SHIFTS = (1.0, 2.0, 3.0)
USUAL_DAYS = 42


def table(sizes: Sequence[int] = SIZES) -> Table:
    """Share of windows in breach, by how rho is measured; shuffled rows beside those in order."""
    rows: list[list[Cell]] = []
    for name, stop in (("next 6 weeks", NEXT_SIX_WEEKS), ("other half year", ELEC2_REGIME)):
        for size in sizes:
            rows.append([name, size, *shares(size, stop).values()])
            if stop == NEXT_SIX_WEEKS:
                rows.append(
                    ["six weeks, all shuffled", size, *shares(size, stop, mix=True).values()]
                )
    head = ["behind the reference", "rows", *shares(sizes[-1], NEXT_SIX_WEEKS)]
    notes = [
        "chain: M = (1 + M) e over windows; one rho: that of one window for all lengths;",
        "integrated: times 1 + 2 x the autocorrelations of windows up to the first below 0; each",
        "length: as it runs; tests: KS, for categories chi-square, p < .05 / features; shuffled:",
        "reference and later rows together, so that nothing changes and no row is like the next.",
    ]
    return Table("Elec2: share of windows in breach, by what is done about rho", head, rows, notes)


def shares(rows: int, stop: int, *, mix: bool = False) -> dict[str, float]:
    """Share of windows that alarm by rule, in windows of ``rows`` rows up to row ``stop``."""
    reference, later = _mixed(stop) if mix else market(EVERYDAY, stop)
    watched = watch(reference, component("class", windows={"events": rows}))
    panes = coded(watched, later).panes(rows)
    alike = watched.measured_by(lambda stick: with_rho(stick, 1.0))
    ways = {
        "rho = 1": alike,
        "one rho": watched.measured_by(lambda stick: with_rho(stick, stick.ladder[0].rho)),
        "integrated": _integrated(watched, coded(watched, reference).panes(rows)),
        "each length": watched,
    }
    p = naive.p_values(watched, panes)
    return {
        "chain": float(chain_breaches(watched, panes, rows).any(axis=1).mean()),
        "chain, rho 1": float(chain_breaches(alike, panes, rows).any(axis=1).mean()),
        **{name: float(np.mean(list(way.breaches(panes, rows)))) for name, way in ways.items()},
        "tests": float((p.min(axis=1) < 0.05 / p.shape[1]).mean()),
    }


def integrated_autocorrelation(windows: NDArray[np.float64]) -> float:
    """1 + 2 x the sum of the autocorrelations of windows' counts, shape (T, B), up to the first <0.

    Counts are standardised bin by bin (Pearson residuals), and one correlation is taken over all.
    """
    rows, p = windows.sum(axis=1, keepdims=True), windows.sum(axis=0) / windows.sum()
    used = p > 0
    z = ((windows - rows * p)[:, used]) / np.sqrt(rows * p[used])
    total, variance = 1.0, float((z * z).sum()) / len(z)
    if variance == 0:
        return total  # every window is alike
    for lag in range(1, len(z)):
        correlation = float((z[lag:] * z[:-lag]).sum()) / (len(z) - lag) / variance
        if correlation <= 0:
            break
        total += 2 * correlation
    return total


def shifted(sds: float, names: Sequence[str], usual_days: int) -> int | None:
    """Days until a shift of the market's demand is in breach; None = not in four weeks.

    ``names`` are the columns that are watched, demand among them; so many usual days come first.
    """
    start = ELEC2_REFERENCE + usual_days * DAY
    reference, later = market(names, start + FOUR_WEEKS)
    name = f"tabular.{DEMAND}"
    moved = later.columns[name].values.copy()
    moved[usual_days * DAY :] += sds * reference.columns[name].values.std()
    later = EventBatch(later.version, later.n, {**later.columns, name: Column(moved)})
    categories = {"class"} & set(names)
    statuses = drift_statuses(reference, component(*categories, windows={"events": DAY}), later)
    alarms = [found[DEMAND] is Status.BREACH for found in statuses][usual_days:]
    return alarms.index(True) + 1 if any(alarms) else None


def shifts() -> Table:
    """How long a stream with few independent days hides a shift."""
    rows: list[list[Cell]] = [
        [
            f"+{sds:g} sd",
            *(shifted(sds, names, days) for days in (USUAL_DAYS, 0) for names in WATCHED),
        ]
        for sds in SHIFTS
    ]
    day, *_, longest = _rho_of_demand()
    notes = [f"- = not in 28 days. rho of demand: {day:.1f} for a day, {longest:.1f} at most."]
    notes += [
        "At first: no day before the shift, so the finding is `insufficient` until the ladder is",
        "long enough for 25 effective rows.",
    ]
    head = ["shift", "demand alone", "among four", "alone, at first", "among four, at first"]
    return Table("Elec2: days until a shift of demand is in breach", head, rows, notes)


def _mixed(stop: int) -> tuple[EventBatch, EventBatch]:
    """Reference and later rows up to ``stop`` with everything but their times shuffled."""
    rows = join(*market(EVERYDAY, stop))
    columns = rows.take(np.random.default_rng(0).permutation(rows.n)).columns
    mixed = EventBatch(rows.version, rows.n, {**columns, "time": rows.columns["time"]})
    return only(mixed, 0, ELEC2_REFERENCE), only(mixed, ELEC2_REFERENCE, rows.n)


def _rho_of_demand() -> list[float]:
    reference, _ = market((DEMAND,), ELEC2_REGIME)
    watched = watch(reference, component(windows={"events": DAY}))
    return [block.rho for block in watched.subjects[0].yardstick.ladder]


def _integrated(watched: Watch, reference: Counts) -> Watch:
    coarse = watched.measure.coarse(reference.astype(np.float64))
    bins = watched.measure.coarse_bins
    times = {
        id(subject.yardstick): integrated_autocorrelation(coarse[:, bins.slice(place)])
        for place, subject in enumerate(watched.subjects)
    }
    return watched.measured_by(
        lambda stick: with_rho(stick, stick.ladder[0].rho * times[id(stick)])
    )
