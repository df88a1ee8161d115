"""Changes of one feature, whose size is known: what the tables of delays inject.

A change is given by the shares of the feature's bins after it; the other features stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from detectors.drift.measure import Measure
from detectors.stats.overdispersion import Block
from governance.algebra.bins import CategoryBins

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from benchmarks.tables.coded import Coded
    from detectors.drift.subjects import Subject
    from detectors.drift.yardstick import Yardstick
    from governance.event import Column, EventBatch

    Floats = NDArray[np.float64]

GROUP_QUARTERS = ("16", "17")
_BISECTIONS = 60
_EVERYBODY = 1e9  # rows, so many that nothing is left to chance


@dataclass(frozen=True, slots=True)
class Drift:
    """A named change of one feature; ``shares`` of its bins follow from its column before."""

    name: str
    feature: str
    shares: Callable[[Subject, Column], Floats]


@dataclass(frozen=True, slots=True)
class Changed:
    """A stream of rows in which the subject at ``place`` has other shares."""

    stream: Coded
    place: int
    was: Floats
    shares: Floats

    @property
    def size(self) -> float:
        """The true effect over the subject's threshold."""
        stick = self.stream.watched.subjects[self.place].yardstick
        return true_effect(stick, self.was, self.shares) / stick.threshold

    def draw(self, rng: np.random.Generator, rows: int) -> NDArray[np.int64]:
        """Counts of one pane of ``rows`` rows, shape (bins,)."""
        counts = self.stream.draw(rng, rows)
        counts[self.stream.watched.bins.slice(self.place)] = rng.multinomial(rows, self.shares)
        return counts


def changed(stream: Coded, population: EventBatch, drift: Drift) -> Changed:
    """The stream after the change; ``population`` are the rows that ``stream`` codes."""
    place = stream.watched.names.index(drift.feature)
    subject = stream.watched.subjects[place]
    column = population.columns[subject.column]
    return Changed(stream, place, before(subject, column), drift.shares(subject, column))


def true_effect(stick: Yardstick, was: Floats, became: Floats) -> float:
    """The effect between two populations, given by shares of all bins: no sampling noise."""
    if np.array_equal(was, became):
        return 0.0
    counts = np.rint(was * _EVERYBODY).astype(np.int64)
    tail = len(stick.tail)
    known = replace(
        stick, fine=counts[:-tail], tail=counts[-tail:], ladder=(Block(1, _EVERYBODY, 1.0),)
    )
    readings = Measure([known]).readings(became[None] * _EVERYBODY, np.array([_EVERYBODY]))
    return float(readings.effect.raw[0, 0])


def shift(sds: float) -> Drift:
    """Age rises by some standard deviations."""
    return Drift(f"age +{sds:g} sd", "AGEP", lambda s, c: _moved(s, c, lambda z: z + sds))


def spread(factor: float) -> Drift:
    """Age spreads around its mean."""
    return Drift(f"age sd x {factor:g}", "AGEP", lambda s, c: _moved(s, c, lambda z: z * factor))


def tilt(psi: float) -> Drift:
    """Schooling tilts towards its later codes until its PSI has the given value."""
    return Drift(f"schooling PSI {psi:g}", "SCHL", lambda s, c: tilted(before(s, c), psi))


def unseen(share: float) -> Drift:
    """So many of the people have a schooling that the reference never saw."""
    return Drift(f"category new {100 * share:g} %", "SCHL", lambda s, c: _unseen(s, c, share))


def lost() -> Drift:
    """Nobody lives in group quarters any more; 7.4 % did."""
    return Drift("category lost 7.4 %", "RELP", _lost)


def before(subject: Subject, column: Column) -> Floats:
    """Shares of the subject's bins in a column."""
    counts = subject.bins.count(column.values, column.dictionary)
    return np.asarray(counts / counts.sum())


def tilted(p: Floats, psi: float) -> Floats:
    """Shares whose mass leans to the later bins, by a given PSI from ``p``."""
    some, place = p > 0, np.arange(len(p)) / len(p)
    low, high = 0.0, 20.0
    for _ in range(_BISECTIONS):
        steep = (low + high) / 2
        q = p * np.exp(steep * place) / (p @ np.exp(steep * place))
        value = np.sum((q - p)[some] * np.log(q[some] / p[some]))
        low, high = (steep, high) if value < psi else (low, steep)
    return np.asarray(q)


def _moved(subject: Subject, column: Column, move: Callable[[Floats], Floats]) -> Floats:
    """Values stay whole numbers: each goes up or down so that the move is right in the mean."""
    mean, sd = column.values.mean(), column.values.std()
    moved = mean + sd * move((column.values - mean) / sd)
    below = np.floor(moved)
    up = subject.bins.count(below + 1, weight=moved - below)
    down = subject.bins.count(below, weight=1 - (moved - below))
    return np.asarray((up + down) / (up + down).sum())


def _unseen(subject: Subject, column: Column, share: float) -> Floats:
    q = (1 - share) * before(subject, column)
    q[-2] += share  # kept, rare, unseen, missing
    return q


def _lost(subject: Subject, column: Column) -> Floats:
    if not isinstance(subject.bins, CategoryBins):
        raise TypeError(f"{subject.name} holds numbers, no category can be lost")
    q = before(subject, column)
    q[[subject.bins.bin_of(name) for name in GROUP_QUARTERS]] = 0.0
    return np.asarray(q / q.sum())
