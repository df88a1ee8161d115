"""How often evidence is large where nothing changed: one feature, one window, no threshold.

STATISTICS 3.1. An e-value of 1,000 may be seen once in 1,000 windows. The reference is redrawn, so
that its own noise counts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tables.coverage import INDEPENDENT
from benchmarks.tables.drifts import before
from benchmarks.tables.populations import everyday
from benchmarks.tables.race import make_track
from benchmarks.tables.table import Table
from detectors.drift.measure import Measure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detectors.drift.yardstick import Yardstick

BARS = (20, 100, 1_000)
SIZES = (50, 200, 1_000, 10_000, 100_000)
REFERENCE_ROWS = (500, 1_000, 2_000, 20_000)
FEATURES = ("AGEP", "SCHL")  # ordered bins, and a category of many values
REFERENCES = 300


def tails(
    name: str, reference_rows: int, rows: int, windows: int, seed: int = 12
) -> tuple[float, ...]:
    """Share of windows whose e-value reaches each of ``BARS``."""
    rng = np.random.default_rng([seed, reference_rows, rows])
    track = make_track(np.random.default_rng(seed), 1_000)
    subject = track.watched.subjects[track.watched.names.index(name)]
    shares = before(subject, everyday().columns[subject.column])
    log_e = np.concatenate(
        [
            _log_e(rng, subject.yardstick, shares, (reference_rows, rows, windows // REFERENCES))
            for _ in range(REFERENCES)
        ]
    )
    return tuple(float((log_e >= np.log(bar)).mean()) for bar in BARS)


def table(windows: int = 30_000, references: Sequence[int] = REFERENCE_ROWS) -> Table:
    """The worst share over window sizes."""
    rows = []
    for name in FEATURES:
        for n0 in references:
            found = np.array([tails(name, n0, size, windows) for size in SIZES])
            rows.append([name, n0, *found.max(axis=0).tolist()])
    head = ["feature", "reference rows", *(f"P(e >= {bar:,})" for bar in BARS)]
    title = (
        f"Evidence where nothing changed, the worst of windows of {SIZES[0]} to {SIZES[-1]:,} rows"
    )
    return Table(title, head, rows, [f"{windows:,} windows on {REFERENCES} references each."])


def _log_e(
    rng: np.random.Generator,
    stick: Yardstick,
    shares: NDArray[np.float64],
    sizes: tuple[int, int, int],
) -> NDArray[np.float64]:
    reference_rows, rows, windows = sizes
    counts, tail = rng.multinomial(reference_rows, shares), len(stick.tail)
    drawn = replace(stick, fine=counts[:-tail], tail=counts[-tail:], ladder=INDEPENDENT)
    panes = rng.multinomial(rows, shares, size=windows).astype(np.float64)
    return Measure([drawn]).readings(panes, np.full(windows, float(rows))).log_e[:, 0]
