"""Sudden changes of a cost or a rate over time, where nobody has set a limit.

STATISTICS 2, "Costs and rates over time". The mean of the last 1, 6 and 24 points is compared with
the median of such means before; how unusual the deviation is, past deviations tell. A robust
heuristic: it promises no rate of false alarms, so what it raises is a warning and no more.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SPANS = (1, 6, 24)  # points
HISTORY = 1_500  # means, and deviations, that are looked back on
FEWEST = 60  # of both, before anything is scored
ALARM_AT = 4.0
CALM = 120  # points without such a score, before another alarm
MAD_TO_SD = 1.4826
TAIL, TAIL_TO_SD = 0.99, 2.33  # a quantile of past deviations, and what it is of a normal one
LEAST_OF_LEVEL, LEAST = 0.001, 1e-9


def change_scores(values: Floats) -> Floats:
    """How unusual the newest points are at each time, in standard deviations, shape (n,).

    Parameters
    ----------
    values
        One finite number per point of time, shape (n,).

    Returns
    -------
    ndarray of float64
        The largest score over ``SPANS``; 0 where there is too little history.

    Notes
    -----
    Per span s: deviation = |mean - level|, level = median of up to 1,500 means that ended s or
    more points ago; scale = max(1.4826 MAD, 99 % quantile / 2.33, .001 level) of up to 1,500
    deviations that ended s or more points ago. Cost: about 15 us a point.
    """
    scores = np.zeros(len(values))
    for span in (s for s in SPANS if s <= len(values)):
        behind = scores[span - 1 :]
        np.maximum(behind, _span_scores(values, span), out=behind)
    return scores


def alarm_points(scores: Floats) -> list[int]:
    """Positions at which an alarm is raised: a score of 4 after 120 points without one."""
    high = np.flatnonzero(scores >= ALARM_AT)
    return [int(at) for at in high[np.diff(high, prepend=-CALM - 1) > CALM]]


def _span_scores(values: Floats, span: int) -> Floats:
    """Scores of the means of ``span`` points, shape (n - span + 1,)."""
    means = np.lib.stride_tricks.sliding_window_view(values, span).mean(axis=-1).tolist()
    past_means, past_deviations = _Recent(), _Recent()
    deviations: dict[int, float] = {}
    scores = np.zeros(len(means))
    for at in range(span, len(means)):
        past_means.add(means[at - span])
        if at - span in deviations:
            past_deviations.add(deviations[at - span])
        if len(past_means) < FEWEST:
            continue
        level = past_means.quantile(0.5)
        deviations[at] = abs(means[at] - level)
        if len(past_deviations) >= FEWEST:
            scores[at] = deviations[at] / _scale(past_deviations, level)
    return scores


def _scale(deviations: _Recent, level: float) -> float:
    usual = MAD_TO_SD * deviations.quantile(0.5)
    tail = deviations.quantile(TAIL) / TAIL_TO_SD
    return max(usual, tail, LEAST_OF_LEVEL * abs(level), LEAST)


class _Recent:
    """The newest ``HISTORY`` numbers, also in order of size: a quantile is a look-up."""

    def __init__(self) -> None:
        self._newest: deque[float] = deque()
        self._ordered: list[float] = []

    def __len__(self) -> int:
        return len(self._ordered)

    def add(self, number: float) -> None:
        """Take a number in, and the oldest out where there are too many."""
        self._newest.append(number)
        insort(self._ordered, number)
        if len(self._newest) > HISTORY:
            del self._ordered[bisect_left(self._ordered, self._newest.popleft())]

    def quantile(self, q: float) -> float:
        """By linear interpolation; there must be a number."""
        place = (len(self._ordered) - 1) * q
        below = math.floor(place)
        low = self._ordered[below]
        high = self._ordered[min(below + 1, len(self._ordered) - 1)]
        return low + (high - low) * (place - below)
