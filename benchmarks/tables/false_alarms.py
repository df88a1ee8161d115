"""False alarms where nothing changed: the share of windows with at least one feature firing.

STATISTICS 3.1. Rows of one real population are resampled, so that windows and reference are alike
and independent; panes follow each other as in production, up to 64 in a ladder. Four references of
2,000 rows and four of 20,000; of both sizes the worse share is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.tables import naive
from benchmarks.tables.coded import Coded, coded, watch
from benchmarks.tables.populations import CENSUS_CATEGORIES, everyday
from benchmarks.tables.table import Table
from benchmarks.tables.watched import component
from detectors.ladder import climb, rule
from detectors.trailing import LENGTHS
from governance.finding import Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from benchmarks.tables.coded import Watch

REFERENCES = (2_000, 20_000)
PER_SIZE = 4
WINDOWS = dict.fromkeys((50, 200, 1_000, 10_000), 10_000)
RULES = (
    "breach",
    "1 in 100",
    "evidence",
    "warning",
    "PSI > .1",
    "PSI > .2",
    "tests",
    "chunks",
)
NOTES = (
    "breach: falseAlarmEvery 1,000; evidence: the same without a threshold; PSI: raw;",
    "tests: KS, for categories chi-square, p < .05 / features; chunks: JS distance beyond the",
    "mean + 3 sd of that of the reference's own chunks.",
)


@dataclass(frozen=True, slots=True)
class Alarms:
    """Windows that were looked at, and in how many each rule fired."""

    windows: int
    fired: Mapping[str, int]


def false_alarms(rows: int, reference_rows: int, windows: int, seed: int = 1) -> Alarms:
    """Count the alarms of every rule in windows of ``rows`` rows."""
    rng = np.random.default_rng([seed, rows, reference_rows])
    fired = dict.fromkeys(RULES, 0)
    for _ in range(PER_SIZE):
        stream = _stream(rng, rows, reference_rows)
        each = windows // PER_SIZE
        panes = np.array([stream.rows.draw(rng, rows) for _ in range(each)])
        counted = _ladder(stream.watched, panes, rows) | _peers(stream, panes, rows)
        fired = {name: fired[name] + counted[name] for name in RULES}
    return Alarms(windows // PER_SIZE * PER_SIZE, fired)


def independent(rows: int, ladders: int, every: int, threshold: float, seed: int = 14) -> int:
    """Breaches in so many full ladders that share no row.

    Under a threshold that unchanged rows reach, only the evidence counts: the promise itself.
    """
    rng = np.random.default_rng([seed, rows])
    stream = _stream(rng, rows, REFERENCES[-1], drift={"threshold": threshold}).rows
    breaches = 0
    for _ in range(ladders):
        panes = np.array([stream.draw(rng, rows) for _ in range(LENGTHS[-1])])
        breaches += Status.BREACH in stream.watched.statuses(panes, rows, every)
    return breaches


def table(windows: Mapping[int, int] = WINDOWS) -> Table:
    """The share of windows with an alarm, by window size and rule."""
    return table_of({size: both(size, total) for size, total in windows.items()})


def both(rows: int, windows: int) -> list[Alarms]:
    """The alarms with small and with large references, half of the windows each."""
    return [false_alarms(rows, n0, windows // len(REFERENCES)) for n0 in REFERENCES]


def table_of(found: Mapping[int, Sequence[Alarms]]) -> Table:
    """The table of alarms by window size; of both references the worse share is shown."""
    rows = [
        [
            size,
            *(max(a.fired[name] / a.windows for a in alarms) for name in RULES),
            sum(a.windows for a in alarms),
        ]
        for size, alarms in found.items()
    ]
    title = f"{len(everyday().columns)} features, nothing changed: share of windows with an alarm"
    return Table(title, ["rows", *RULES, "windows"], rows, NOTES)


@dataclass(frozen=True, slots=True)
class _Stream:
    watched: Watch
    rows: Coded
    reference: Coded


def _stream(rng: np.random.Generator, rows: int, reference_rows: int, **monitoring: Any) -> _Stream:
    population = everyday()
    reference = population.take(rng.integers(population.n, size=reference_rows))
    declared = component(*CENSUS_CATEGORIES, "class", windows={"events": rows}, **monitoring)
    watched = watch(reference, declared)
    return _Stream(watched, coded(watched, population), coded(watched, reference))


def _ladder(watched: Watch, panes: NDArray[np.int64], rows: int) -> dict[str, int]:
    fired = dict.fromkeys(RULES[:4], 0)
    thresholds, lengths = watched.measure.thresholds, watched.measure.lengths
    judged = [None] * len(thresholds)
    for newest in range(1, len(panes) + 1):
        readings = watched.readings(panes[max(0, newest - LENGTHS[-1]) : newest], rows)
        big = climb(readings, thresholds, lengths)
        real = climb(readings, np.zeros_like(thresholds), lengths)
        strict, loose = rule(big, judged, 1_000), rule(big, judged, 100)
        fired[RULES[0]] += strict.breaches > 0
        fired[RULES[1]] += loose.breaches > 0
        fired[RULES[2]] += rule(real, judged, 1_000).breaches > 0
        fired[RULES[3]] += strict.warnings > 0
    return fired


def _peers(stream: _Stream, panes: NDArray[np.int64], rows: int) -> dict[str, int]:
    watched = stream.watched
    psi = naive.raw_psi(watched, panes).max(axis=1)
    p = naive.p_values(watched, panes).min(axis=1)
    fired = {
        RULES[4]: psi > 0.1,
        RULES[5]: psi > 0.2,
        RULES[6]: p < 0.05 / len(watched.subjects),
        RULES[7]: _past_chunks(stream, panes, rows),
    }
    return {name: int(alarms.sum()) for name, alarms in fired.items()}


def _past_chunks(stream: _Stream, panes: NDArray[np.int64], rows: int) -> NDArray[np.bool_]:
    n0 = len(stream.reference.codes)
    cuts: Sequence[int] = range(0, n0 - rows + 1, rows)
    if len(cuts) < 2:
        return np.zeros(len(panes), dtype=bool)
    chunks = np.array([stream.reference.counts(slice(cut, cut + rows)) for cut in cuts])
    distance = naive.raw_js(stream.watched, panes)
    return np.asarray((distance > naive.chunk_limits(stream.watched, chunks)).any(axis=1))
