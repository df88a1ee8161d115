"""Print what Evidently's tests cost, in CPU seconds; run in the environment that has it.

python -m tests.testkit evidently -m benchmarks.evidently_cost
"""

from __future__ import annotations

import resource
import time

import numpy as np

from benchmarks.tables.table import Table
from detectors.evidently import Comparison, Question, load
from governance.component.drift_tests import EVIDENTLY_METHODS
from governance.event import Column

REFERENCE, WINDOW = 50_000, 5_000


def main() -> None:
    started = time.process_time()
    load()
    print(f"loading Evidently: {time.process_time() - started:.1f} CPU seconds")
    comparison = Comparison(_rows(REFERENCE), numeric=["number"], categorical=["category"])
    window = _rows(WINDOW)
    rows = []
    for method in EVIDENTLY_METHODS.values():
        columns = ["number"] * method.numeric + ["category"] * method.categorical
        seconds = [_seconds(comparison, window, column, method.name) for column in columns]
        rows.append([method.name, ", ".join(columns), ", ".join(f"{s:.2f}" for s in seconds)])
    title = f"CPU seconds a look, {REFERENCE:,} rows of reference, {WINDOW:,} of a window"
    print(f"\n{Table(title, ['method', 'of a', 'seconds'], rows)}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nresident at most: {peak:.0f} MB")


def _rows(n: int) -> dict[str, Column]:
    rng = np.random.default_rng(n)
    codes = rng.integers(0, 5, n).astype(np.int32)
    return {"number": Column(rng.normal(size=n)), "category": Column(codes, tuple("abcde"))}


def _seconds(comparison: Comparison, window: dict[str, Column], column: str, method: str) -> float:
    started = time.process_time()
    comparison.ask(window, [Question(column, method, 0.1)])
    return time.process_time() - started


if __name__ == "__main__":
    main()
