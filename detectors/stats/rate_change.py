"""Sudden changes of a cost or a rate over time, where nobody has set a limit.

STATISTICS 2, "Costs and rates over time". The mean of the last 1, 6 and 24 points is compared with
the median of such means before; how unusual the deviation is, past deviations tell. A robust
heuristic: it promises no rate of false alarms, so what it raises is a warning and no more.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, insort
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SPANS = (1, 6, 24)  # points
HISTORY = 1_500  # means, and deviations, that are looked back on
REACH = HISTORY + 2 * SPANS[-1]  # points of which the next score is a function, with deviations
FEWEST = 60  # of both, before anything is scored
ALARM_AT = 4.0
CALM = 120  # points without such a score, before another alarm
LOUD = 3  # points for which an alarm is raised if the score stays: two of three windows confirm it
MAD_TO_SD = 1.4826
TAIL, TAIL_TO_SD = 0.99, 2.33  # a quantile of past deviations, and what it is of a normal one
LEAST_OF_LEVEL, LEAST = 0.001, 1e-9


@dataclass(frozen=True, slots=True)
class Change:
    """What the newest point of a series says.

    ``mean`` is that of the newest ``span`` points, ``level`` the median of ``means`` such means
    before, ``score`` how many scale units lie between them: the largest over ``SPANS``. All are 0
    while there is too little history. ``points`` counts the series, ``alarm`` is whether a change
    is to be told now.
    """

    points: int
    score: float = 0.0
    mean: float = 0.0
    level: float = 0.0
    span: int = 0
    means: int = 0
    alarm: bool = False

    @property
    def is_scored(self) -> bool:
        """Whether there is enough history."""
        return self.span > 0


class Track:
    """One series that grows by a point at a time, with all that its next score needs.

    ``typecode`` is that of ``array.array`` in which numbers are kept: ``d`` (8 bytes), or ``f``
    (4 bytes; every number is then rounded to it before it is used, so that a track that was
    written down and read back goes on as if it had not been). Cost of a point: about 20 us.

    Notes
    -----
    Per span s: deviation = |mean - level|, level = median of up to 1,500 means that ended s or
    more points ago; scale = max(1.4826 MAD, 99 % quantile / 2.33, .001 level, noise) of up to
    1,500 deviations that ended s or more points ago. ``noise`` is what sampling alone does to
    such a mean (0 in the source): without it the first error in 1,500 calm windows is an alarm.
    """

    def __init__(self, typecode: str = "d") -> None:
        self.values = _empty(typecode)
        self.scores = _empty(typecode)
        self.deviations = tuple(_empty(typecode) for _ in SPANS)  # NaN: too little history
        self._ranks: tuple[_Ranks, ...] | None = None

    def __len__(self) -> int:
        return len(self.values)

    @classmethod
    def of(cls, columns: Sequence[array[float]]) -> Self:
        """The track whose ``columns`` these were."""
        track = cls(columns[0].typecode)
        track.values, track.scores, *deviations = columns
        track.deviations = tuple(deviations)
        return track

    @property
    def columns(self) -> tuple[array[float], ...]:
        """All that there is to write down, one number per point in each."""
        return (self.values, self.scores, *self.deviations)

    def forget(self, points: int) -> None:
        """Let go of the oldest points; ``REACH`` must stay for the next score to be the same."""
        for column in self.columns:
            del column[:points]
        self._ranks = None

    def append(self, value: float, noise: Callable[[float, int], float] | None = None) -> Change:
        """Take the newest point in; ``noise`` is a function of (level, span)."""
        if self._ranks is None:
            self._ranks = tuple(_Ranks.of(self, i) for i in range(len(SPANS)))
        self.values.append(value)
        best = Change(len(self.values))
        for ranks in self._ranks:
            found = ranks.step(self, noise)
            if found is not None and (found.score > best.score or not best.is_scored):
                best = found
        self.scores.append(best.score)
        if self.scores[-1] >= ALARM_AT and self._is_loud():
            return Change(
                best.points, best.score, best.mean, best.level, best.span, best.means, alarm=True
            )
        return best

    def _is_loud(self) -> bool:
        """Whether the newest high score raises an alarm, or one of those just before it did."""
        newest = len(self.scores) - 1
        return any(self._raises(at) for at in range(newest, max(-1, newest - LOUD), -1))

    def _raises(self, at: int) -> bool:
        calm = max(self.scores[max(0, at - CALM) : at], default=0.0) < ALARM_AT
        return calm and self.scores[at] >= ALARM_AT


class _Ranks:
    """Means and deviations of one span in order of size: a quantile is a look-up."""

    def __init__(self, place: int, means: array[float], deviations: array[float]) -> None:
        self._place = place
        self._span = SPANS[place]
        self._means = means
        self._deviations = deviations
        self._one = _empty(means.typecode)
        self._one.append(0.0)

    @classmethod
    def of(cls, track: Track, place: int) -> Self:
        """What the next point of a track will be compared with."""
        span, values = SPANS[place], np.asarray(track.values)
        end = len(values) - span  # of what ended a span or more before the newest point
        first = max(0, end - HISTORY)
        total = np.zeros(max(0, end - max(first, span - 1)))
        for back in range(span - 1, -1, -1):  # the order in which ``_mean`` adds
            total += values[end - len(total) - back : end - back] if len(total) else 0.0
        past = np.asarray(track.deviations[place])[first : max(0, end)]
        known = past[~np.isnan(past)]
        return cls(place, *(_ordered(a, track.values.typecode) for a in (total / span, known)))

    def step(self, track: Track, noise: Callable[[float, int], float] | None) -> Change | None:
        """The change of the newest point, and its deviation; None before there is a score."""
        span, at = self._span, len(track.values) - 1
        self._admit(track, at - span)
        deviations = track.deviations[self._place]
        if len(self._means) < FEWEST:
            deviations.append(math.nan)
            return None
        mean, level = _mean(track.values, at, span), _quantile(self._means, 0.5)
        deviations.append(abs(mean - level))
        if len(self._deviations) < FEWEST:
            return None
        scale = self._scale(level)
        if noise is not None:
            scale = max(scale, noise(level, span))
        score = deviations[-1] / scale
        return Change(at + 1, score, mean, level, span, len(self._means))

    def _admit(self, track: Track, at: int) -> None:
        """What ended at point ``at`` is history from now on; the oldest of it is forgotten."""
        gone = at - HISTORY
        if at >= self._span - 1:
            insort(self._means, self._rounded(_mean(track.values, at, self._span)))
            if len(self._means) > HISTORY:
                _remove(self._means, self._rounded(_mean(track.values, gone, self._span)))
        deviations = track.deviations[self._place]
        if at >= 0 and not math.isnan(deviations[at]):
            insort(self._deviations, deviations[at])
            if len(self._deviations) > HISTORY:
                _remove(self._deviations, deviations[gone])

    def _rounded(self, number: float) -> float:
        self._one[0] = number
        return self._one[0]

    def _scale(self, level: float) -> float:
        usual = MAD_TO_SD * _quantile(self._deviations, 0.5)
        tail = _quantile(self._deviations, TAIL) / TAIL_TO_SD
        return max(usual, tail, LEAST_OF_LEVEL * abs(level), LEAST)


def change_scores(values: Floats) -> Floats:
    """How unusual the newest points are at each time, in scale units, shape (n,).

    Parameters
    ----------
    values
        One finite number per point of time, shape (n,).

    Returns
    -------
    ndarray of float64
        The largest score over ``SPANS``; 0 where there is too little history.
    """
    track = Track()
    for value in values.tolist():
        track.append(value)
    return np.array(track.scores, dtype=np.float64)


def alarm_points(scores: Floats) -> list[int]:
    """Positions at which an alarm is raised: a score of 4 after 120 points without one."""
    high = np.flatnonzero(scores >= ALARM_AT)
    return [int(at) for at in high[np.diff(high, prepend=-CALM - 1) > CALM]]


def _empty(typecode: str) -> array[float]:
    return array(typecode)  # "d" or "f"


def _mean(values: array[float], at: int, span: int) -> float:
    """Mean of the ``span`` points up to ``at``, added from the oldest on."""
    if span == 1:
        return values[at]
    total = 0.0
    for value in values[at - span + 1 : at + 1]:
        total += value
    return total / span


def _ordered(numbers: NDArray[np.float64], typecode: str) -> array[float]:
    ordered = _empty(typecode)
    ordered.frombytes(np.sort(numbers.astype(typecode)).tobytes())
    return ordered


def _remove(ordered: array[float], number: float) -> None:
    del ordered[bisect_left(ordered, number)]


def _quantile(ordered: array[float], q: float) -> float:
    """By linear interpolation; there must be a number."""
    place = (len(ordered) - 1) * q
    below = math.floor(place)
    low = ordered[below]
    high = ordered[min(below + 1, len(ordered) - 1)]
    return low + (high - low) * (place - below)
