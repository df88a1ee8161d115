"""The plots by name, drawn from the functions that print the tables."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.plots.style import axes, draw, lines, rows_axis
from benchmarks.tables import (
    coverage,
    delay,
    false_alarms,
    joint,
    parity,
    performance,
    threshold,
)
from benchmarks.tables.drifts import shift
from benchmarks.tables.race import PEERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.figure import Figure

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "statistics"
RULES = {
    "breach": "Evenhand",
    "PSI > .1": "raw PSI > .1",
    "tests": "KS, chi-square: p < .05 / features",
    "chunks": "beyond mean + 3 sd of chunks",
}
SIZES = (50, 200, 1_000, 5_000)
SHIFTS = (0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8)
GROUPS = (2, 3, 4, 6, 8, 10)


def alarms() -> Figure:
    """False alarms by window size."""
    found = {size: false_alarms.both(size, 800) for size in SIZES}
    shares = {
        name: [max(a.fired[rule] / a.windows for a in found[size]) for size in SIZES]
        for rule, name in RULES.items()
    }
    figure, plot = axes("Nothing changed: windows with an alarm", "rows in a window", "share")
    lines(plot, SIZES, shares)
    rows_axis(plot, SIZES)
    return figure


def power() -> Figure:
    """Delay by the size of a shift, in windows of 200 rows."""
    found = delay.delays(200, 20, [shift(sds) for sds in SHIFTS])
    names = {"ladder": "Evenhand", **{p: f"one-window {p}, calibrated" for p in PEERS}}
    figure, plot = axes(
        "Windows of 200 rows until a shift of age is found", "shift (sd)", "windows (mean)"
    )
    lines(plot, SHIFTS, {name: [d.windows[rule] for d in found] for rule, name in names.items()})
    plot.set_yscale("log")
    plot.set_yticks([1, 2, 5, 10, 20, 65], ["1", "2", "5", "10", "20", "never"])
    plot.minorticks_off()
    return figure


def limit() -> Figure:
    """Share of windows in breach by true effect over threshold."""
    table = threshold.table(64, threshold.SIZES)
    figure, plot = axes("Windows in breach near the threshold", "true effect / threshold", "share")
    by_size = {f"{rows:,.0f} rows": shares[:-1] for rows, *shares in table.numbers}
    lines(plot, threshold.RATIOS, by_size)
    plot.axvline(1.0, color="black", linewidth=0.8, linestyle=":")
    return figure


def intervals() -> Figure:
    """Coverage by window size: the worst change of each statistic."""
    worst: dict[str, list[float]] = {}
    for statistic, _, _ in coverage.STATISTICS:
        of = [case for case in coverage.cases() if case.statistic == statistic]
        worst[statistic] = [
            min(coverage.coverage(case, size, 1_000).share for case in of)
            for size in coverage.SIZES
        ]
    figure, plot = axes("95 % intervals that hold the true effect", "rows in a window", "share")
    lines(plot, coverage.SIZES, worst)
    plot.legend(loc="lower right")
    rows_axis(plot, coverage.SIZES)
    plot.set_ylim(0.8, 1.0)
    plot.axhline(0.95, color="black", linewidth=0.8, linestyle=":")
    return figure


def groups() -> Figure:
    """Coverage of the difference by number of equal groups."""
    found = [
        parity.bounds(parity.Case(f"{k} groups", (0.3,) * k, (100,) * k), 1_500) for k in GROUPS
    ]
    figure, plot = axes(
        "Equal groups of 100: bounds that hold the true difference", "groups", "share"
    )
    shares = {
        "Evenhand": [bounds.covered for bounds in found],
        "extreme pair, uncorrected": [bounds.uncorrected for bounds in found],
    }
    lines(plot, GROUPS, shares)
    plot.set_ylim(0.0, 1.02)
    plot.axhline(0.95, color="black", linewidth=0.8, linestyle=":")
    return figure


def estimates() -> Figure:
    """ROC AUC of census chunks: what labels say later, and what scores say at once."""
    found = performance.chunks(calibrated=True)
    figure, plot = axes("42 chunks of 5,000 people of the census", "chunk", "ROC AUC")
    series = {
        "labels, later": [float(chunk.realised[1]) for chunk in found],
        "estimated without labels": [float(chunk.estimated[1]) for chunk in found],
    }
    lines(plot, range(len(found)), series)
    plot.axvspan(performance.BLOCK[0], performance.BLOCK[-1], color="black", alpha=0.07)
    return figure


def pairs() -> Figure:
    """Delay of a pair that came apart by window size: by how many features there are."""
    found: dict[str, list[float]] = {}
    for kind, features, _, mean, *_ in joint.delays().rows:
        found.setdefault(f"{kind}, {features} features", []).append(float(mean or 0.0))
    figure, plot = axes("A pair that came apart: until breach", "rows in a window", "mean windows")
    lines(plot, joint.SIZES, found)
    plot.set_yscale("log")
    rows_axis(plot, joint.SIZES)
    return figure


PLOTS: Mapping[str, Callable[[], Figure]] = {
    "false-alarms": alarms,
    "delay": power,
    "threshold": limit,
    "coverage": intervals,
    "groups": groups,
    "estimates": estimates,
    "joint": pairs,
}


def main(names: Sequence[str], folder: Path = FOLDER) -> int:
    """Draw the named plots, all without a name, into ``docs/statistics``; minutes."""
    unknown = sorted(set(names) - set(PLOTS))
    if unknown:
        print(f"no plot {', '.join(unknown)}; there are {', '.join(PLOTS)}", file=sys.stderr)
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or PLOTS:
        path = folder / f"{name}.svg"
        draw(PLOTS[name], path)
        print(path)
    return 0
