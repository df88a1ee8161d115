"""Alarms on labelled series of costs and rates, by the scores of the Numenta benchmark.

STATISTICS 3.9. Lavin & Ahmad 2015, standard profile: the earliest alarm in a labelled window counts
by its place, a missed window costs 1, an alarm elsewhere up to .11; 0 is silence, 100 is perfect.
The first 15 % of a series (at most 750 points) are not scored. Other detectors: published scores.
"""

from __future__ import annotations

import csv
import json
import math
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tables.populations import shared
from benchmarks.tables.table import Table
from detectors.points import Magnitude
from detectors.stats.rate_change import Track, alarm_points, change_scores

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

FALSE_ALARM = 0.11
PROBATION, LONGEST_PROBATION = 0.15, 750
OURS = "Evenhand"
RUNNING = "Evenhand's worker"  # points kept in 4 bytes; a bucket's width is no change
SHOWN = ("windowedGaussian", "twitterADVec", "skyline", "randomCutForest", "knncad", "numenta")
COSTS = "realAdExchange/"


@dataclass(frozen=True, slots=True)
class Series:
    """A labelled series; windows are positions, both ends included."""

    name: str
    values: NDArray[np.float64]
    windows: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Raw score of one series, windows that were met, alarms elsewhere."""

    score: float
    met: int
    elsewhere: int


def score(series: Series, alarms: Sequence[int]) -> Outcome:
    """Score the alarms of one series."""
    first = min(math.floor(PROBATION * len(series.values)), LONGEST_PROBATION)
    counted = [alarm for alarm in alarms if alarm >= first]
    total, met = 0.0, 0
    for left, right in series.windows:
        inside = [alarm for alarm in counted if left <= alarm <= right]
        if inside:
            place = -(right - inside[0] + 1) / (right - left + 1)
            total += _sigmoid(place) / _sigmoid(-1.0)
            met += 1
        else:
            total -= 1.0
    elsewhere = [
        a for a in counted if not any(left <= a <= right for left, right in series.windows)
    ]
    total += sum(FALSE_ALARM * _place_behind(series, alarm) for alarm in elsewhere)
    return Outcome(total, met, len(elsewhere))


def normalised(by_file: Mapping[str, float], prefix: str = "") -> float:
    """Raw scores of the labelled series whose names begin so, from 0 (silence) to 100."""
    chosen = [series for series in labelled() if series.name.startswith(prefix)]
    windows = sum(len(series.windows) for series in chosen)
    raw = sum(by_file[series.name] for series in chosen)
    return 100 * (raw + windows) / (2 * windows)


def table() -> Table:
    """Normalised scores on all series and on the four cost series."""
    known = {series.name: series for series in labelled()}
    ours = {name: score(s, alarm_points(change_scores(s.values))) for name, s in known.items()}
    scores: dict[str, Mapping[str, float]] = {
        detector: by_file for detector, by_file in _published().items() if detector in SHOWN
    }
    scores[OURS] = {name: outcome.score for name, outcome in ours.items()}
    scores[RUNNING] = {
        name: score(s, alarm_points(_as_it_runs(s))).score for name, s in known.items()
    }
    rows: list[tuple[str, float, float]] = [
        (detector, normalised(by_file), normalised(by_file, COSTS))
        for detector, by_file in scores.items()
    ]
    met, elsewhere = (sum(getattr(o, key) for o in ours.values()) for key in ("met", "elsewhere"))
    windows = sum(len(series.windows) for series in known.values())
    notes = [
        f"{OURS}: {met} of {windows} windows, {elsewhere} alarms elsewhere, one setting for all."
    ]
    ranked = sorted(rows, key=lambda row: row[1])
    title = f"Numenta benchmark, standard profile, {len(known)} series"
    return Table(title, ["detector", "all", "costs"], ranked, notes)


def _as_it_runs(series: Series) -> NDArray[np.float64]:
    track = Track("f")
    for value in series.values.tolist():
        track.append(value, Magnitude(value).noise)
    return np.array(track.scores, dtype=np.float64)


@cache
def labelled() -> tuple[Series, ...]:
    """The series that have labels, in the order of their names.

    Raises
    ------
    Absent
        If the data set is not here.
    """
    windows = json.loads(shared("nab", "windows.json").read_text(encoding="utf-8"))
    return tuple(_series(name, windows[name]) for name in sorted(windows))


def _series(name: str, spans: Sequence[tuple[str, str]]) -> Series:
    with shared("nab", "series", *name.split("/")).open(encoding="ascii", newline="") as file:
        rows = list(csv.DictReader(file))
    times = [row["timestamp"] for row in rows]
    places = tuple((_first(times, left), _last(times, right)) for left, right in spans)
    return Series(name, np.array([float(row["value"]) for row in rows]), places)


def _first(times: Sequence[str], at: str) -> int:
    return next(place for place, time in enumerate(times) if time >= at[:19])


def _last(times: Sequence[str], at: str) -> int:
    return max(place for place, time in enumerate(times) if time <= at[:19])


def _sigmoid(place: float) -> float:
    return -1.0 if place > 3.0 else 2 / (1 + math.exp(5 * place)) - 1


def _place_behind(series: Series, alarm: int) -> float:
    """What an alarm elsewhere is worth: less the farther it is behind the last window."""
    before = [window for window in series.windows if window[1] < alarm]
    if not before:
        return -1.0
    left, right = before[-1]
    return _sigmoid(abs((right - alarm) / max(1, right - left)))


@cache
def _published() -> Mapping[str, Mapping[str, float]]:
    path = shared("nab", "published_standard_scores.csv")
    found: dict[str, dict[str, float]] = defaultdict(dict)
    with path.open(encoding="ascii", newline="") as file:
        for row in csv.DictReader(file):
            found[row["Detector"]][row["File"]] = float(row["Score"])
    return found
