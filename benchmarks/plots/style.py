"""One look for all plots, and files that do not change unless their numbers do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

WIDTH, HEIGHT = 6.4, 3.4  # inches
COLOURS = ("#0b6e4f", "#c1440e", "#3d5a80", "#b58900", "#6c4675", "#7a7a7a")
MARKS = "osD^vx"
RC: dict[Any, Any] = {
    "svg.hashsalt": "evenhand",  # ids in the file follow from its content
    "svg.fonttype": "none",  # text stays text
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
}


def axes(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    """An empty plot."""
    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    plot = figure.add_subplot()
    plot.set(title=title, xlabel=x, ylabel=y)
    return figure, plot


def lines(plot: Axes, x: Sequence[float], by_name: Mapping[str, Sequence[float]]) -> None:
    """One line per name, each with a colour and a mark of its own."""
    for (name, y), colour, mark in zip(by_name.items(), COLOURS, MARKS, strict=False):
        plot.plot(x, y, color=colour, marker=mark, markersize=4, linewidth=1.4, label=name)
    plot.legend(loc="best")


def rows_axis(plot: Axes, sizes: Sequence[int]) -> None:
    """A logarithmic axis of window sizes with a tick at each."""
    plot.set_xscale("log")
    plot.set_xticks(list(sizes), [f"{size:,}" for size in sizes])
    plot.minorticks_off()


def draw(make: Callable[[], Figure], path: Path) -> None:
    """Draw one plot and write it as SVG, without a date."""
    with mpl.rc_context(RC):
        make().savefig(path, format="svg", metadata={"Date": None})
