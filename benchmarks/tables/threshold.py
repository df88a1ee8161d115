"""Near the threshold, and after an incident: what one window says of a change of known size.

STATISTICS 3.2, second part.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tables.drifts import shift
from benchmarks.tables.race import LONGEST, make_track
from benchmarks.tables.table import Table, span
from detectors.ladder import climb, rule
from governance.finding import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from benchmarks.tables.drifts import Changed
    from benchmarks.tables.race import Track
    from benchmarks.tables.table import Cell

EVERY = 1_000
RATIOS = (0.5, 0.75, 0.9, 1.0, 1.25, 1.5, 2.0)
SIZES = (50, 200, 1_000)
REFERENCES = 8
INCIDENT = 8  # windows


def table(windows: int = 128, sizes: Sequence[int] = (*SIZES, 10_000)) -> Table:
    """Share of windows in breach, by window size and true effect over threshold."""
    rows: list[list[Cell]] = []
    for size in sizes:
        rng = np.random.default_rng([4, size])
        tracks = [make_track(rng, size) for _ in range(REFERENCES)]
        by_ratio = {
            ratio: [_in_breach(rng, track, ratio, windows) for track in tracks] for ratio in RATIOS
        }
        shares = [float(np.mean(found)) for found in by_ratio.values()]
        unchanged = float(np.mean([_big(rng, track) for track in tracks]))
        rows.append([size, *shares, unchanged, span(by_ratio[1.0])])
    return Table(
        "Share of windows in breach, by true effect over threshold (age shifted)",
        ["rows", *map(str, RATIOS), "unchanged", "1.0, by reference"],
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
        rows.append([size, *np.mean(left, axis=0).tolist()])
    title = f"Windows still in breach after {INCIDENT} windows of age +.4 sd have ended"
    notes = ["without an end: as if no shorter window could prove that the change is over."]
    return Table(title, ["rows", "windows in breach", "without an end"], rows, notes)


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


def _after(rng: np.random.Generator, track: Track) -> tuple[int, int]:
    """Windows in breach after the incident: by the rule, and if nothing ended a climb."""
    stream = track.changed(shift(0.4))
    moved = [stream.draw(rng, track.rows) for _ in range(INCIDENT)]
    panes = [*track.calm(rng, LONGEST - INCIDENT), *moved, *track.calm(rng, LONGEST)]
    ladders = list(_ladders(panes))
    endless = sum(_endless(track, ladder)[stream.place] is Status.BREACH for ladder in ladders)
    return sum(_breaches(track, stream, panes)), endless


def _endless(track: Track, ladder: NDArray[np.int64]) -> tuple[Status, ...]:
    """The statuses where no upper bound lies below a threshold, so that no length is left out."""
    measure = track.watched.measure
    readings = track.watched.readings(ladder, track.rows)
    effect = replace(readings.effect, upper=np.full_like(readings.effect.upper, np.inf))
    climbed = climb(replace(readings, effect=effect), measure.thresholds, measure.lengths)
    return rule(climbed, [None] * len(measure.thresholds), EVERY).statuses


def _breaches(track: Track, stream: Changed, panes: Sequence[NDArray[np.int64]]) -> Iterator[bool]:
    """Whether each pane behind the first ``LONGEST`` is in breach."""
    for ladder in _ladders(panes):
        yield track.status(ladder, EVERY)[stream.place] is Status.BREACH


def _ladders(panes: Sequence[NDArray[np.int64]]) -> Iterator[NDArray[np.int64]]:
    """The ladder that ends with each pane behind the first ``LONGEST``."""
    for newest in range(LONGEST + 1, len(panes) + 1):
        yield np.array(panes[newest - LONGEST : newest])
