"""Near the threshold, and after an incident: what one window says of a change of known size.

STATISTICS 3.2, second part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tables.drifts import shift
from benchmarks.tables.race import LONGEST, make_track
from benchmarks.tables.table import Table
from governance.finding import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from benchmarks.tables.drifts import Changed
    from benchmarks.tables.race import Track

EVERY = 1_000
RATIOS = (0.5, 0.75, 0.9, 1.0, 1.25, 1.5, 2.0)
SIZES = (50, 200, 1_000)
REFERENCES = 8
INCIDENT = 8  # windows


def table(windows: int = 128, sizes: Sequence[int] = SIZES) -> Table:
    """Share of windows in breach, by window size and true effect over threshold."""
    rows = []
    for size in sizes:
        rng = np.random.default_rng([4, size])
        tracks = [make_track(rng, size) for _ in range(REFERENCES)]
        shares = [
            float(np.mean([_in_breach(rng, track, ratio, windows) for track in tracks]))
            for ratio in RATIOS
        ]
        rows.append([size, *shares, float(np.mean([_big(rng, track) for track in tracks]))])
    return Table(
        "Share of windows in breach, by true effect over threshold (age shifted)",
        ["rows", *map(str, RATIOS), "unchanged"],
        rows,
        [
            f"{windows} windows after the change on {REFERENCES} references, delay included.",
            "unchanged: the debiased effect of usual rows reaches the threshold, evidence aside.",
        ],
    )


def incident(runs: int = 24, sizes: Sequence[int] = SIZES) -> Table:
    """Windows that stay in breach after eight windows of age +.4 sd have ended."""
    rows = []
    for size in sizes:
        rng = np.random.default_rng([5, size])
        tracks = [make_track(rng, size) for _ in range(REFERENCES)]
        left = [_after(rng, track) for track in tracks for _ in range(runs // REFERENCES)]
        rows.append([size, float(np.mean(left))])
    title = f"Windows still in breach after {INCIDENT} windows of age +.4 sd have ended"
    return Table(title, ["rows", "windows in breach"], rows)


def _in_breach(rng: np.random.Generator, track: Track, ratio: float, windows: int) -> float:
    stream = track.changed(shift(0.1 * ratio))
    panes = track.calm(rng, LONGEST)
    moved = [stream.draw(rng, track.rows) for _ in range(windows)]
    return float(np.mean(list(_breaches(track, stream, [*panes, *moved]))))


def _big(rng: np.random.Generator, track: Track, windows: int = 500) -> float:
    place = track.watched.names.index("AGEP")
    calm = track.calm(rng, windows).astype(np.float64)
    readings = track.watched.measure.readings(calm, np.full(windows, float(track.rows)))
    return float(
        np.mean(readings.effect.value[:, place] >= track.watched.measure.thresholds[place])
    )


def _after(rng: np.random.Generator, track: Track) -> int:
    stream = track.changed(shift(0.4))
    moved = [stream.draw(rng, track.rows) for _ in range(INCIDENT)]
    panes = [*track.calm(rng, LONGEST - INCIDENT), *moved, *track.calm(rng, LONGEST)]
    return sum(_breaches(track, stream, panes))


def _breaches(track: Track, stream: Changed, panes: Sequence[NDArray[np.int64]]) -> Iterator[bool]:
    """Whether each pane behind the first ``LONGEST`` is in breach."""
    for newest in range(LONGEST + 1, len(panes) + 1):
        status = track.status(np.array(panes[newest - LONGEST : newest]), EVERY)
        yield status[stream.place] is Status.BREACH
