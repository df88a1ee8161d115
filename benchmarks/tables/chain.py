"""The alternative that was rejected: a chain of evidence over windows instead of a ladder of them.

STATISTICS 0.1, 3.2 to 3.4. After every window M = (1 + M) e, e being the evidence of that window
alone (Shiryaev 1963, Roberts 1966); a breach is M at the bar of e-BH in a window whose effect is
big. It pays anew in every window for not knowing what changed, and once M has run up on a tiny real
change, the noise of one small window decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tables.delay import DRIFTS, EVERY, REFERENCES, SIZES
from benchmarks.tables.race import LONGEST, NEVER, make_track
from benchmarks.tables.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from benchmarks.tables.coded import Watch
    from benchmarks.tables.drifts import Drift
    from benchmarks.tables.race import Track
    from benchmarks.tables.table import Cell

    Counts = NDArray[np.int64]
    Floats = NDArray[np.float64]


def chain_breaches(
    watched: Watch, panes: Counts, rows: int, every: int = EVERY
) -> NDArray[np.bool_]:
    """Whether each subject is in breach by the chain at each pane, shape (T, F)."""
    measure = watched.measure
    readings = measure.readings(panes.astype(np.float64), np.full(len(panes), float(rows)))
    log_m = np.empty_like(readings.log_e)
    so_far = np.full(log_m.shape[1], -np.inf)
    for at, log_e in enumerate(readings.log_e):
        so_far = log_m[at] = np.logaddexp(0.0, so_far) + log_e
    big = readings.effect.value >= measure.thresholds
    return big & _rejected(np.where(big, log_m, -np.inf), every)


def table(runs: int = 60, sizes: Sequence[int] = SIZES) -> Table:
    """Mean windows to detection by the chain, by change and window size."""
    means = [delays(rows, runs) for rows in sizes]
    rows: list[list[Cell]] = [
        [drift.name, *(mean[place] for mean in means)] for place, drift in enumerate(DRIFTS)
    ]
    head = ["change", *(f"{rows:,} rows" for rows in sizes)]
    notes = [f"{NEVER} = not in {LONGEST} windows; the ladder's delays stand above."]
    return Table("Mean windows until a chain of evidence is in breach", head, rows, notes)


def delays(rows: int, runs: int, drifts: Sequence[Drift] = DRIFTS, seed: int = 10) -> list[float]:
    """Mean delays of every drift, over ``REFERENCES`` references."""
    rng = np.random.default_rng([seed, rows])
    found: list[list[int]] = [[] for _ in drifts]
    for _ in range(REFERENCES):
        track = make_track(rng, rows)
        for windows, drift in zip(found, drifts, strict=True):
            windows += [_delay(rng, track, drift) for _ in range(runs // REFERENCES)]
    return [float(np.mean(windows)) for windows in found]


def _delay(rng: np.random.Generator, track: Track, drift: Drift) -> int:
    stream = track.changed(drift)
    moved = [stream.draw(rng, track.rows) for _ in range(LONGEST)]
    panes = np.array([*track.calm(rng, LONGEST), *moved])
    alarms = chain_breaches(track.watched, panes, track.rows)[LONGEST:, stream.place]
    return int(alarms.argmax()) + 1 if alarms.any() else NEVER


def _rejected(log_e: Floats, every: int) -> NDArray[np.bool_]:
    """What e-BH rejects in each row, shape (T, F), of natural logarithms of evidence."""
    features = log_e.shape[1]
    bars = np.log(every * features / np.arange(1, features + 1))
    passing = -np.sort(-log_e, axis=1) >= bars
    last = features - 1 - passing[:, ::-1].argmax(axis=1)
    bar = np.where(passing.any(axis=1), bars[last], np.inf)
    return np.asarray(log_e >= bar[:, None])
