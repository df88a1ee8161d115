"""How soon a change of one feature is found: the ladder beside calibrated one-window rules.

STATISTICS 3.2. The change comes after a ladder full of usual panes; 65 = not found in 64 windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tables.drifts import lost, shift, spread, tilt, unseen
from benchmarks.tables.populations import everyday
from benchmarks.tables.race import PEERS, calibrated, ladder_delay, make_track, peer_delays
from benchmarks.tables.table import Cell, Table
from detectors.drift.measure import Measure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.tables.drifts import Drift

EVERY = 1_000
SIZES = (50, 200, 1_000)
REFERENCES = 4
CALIBRATION = 10_000  # usual windows per reference
DRIFTS = (
    *map(shift, (0.1, 0.2, 0.4, 0.8)),
    spread(1.3),
    *map(tilt, (0.05, 0.1, 0.2)),
    unseen(0.02),
    lost(),
)
PRICES = (100, 1_000, 10_000, 100_000)


@dataclass(frozen=True, slots=True)
class Delay:
    """Mean windows to detection by rule, and the true effect over its threshold."""

    drift: str
    rows: int
    size: float
    windows: Mapping[str, float]


def delays(rows: int, runs: int, drifts: Sequence[Drift] = DRIFTS, seed: int = 2) -> list[Delay]:
    """Mean delays of all rules at one window size, over ``REFERENCES`` references."""
    rng = np.random.default_rng([seed, rows])
    found: dict[str, list[dict[str, float]]] = {drift.name: [] for drift in drifts}
    for _ in range(REFERENCES):
        track = make_track(rng, rows)
        limits = calibrated(rng, track, EVERY, CALIBRATION)
        for drift in drifts:
            stream = track.changed(drift)
            for _ in range(runs // REFERENCES):
                ladder = ladder_delay(rng, track, stream, EVERY)
                peers = peer_delays(rng, track, stream, limits)
                found[drift.name].append({"size": stream.size, "ladder": ladder, **peers})
    return [_mean(name, rows, runs_of) for name, runs_of in found.items()]


def table(runs: int = 60, sizes: Sequence[int] = SIZES) -> Table:
    """Mean windows to detection by change, window size and rule."""
    return table_of([delays(rows, runs) for rows in sizes])


def table_of(by_size: Sequence[Sequence[Delay]]) -> Table:
    """The table of delays, of which there is a list for each window size."""
    rows = [
        [delay.drift, delay.rows, delay.size, *delay.windows.values()]
        for same_drift in zip(*by_size, strict=True)
        for delay in same_drift
    ]
    title = f"Mean windows until one changed feature of {len(everyday().columns)} is in breach"
    head = ["change", "rows", "effect / limit", "ladder", *PEERS]
    return Table(
        title,
        head,
        rows,
        [
            "PSI, JS, KS: one window alone, limits calibrated to the ladder's false alarms; KS",
            "looks at numbers only; 65 = not in 64 windows.",
        ],
    )


def vanished(rows: int = 200, windows: int = 300, longest: int = 4) -> Table:
    """Why a category that vanishes takes several windows: what evidence there is, and its bar."""
    rng = np.random.default_rng([4, rows])
    track = make_track(rng, rows)
    stream = track.changed(lost())
    stick = track.watched.subjects[stream.place].yardstick
    measure = Measure([stick])
    gone = -float(np.log(stream.was[stream.shares > 0].sum()))  # nats a row knows of the change
    bar = float(np.log(EVERY * len(track.watched.subjects) * stick.lengths))
    table_rows: list[list[Cell]] = []
    for count in range(1, longest + 1):
        n = np.full(windows, float(count * rows))
        counts = rng.multinomial(count * rows, stream.shares, size=windows).astype(np.float64)
        readings = measure.readings(counts, n)
        log_e = readings.log_e[:, 0]
        known = gone * float(readings.m[0, 0])
        over = float((log_e >= bar).mean())
        table_rows.append([count * rows, known, float(log_e.mean()), bar, over])
    head = ["rows after the change", "known in advance", "evidence", "bar", "over it"]
    notes = ["Natural logarithms; known in advance: the e-value of who bets on this very change."]
    return Table("Evidence that a category of 7.4 % has vanished", head, table_rows, notes)


def prices(runs: int = 60, sizes: Sequence[int] = (50, 200)) -> Table:
    """What rarer false alarms cost: mean windows to detection of age +.2 sd."""
    rows = []
    for size in sizes:
        rng = np.random.default_rng([3, size])
        track = make_track(rng, size)
        stream = track.changed(shift(0.2))
        mean = [
            float(np.mean([ladder_delay(rng, track, stream, every) for _ in range(runs)]))
            for every in PRICES
        ]
        rows.append([size, *mean])
    head = ["rows", *(f"1 in {every:,}" for every in PRICES)]
    return Table("Mean windows until age +.2 sd is in breach, by falseAlarmEvery", head, rows)


def _mean(name: str, rows: int, runs: Sequence[Mapping[str, float]]) -> Delay:
    mean = {key: float(np.mean([run[key] for run in runs])) for key in runs[0]}
    return Delay(name, rows, mean.pop("size"), mean)
