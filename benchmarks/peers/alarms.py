"""How often Evenhand and its peers raise an alarm, by their own default rules, on the same windows.

18 columns of the census (16 features, prediction, score). Where nothing changed an alarm is false;
that a tool is silent there is worth something only if it speaks in the block.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peers.cases import BLOCK, CASES, QUIET, RESAMPLED, SIZES, STRETCHES, name
from benchmarks.peers.contest import Side, contest
from benchmarks.peers.scenes import SEED, arrays, save
from benchmarks.tables.census import STRETCHES as ROWS_OF
from benchmarks.tables.populations import census_reference, census_traffic, only
from benchmarks.tables.table import Cell, Table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from governance.event import EventBatch

WINDOWS = 200  # resampled ones of each size
REFERENCE_ROWS = 20_000  # resampled ones; the census's own reference is all of 2015
WORK = "alarms"
RULES = {
    "evenhand": {"breach": "Evenhand: a breach of any column"},
    "evidently": {
        "column": "Evidently's preset: drift of any column",
        "share": "Evidently's preset: half of the columns drifted",
    },
    "nannyml": {"column": "NannyML: an alert on any column"},
}


def scene(folder: Path) -> None:
    """Write every case."""
    rng = np.random.default_rng(SEED)
    people = census_reference()
    _write(folder, f"reference-{RESAMPLED}", _drawn(rng, REFERENCE_ROWS))
    for stretch in (QUIET, BLOCK):
        _write(folder, f"reference-{stretch}", people)
    for stretch, rows in CASES:
        if stretch == RESAMPLED:
            traffic = _drawn(rng, WINDOWS * rows)
        else:
            ((first, last),) = ROWS_OF[stretch]
            traffic = only(census_traffic(), first, last - (last - first) % rows)
        _write(folder, name(stretch, rows), traffic)


def table(folder: Path, pythons: Mapping[str, Path]) -> Table:
    """Shares of windows with an alarm; ``pythons`` are the interpreters of those who are here."""
    scene(folder)
    found: dict[str, Mapping[str, float]] = {}
    for module in (module for module in RULES if module in pythons):
        print(f"alarms of {module} ...", file=sys.stderr, flush=True)
        side = Side(module, pythons[module], WORK)
        (timed,) = contest([side], folder, rounds=1, warm_up=0)
        found[module] = timed.result
    return table_of(found)


def table_of(found: Mapping[str, Mapping[str, float]]) -> Table:
    """The table of what the sides said: ``CASE RULE`` -> share, ``CASE windows`` -> number."""
    rows: list[list[Cell]] = [
        [
            stretch,
            words,
            *(said[f"{name(stretch, size)} {rule}"] for size in SIZES),
            "/".join(f"{said[f'{name(stretch, size)} windows']:.0f}" for size in SIZES),
        ]
        for stretch in STRETCHES
        for module, said in found.items()
        for rule, words in RULES[module].items()
    ]
    head = ["windows of", "rule", *(f"{size:,} rows" for size in SIZES), "windows"]
    notes = [f"{stretch}: {words}." for stretch, words in STRETCHES.items()]
    return Table("Share of windows with an alarm, 18 columns", head, rows, notes)


def _drawn(rng: np.random.Generator, rows: int) -> EventBatch:
    people = census_reference()
    return people.take(rng.integers(people.n, size=rows))


def _write(folder: Path, stem: str, events: EventBatch) -> None:
    columns = arrays(events)
    if RESAMPLED in stem:
        columns.pop("time")  # of a row that was drawn it says nothing
    save(folder / f"{stem}.npz", columns)
