"""How far every subject of the census really moved, one window of 5,000 people at a time.

STATISTICS 3.3, effects by chunk; and what the same traffic does to evidence without a threshold, or
to the rule under another rho.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tables.census import BLOCK, GONE, QUIET, STRETCHES, period
from benchmarks.tables.chain import chain_breaches
from benchmarks.tables.coded import coded, watch, with_rho
from benchmarks.tables.populations import CENSUS_CATEGORIES, census_reference, census_traffic, only
from benchmarks.tables.table import Table
from benchmarks.tables.watched import component, drift_verdicts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.tables.coded import Watch
    from benchmarks.tables.table import Cell

ROWS = 5_000


def table() -> Table:
    """The largest debiased effect of each subject by period, and that of each window of the block.

    Largest first, by what happened in the block.
    """
    found = effects()
    of_block = [number for number in found if period(number * ROWS, ROWS) == BLOCK]
    rows: list[list[Cell]] = [
        [
            name,
            *(_largest(found, stretch, name) for stretch in (QUIET, GONE)),
            *(found[number][name] for number in of_block),
        ]
        for name in found[0]
    ]
    rows.sort(key=lambda row: -max(float(cell or 0.0) for cell in row[3:]))
    head = ["subject", f"{QUIET}, largest", f"{GONE}, largest"]
    head += [f"chunk {number}" for number in of_block]
    return Table(
        "Debiased effect of each window of 5,000 people alone", head, rows, alone_in_words()
    )


def effects() -> dict[int, Mapping[str, float]]:
    """The debiased effect of every subject in each complete window alone, by its number."""
    declared = component(*CENSUS_CATEGORIES, windows={"events": ROWS})
    windows = drift_verdicts(census_reference(), declared, census_traffic(), longest=1)
    return {
        number: {v.subject: float(v.value or 0.0) for v in verdicts}
        for number, verdicts in enumerate(windows)
    }


def alone_in_words() -> list[str]:
    """In how many windows outside the block evidence is a breach without a threshold."""
    watched = _watch(ROWS).measured_by(lambda stick: replace(stick, threshold=0.0))
    independent = watched.measured_by(lambda stick: replace(with_rho(stick, 1.0), threshold=0.0))
    panes = coded(watched, census_traffic()).panes(ROWS)
    others = [number for number in range(len(panes)) if period(number * ROWS, ROWS) != BLOCK]
    ladder = np.array(list(watched.breaches(panes, ROWS)))[others]
    chain = np.asarray(chain_breaches(independent, panes, ROWS).any(axis=1))[others]
    return [
        f"Without a threshold evidence fires in {ladder.sum()} of the {len(others)} other windows,",
        f"a chain of windows (3.2) that takes rows for independent in {chain.sum()}.",
    ]


def rho_table(sizes: Sequence[int] = (5_000, 1_000, 200, 50)) -> Table:
    """Share of 2016's windows in breach, by what is taken for rho: nothing happens in 2016."""
    rows: list[list[Cell]] = [[size, *quiet_shares(size).values()] for size in sizes]
    head = ["rows", *quiet_shares(sizes[0])]
    return Table("2016 against 2015: share of windows in breach, by rho", head, rows)


def quiet_shares(size: int) -> dict[str, float]:
    """The share with rho as measured, with 1, and with 2 as where the order is not known."""
    ((first, last),) = STRETCHES[QUIET]
    measured = _watch(size)
    panes = coded(measured, only(census_traffic(), first, last)).panes(size)
    independent = measured.measured_by(lambda stick: with_rho(stick, 1.0))
    unknown = measured.measured_by(lambda stick: replace(stick, ladder=()))
    ladders = {"rho as measured": measured, "rho 1": independent, "order unknown": unknown}
    chains = {"chain, rho as measured": measured, "chain, rho 1": independent}
    return {
        **{name: float(np.mean(list(w.breaches(panes, size)))) for name, w in ladders.items()},
        **{
            name: float(chain_breaches(w, panes, size).any(axis=1).mean())
            for name, w in chains.items()
        },
    }


def _watch(size: int) -> Watch:
    return watch(census_reference(), component(*CENSUS_CATEGORIES, windows={"events": size}))


def _largest(found: Mapping[int, Mapping[str, float]], stretch: str, name: str) -> float:
    return max(
        by_name[name] for number, by_name in found.items() if period(number * ROWS, ROWS) == stretch
    )
