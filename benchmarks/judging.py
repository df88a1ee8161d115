"""What a look costs: counting a window, judging it, and the memory that its ladder takes.

25 features (10 numbers, 15 categories), a reference of 50,000 rows, windows of 10,000, a full
ladder of 64 panes. The bare pass is the least that a histogram detector must do: one searchsorted
and bincount per number, one bincount per category.
"""

from __future__ import annotations

import time
import tracemalloc
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tables.watched import component
from detectors.base import WindowView
from detectors.drift.detector import make_drift
from detectors.panes import PaneState
from detectors.reference import build_reference
from detectors.trailing import LENGTHS
from governance.algebra.packed import pack, unpack
from governance.event import Column, EventBatch

if TYPE_CHECKING:
    from collections.abc import Callable

    from detectors.base import Detector
    from governance.algebra.sums import Sums

NUMBERS, CATEGORIES = 10, 15
REFERENCE_ROWS, ROWS = 50_000, 10_000
LADDER = LENGTHS[-1]
TOGETHER = 1_000
ROUNDS = 7


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds of the fastest round each; bytes of a full ladder."""

    bare: float
    count: float
    judge: float
    close: float
    ladder_bytes: int


def main() -> None:
    costs = measure()
    print(f"bare numpy pass, {ROWS:,} rows x 25 {1e3 * costs.bare:>14.2f} ms")
    print(f"drift battery, the same rows     {1e3 * costs.count:>11.2f} ms")
    print(f"share of the bare pass           {costs.bare / costs.count:>11.2f}")
    print(f"judge a window, ladder of 7      {1e3 * costs.judge:>11.2f} ms")
    print(f"over the bare pass               {costs.judge / costs.bare:>11.2f}")
    print(f"pack, unpack and judge a window  {1e3 * costs.close:>11.2f} ms")
    print(f"{TOGETHER:,} windows that close together  {together(TOGETHER):>11.2f} s")
    print(f"full ladder of packed panes      {costs.ladder_bytes / 1e3:>11.0f} kB a component")


def measure() -> Costs:
    """Everything but ``together``; the parts take turns, so that other load meets all alike."""
    detector, events, view = made(), rows(1, ROWS), _view(_own_panes(0))
    works: dict[str, Callable[[], object]] = {
        "bare": lambda: bare_pass(events),
        "count": lambda: detector.add(events),
        "judge": lambda: detector.judge(view),
        "close": lambda: _close(detector, view),
    }
    seconds = dict.fromkeys(works, float("inf"))
    for _ in range(ROUNDS):
        for name, work in works.items():
            seconds[name] = min(seconds[name], _timed(work))
    return Costs(**seconds, ladder_bytes=ladder_bytes())


def together(windows: int) -> float:
    """Seconds in which this many components' windows are judged, each from its packed panes.

    Every component has panes of its own: what a process keeps unpacked for the next look is of no
    use here.
    """
    detector = made()
    ladders = [_own_panes(place) for place in range(windows)]
    return _timed(lambda: [detector.judge(_view(panes)) for panes in ladders])


def bare_pass(events: EventBatch) -> None:
    """Histogram every column."""
    edges = np.linspace(-3, 3, 127)
    for column in events.columns.values():
        if column.dictionary is not None:
            np.bincount(column.values, minlength=len(column.dictionary))
        else:
            np.bincount(np.searchsorted(edges, column.values), minlength=128)


def ladder_bytes() -> int:
    """Bytes of 64 closed panes as a worker keeps them, with all that Python adds."""
    _sums()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept = _own_panes(0)
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return after - before if kept else 0


@cache
def made() -> Detector:
    """The drift detector of the component that is measured."""
    names = [f"c{number}" for number in range(CATEGORIES)]
    declared = component(*names, windows={"events": ROWS})
    detector = make_drift(declared, build_reference(rows(0, REFERENCE_ROWS), declared))
    if detector is None:
        raise ValueError("the component has no tabular modality")
    return detector


def rows(seed: int, n: int) -> EventBatch:
    """Independent rows of 25 features."""
    rng = np.random.default_rng([13, seed])
    columns = {f"tabular.x{i}": Column(rng.normal(size=n)) for i in range(NUMBERS)}
    for i in range(CATEGORIES):
        names = tuple(str(code) for code in range(4 + i))
        codes = rng.integers(0, len(names), n).astype(np.int32)
        columns[f"tabular.c{i}"] = Column(codes, names)
    return EventBatch("1", n, columns)


@cache
def _sums() -> tuple[Sums, ...]:
    return tuple(made().add(rows(number, ROWS)) for number in range(LADDER))


def _own_panes(place: int) -> list[PaneState]:
    """A full ladder whose bytes are no other component's."""
    panes = []
    for number, sums in enumerate(_sums()):
        pane = PaneState(number, number, number, number + 1, 0, 0, events=ROWS)
        pane.sums = {**sums, "component": np.array([place])}
        pane.close(partial=False, mature_us=0)
        panes.append(pane)
    return panes


def _view(panes: list[PaneState]) -> WindowView:
    return WindowView([pane.view() for pane in panes], {})


def _close(detector: Detector, view: WindowView) -> None:
    """What a closing window costs a worker: its newest pane is packed, and read from that."""
    newest = unpack(pack(view.panes[-1].sums))
    panes = [*view.panes[:-1], replace(view.panes[-1], sums=newest)]
    detector.judge(WindowView(panes, {}))


def _timed(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
