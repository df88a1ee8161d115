"""What following series over time costs: a window, a restart, a checkpoint, memory.

Eight series of one version, which is what a language model has, over a full history of 1,600 panes.
"""

from __future__ import annotations

import time
import tracemalloc
from dataclasses import dataclass
from functools import cache

import numpy as np

from detectors.history import CHUNK, KEPT, History
from detectors.points import Count, Point

SERIES = 8
PANES = (KEPT + 1) * CHUNK
ROUNDS = 200  # panes that are timed, one by one
COMPONENTS = 1_000


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds of the median pane and of the fastest restart; bytes."""

    follow: float
    restart: float
    row: float  # mean of what a checkpoint writes after a pane
    largest: int
    stored: int
    memory: int


def main() -> None:
    costs = measure()
    print(f"follow a pane, {SERIES} series             {1e3 * costs.follow:>9.3f} ms")
    print(f"read a full history back            {1e3 * costs.restart:>9.3f} ms")
    print(f"a checkpoint writes, mean           {costs.row / 1e3:>9.1f} kB")
    print(f"of which the largest                {costs.largest / 1e3:>9.1f} kB")
    print(f"{COMPONENTS:,} components, mean               {COMPONENTS * costs.row / 1e6:>9.1f} MB")
    print(f"stored, full history                {costs.stored / 1e3:>9.0f} kB")
    print(f"in memory, full history             {costs.memory / 1e3:>9.0f} kB")


@cache
def measure() -> Costs:
    """Costs of one history, full; deterministic but for the times."""
    rng = np.random.default_rng(0)
    history, rows, written = History("every"), dict[int, bytes](), list[int]()
    for at in range(PANES):
        history.extend(_pane(rng), at)
        changed = history.changed_rows()
        rows = {n: blob for n, blob in (rows | changed).items() if blob}
        written.append(sum(map(len, changed.values())))
    seconds = []
    for at in range(PANES, PANES + ROUNDS):
        pane, start = _pane(rng), time.perf_counter()
        history.extend(pane, at)
        seconds.append(time.perf_counter() - start)
    return Costs(
        follow=float(np.median(seconds)),
        restart=_restart(rows),
        row=float(np.mean(written)),
        largest=max(written),
        stored=sum(map(len, rows.values())),
        memory=_memory(rows, rng),
    )


def _pane(rng: np.random.Generator) -> dict[str, Point]:
    return {f"series {i}": Count(float(n)) for i, n in enumerate(rng.poisson(500, SERIES))}


def _restart(rows: dict[int, bytes]) -> float:
    fastest = float("inf")
    for _ in range(7):
        start = time.perf_counter()
        History.restored(rows)
        fastest = min(fastest, time.perf_counter() - start)
    return fastest


def _memory(rows: dict[int, bytes], rng: np.random.Generator) -> int:
    """Of a history that goes on: ranks included."""
    tracemalloc.start()
    history = History.restored(rows)
    history.extend(_pane(rng), PANES)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size
