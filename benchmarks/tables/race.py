"""A ladder over panes of one size, beside rules that look at one window alone.

The rules get what their users seldom give them: limits that are calibrated on the true population,
so that each has one false alarm in so many windows over all features, as the ladder promises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tables import naive
from benchmarks.tables.coded import Coded, coded, watch
from benchmarks.tables.drifts import changed
from benchmarks.tables.populations import CENSUS_CATEGORIES, everyday
from benchmarks.tables.watched import component
from detectors.trailing import LENGTHS
from governance.finding import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from benchmarks.tables.coded import Watch
    from benchmarks.tables.drifts import Changed, Drift

    Counts = NDArray[np.int64]
    Floats = NDArray[np.float64]

REFERENCE_ROWS = 68_785  # as many as the census of 2015 has
LONGEST = LENGTHS[-1]
NEVER = LONGEST + 1
PEERS = ("PSI", "JS", "KS")
_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Track:
    """One reference, the population that it was drawn from, and panes of ``rows`` rows."""

    rows: int
    stream: Coded

    @property
    def watched(self) -> Watch:
        """The component with its reference."""
        return self.stream.watched

    def changed(self, drift: Drift) -> Changed:
        """The population after a change."""
        return changed(self.stream, everyday(), drift)

    def calm(self, rng: np.random.Generator, panes: int) -> Counts:
        """Counts of usual panes, shape (panes, bins)."""
        return np.array([self.stream.draw(rng, self.rows) for _ in range(panes)])

    def status(self, panes: Counts, every: int) -> tuple[Status, ...]:
        """The status of every subject after a ladder of panes, newest last."""
        return self.watched.statuses(panes, self.rows, every)


def make_track(rng: np.random.Generator, rows: int, reference_rows: int = REFERENCE_ROWS) -> Track:
    """A reference drawn from the population, whose rows are independent."""
    population = everyday()
    declared = component(*CENSUS_CATEGORIES, "class", windows={"events": rows})
    reference = population.take(rng.integers(population.n, size=reference_rows))
    return Track(rows, coded(watch(reference, declared), population))


def statistics(track: Track, counts: Counts) -> dict[str, Floats]:
    """What the one-window rules look at, shape (W, F) each; KS is 0 for categories."""
    numeric, distance = naive.raw_ks(track.watched, counts)
    ks = np.zeros((len(counts), len(track.watched.subjects)))
    ks[:, numeric] = distance
    psi, js = naive.raw_psi(track.watched, counts), naive.raw_js(track.watched, counts)
    return dict(zip(PEERS, (psi, js, ks), strict=True))


def calibrated(
    rng: np.random.Generator, track: Track, every: int, windows: int
) -> Mapping[str, Floats]:
    """Per rule a limit per feature, shape (F,), from so many usual windows.

    The features' limits have the same quantile of their own up to one common factor, which makes
    one alarm of any feature in ``every`` windows.
    """
    batches = [statistics(track, track.calm(rng, _BATCH)) for _ in range(windows // _BATCH)]
    limits = {}
    for name in PEERS:
        null = np.concatenate([batch[name] for batch in batches])
        usual = np.quantile(null, 1 - 1 / every, axis=0)
        worst = (null / np.where(usual > 0, usual, np.inf)).max(axis=1)
        limits[name] = usual * np.quantile(worst, 1 - 1 / every)
    return limits


def ladder_delay(rng: np.random.Generator, track: Track, stream: Changed, every: int) -> int:
    """Windows from a change, after a ladder of usual panes, to its breach, or ``NEVER``."""
    panes = list(track.calm(rng, LONGEST))
    for window in range(1, NEVER):
        panes = [*panes[1:], stream.draw(rng, track.rows)]
        if track.status(np.array(panes), every)[stream.place] is Status.BREACH:
            return window
    return NEVER


def peer_delays(
    rng: np.random.Generator, track: Track, stream: Changed, limits: Mapping[str, Floats]
) -> dict[str, int]:
    """The same of the one-window rules."""
    panes = np.array([stream.draw(rng, track.rows) for _ in range(LONGEST)])
    found = statistics(track, panes)
    return {
        name: _first(found[name][:, stream.place] > limits[name][stream.place]) for name in PEERS
    }


def _first(alarms: NDArray[np.bool_]) -> int:
    return int(alarms.argmax()) + 1 if alarms.any() else NEVER
