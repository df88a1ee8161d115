"""The tables by name: ``python -m benchmarks tables [NAME ...]``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks.tables import (
    bins,
    census,
    census_effects,
    chain,
    changes,
    compas,
    correlated,
    cost_settings,
    costs,
    counterfactual,
    coverage,
    delay,
    embeddings,
    evidence,
    evidently,
    false_alarms,
    group_rho,
    joint,
    parity,
    parity_labels,
    parity_time,
    performance,
    sampling,
    streams,
    threshold,
)
from benchmarks.tables.populations import Absent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.tables.table import Table

TABLES: Mapping[str, tuple[Callable[[], Table], ...]] = {
    "false_alarms": (false_alarms.table, evidence.table),
    "delay": (delay.table, chain.table, delay.vanished, delay.prices),
    "threshold": (threshold.table, threshold.incident),
    "census": (
        census.table,
        census_effects.table,
        census_effects.rho_table,
        census.vanished,
    ),
    "streams": (
        streams.elec2_table,
        correlated.table,
        correlated.shifts,
        streams.llm_table,
    ),
    "effects": (coverage.table, coverage.bias, bins.table, bins.heavy_tails),
    "fairness": (
        parity.table,
        parity_time.table,
        parity_time.delays,
        compas.table,
        compas.differences,
    ),
    "counterfactual": (counterfactual.table, counterfactual.power),
    "fairness_of_labels": (parity_labels.table, parity_labels.coverage),
    "fairness_of_households": (group_rho.table, group_rho.households),
    "weights": (sampling.sampling, sampling.arrivals),
    "performance": (
        performance.bins,
        performance.coverage,
        performance.false_alarms,
        performance.estimates,
    ),
    "embeddings": (embeddings.null, embeddings.table),
    "joint": (joint.delays, joint.false_alarms, joint.census),
    "costs": (costs.table, cost_settings.table),
    "changes": (changes.table, changes.delays),
    "evidently": (evidently.table,),
}


def main(names: Sequence[str]) -> int:
    """Print the named tables, all without a name; one to two minutes each."""
    unknown = sorted(set(names) - set(TABLES))
    if unknown:
        print(f"no table {', '.join(unknown)}; there are {', '.join(TABLES)}", file=sys.stderr)
        return 2
    for name in names or TABLES:
        print(f"\n== tables {name}", flush=True)
        for make in TABLES[name]:
            _print(make)
    return 0


def _print(make: Callable[[], Table]) -> None:
    try:
        print(f"\n{make()}", flush=True)
    except Absent as missing:
        print(f"\nleft out: {missing}", flush=True)
