"""Streams whose neighbouring rows are alike: false alarms, and a change of regime.

STATISTICS 3.4. Half hours of an electricity market (Elec2) and one hour of requests to a language
model: rows come in days and weeks, in bursts and minutes, so a window knows less than its rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tables import naive
from benchmarks.tables.coded import coded, watch, with_rho
from benchmarks.tables.populations import (
    ELEC2_REFERENCE,
    ELEC2_REGIME,
    elec2,
    llm_hour,
    only,
)
from benchmarks.tables.table import Cell, Table
from benchmarks.tables.watched import component, drift_statuses
from governance.event import Column, EventBatch
from governance.finding import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZES = (12, 48, 336)  # six hours, a day, a week
NEXT_SIX_WEEKS = ELEC2_REFERENCE + 6 * 7 * 48
EVERYDAY = ("period", "nswprice", "nswdemand", "class")  # what moves throughout
NEIGHBOURS = ("vicprice", "vicdemand", "transfer")  # constant before ELEC2_REGIME
REGIME_SIZES = (12, 48, 200)
LLM_SIZES = (50, 200, 1_000)
LLM_BLOCK = 400  # requests: every other block is reference
TWENTY_MINUTES_US = 20 * 60 * 1_000_000


@dataclass(frozen=True, slots=True)
class Shares:
    """Share of windows that alarm, by rule."""

    windows: int
    ladder: float
    rho_one: float  # the ladder, as if rows were independent
    p_value: float  # tests of one window, p < .05 over all features


def market(names: Sequence[str], stop: int) -> tuple[EventBatch, EventBatch]:
    """Reference, and the rows behind it up to ``stop``."""
    columns = {f"tabular.{name}": elec2().columns[f"tabular.{name}"] for name in names}
    rows = EventBatch("1", elec2().n, {"time": elec2().columns["time"], **columns})
    return only(rows, 0, ELEC2_REFERENCE), only(rows, ELEC2_REFERENCE, stop)


def market_statuses(rows: int, stop: int, *, shuffle: bool = False) -> list[bool]:
    """Whether each window behind Elec2's reference, up to row ``stop``, is in breach."""
    reference, later = market(EVERYDAY, stop)
    if shuffle:
        later = later.take(np.random.default_rng(0).permutation(later.n))
    statuses = drift_statuses(reference, component("class", windows={"events": rows}), later)
    return [Status.BREACH in found.values() for found in statuses]


def market_shares(rows: int, stop: int) -> Shares:
    """Alarms of the ladder, of the ladder with rho 1, and of tests, up to row ``stop``."""
    reference, later = market(EVERYDAY, stop)
    watched = watch(reference, component("class", windows={"events": rows}))
    panes = coded(watched, later).panes(rows)
    alike = watched.measured_by(lambda stick: with_rho(stick, 1.0))
    p = naive.p_values(watched, panes)
    breached = market_statuses(rows, stop)
    return Shares(
        len(breached),
        float(np.mean(breached)),
        float(np.mean(list(alike.breaches(panes, rows)))),
        float((p.min(axis=1) < 0.05 / p.shape[1]).mean()),
    )


def regime(rows: int) -> tuple[int, int]:
    """Breaches of a neighbour's figures before their regime begins, and the first one after.

    The second is a number of windows, counted from the one that holds the first row, from 1.
    """
    reference, later = market((*EVERYDAY, *NEIGHBOURS), ELEC2_REGIME + 20 * rows)
    statuses = drift_statuses(reference, component("class", windows={"events": rows}), later)
    alarms = [any(found[name] is Status.BREACH for name in NEIGHBOURS) for found in statuses]
    begins = (ELEC2_REGIME - ELEC2_REFERENCE) // rows
    return sum(alarms[:begins]), alarms[begins:].index(True) + 1


def early_reference(rows: int) -> tuple[int, int, int]:
    """Windows behind a reference of 20 minutes: all, raised to a warning, in breach."""
    hour = llm_hour()
    times = hour.columns["time"].values
    cut = int(np.searchsorted(times, times[0] + TWENTY_MINUTES_US))
    declared = component(covers_rhythm=False, windows={"events": rows})
    statuses = drift_statuses(only(hour, 0, cut), declared, only(hour, cut, hour.n))
    found = [set(window.values()) for window in statuses]
    warned = sum(Status.WARNING in window for window in found)
    return len(found), warned, sum(Status.BREACH in window for window in found)


def spread_reference(rows: int, feature: str = "", factor: float = 1.0) -> list[bool]:
    """Whether each window between the blocks of a reference spread over the hour is in breach.

    From half way on the values of ``feature`` are multiplied by ``factor``.
    """
    hour = llm_hour()
    is_reference = np.arange(hour.n) // LLM_BLOCK % 2 == 0
    later = _multiplied(hour.take(~is_reference), feature, factor)
    declared = component(windows={"events": rows})
    statuses = drift_statuses(hour.take(is_reference), declared, later)
    return [Status.BREACH in found.values() for found in statuses]


def found_after(rows: int, feature: str, factor: float) -> int:
    """Windows from the change half way to the first breach, counted from 1."""
    alarms = spread_reference(rows, feature, factor)
    later = int((np.arange(llm_hour().n) // LLM_BLOCK % 2 == 1).sum())
    return alarms[later // 2 // rows :].index(True) + 1


def elec2_table(sizes: Sequence[int] = SIZES) -> Table:
    """False alarms on the next six weeks and on the other half year."""
    rows: list[list[Cell]] = []
    for name, stop in (("next 6 weeks", NEXT_SIX_WEEKS), ("other half year", ELEC2_REGIME)):
        for size in sizes:
            shares = market_shares(size, stop)
            shuffled = float(np.mean(market_statuses(size, stop, shuffle=True)))
            figures = (shares.windows, shares.ladder, shares.rho_one, shares.p_value, shuffled)
            rows.append([name, size, *figures])
    head = ["behind the reference", "rows", "windows", "ladder", "rho = 1", "tests", "shuffled"]
    notes = [
        "rho = 1: the ladder as if rows were independent; tests: KS, for categories chi-square,",
        "p < .05 / features; shuffled: the ladder over the same rows in random order.",
    ]
    notes += [
        f"Regime change in panes of {size} rows: {before} breaches before it, found in window "
        f"{first}."
        for size, (before, first) in ((size, regime(size)) for size in REGIME_SIZES)
    ]
    return Table("Elec2 against its first 26 weeks: share of windows in breach", head, rows, notes)


def llm_table(sizes: Sequence[int] = LLM_SIZES) -> Table:
    """One hour of a conversation service."""
    rows: list[list[Cell]] = []
    for size in sizes:
        windows, warned, breached = early_reference(size)
        calm = spread_reference(size)
        early = f"{warned} warnings, {breached} breaches of {windows}"
        prompts = found_after(size, "tabular.prompt", 1.5)
        outputs = found_after(size, "tabular.output", 2.0)
        rows.append([size, early, f"{sum(calm)} of {len(calm)}", prompts, outputs])
    head = ["rows", "first 20 minutes as reference", "every other 400 requests"]
    head += ["prompts x 1.5", "outputs x 2"]
    notes = ["The last two: the window, counted from the change, in which it is found."]
    return Table("An hour of requests to a language model", head, rows, notes)


def _multiplied(events: EventBatch, feature: str, factor: float) -> EventBatch:
    if not feature:
        return events
    values = events.columns[feature].values.copy()
    values[events.n // 2 :] *= factor
    return EventBatch(events.version, events.n, {**events.columns, feature: Column(values)})
