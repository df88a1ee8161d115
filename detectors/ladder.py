"""The verdict rule over a ladder of trailing windows: a breach is big and real.

STATISTICS 1.4. *Big*: the debiased effect of a window reaches the threshold. *Real*: the e-values
of the windows that are big, averaged over the ladder, pass a bar that holds for all features
together (e-BH). A shorter, newer window that proves the effect to be over ends the climb. All of
it is a pure function of what was measured: no memory, no reset.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from detectors.stats.effect import Effect
from detectors.stats.evidence import LOG_E_CAP
from detectors.stats.overdispersion import FEWEST_BLOCKS, SLACK
from governance.finding import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detectors.base import WindowView

FEWEST_EFFECTIVE = 25.0  # effective events of the longest window
FEWEST_REFERENCE_ROWS = 1_000
SHOWN_EFFECTIVE = 200.0  # effective events from which a window is worth showing
WARNING_BAR = 20.0


class Hold(StrEnum):
    """Why a feature is not judged; in this order."""

    NO_EVENTS = "no_events"
    LOST = "lost"
    REFERENCE = "reference"
    SMALL = "small"


@dataclass(frozen=True, slots=True)
class Readings:
    """What was measured: a row per trailing window, shortest first; a column per feature.

    ``usable`` is False where a window cannot be read for a feature (no finite row, no event, a
    length that its ladder does not have); the other arrays hold any finite number there.
    """

    n: NDArray[np.float64]  # (K,): size of each window, all rows
    rho: NDArray[np.float64]  # (K, F)
    m: NDArray[np.float64]  # (K, F): effective size behind the effect
    log_e: NDArray[np.float64]  # (K, F): natural logarithm, uncapped
    effect: Effect  # (K, F)
    usable: NDArray[np.bool_]  # (K, F)


@dataclass(frozen=True, slots=True)
class Climb:
    """What the ladder says of each feature, before the features are looked at together."""

    evidence: NDArray[np.float64]  # (F,): E
    counted: NDArray[np.bool_]  # (K, F): windows that gave evidence
    shown: NDArray[np.intp]  # (F,): row of the window to show; -1 = none
    small: NDArray[np.bool_]  # (F,): too few effective events in the longest window


@dataclass(frozen=True, slots=True)
class Ruling:
    """The statuses of a family of features; ``capped`` marks breaches that are only warnings."""

    family: int  # features that were judged
    breaches: int  # j of e-BH at the bar of a breach
    warnings: int  # j at the bar of a warning
    bar: float  # E that a feature of this window had to reach for a breach
    statuses: tuple[Status, ...]
    capped: tuple[bool, ...]


def trailing_sums(
    view: WindowView, array: str, lengths: Sequence[int], size: int
) -> NDArray[np.int64]:
    """Sums of one array over the last ``lengths`` panes, shape (lengths, size).

    ``lengths`` rise and do not exceed the panes of the view; without one, or without the array,
    there are no rows or only zeros.
    """
    sums = view.trailing(lengths).get(array) if lengths else None
    return np.zeros((len(lengths), size), dtype=np.int64) if sums is None else sums


def usable_windows(
    n: NDArray[np.float64],
    rows: NDArray[np.float64],
    lengths: NDArray[np.float64],
    in_order: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Which windows of ``n`` rows, shape (K,), each feature's ladder can read, shape (K, F).

    In time order: as many lengths as the ladder has. Else the first, and more up to an eighth of
    the reference's ``rows``.
    """
    place = np.arange(len(n))[:, None]
    fits = n[:, None] <= rows / FEWEST_BLOCKS * SLACK
    return (n > 0)[:, None] & np.where(in_order, place < lengths, (place == 0) | fits)


def side_by_side(parts: Sequence[Readings]) -> Readings:
    """Readings of several groups of features over the same windows as one; ``n`` of the first."""
    if len(parts) == 1:
        return parts[0]
    effects = [part.effect for part in parts]
    return Readings(
        n=parts[0].n,
        rho=np.hstack([part.rho for part in parts]),
        m=np.hstack([part.m for part in parts]),
        log_e=np.hstack([part.log_e for part in parts]),
        effect=Effect(
            np.hstack([effect.raw for effect in effects]),
            np.hstack([effect.value for effect in effects]),
            np.hstack([effect.lower for effect in effects]),
            np.hstack([effect.upper for effect in effects]),
        ),
        usable=np.hstack([part.usable for part in parts]),
    )


def climb(
    readings: Readings,
    thresholds: NDArray[np.float64],
    divisors: NDArray[np.float64],
    fewest: NDArray[np.float64] | float = FEWEST_EFFECTIVE,
) -> Climb:
    """Read the ladder of every feature, shortest window first.

    ``divisors`` are the lengths that each feature's ladder has, also while it still fills;
    ``fewest`` the effective events that its longest window must have.
    """
    windows, features = readings.m.shape
    effect = readings.effect
    counted = np.zeros((windows, features), dtype=bool)
    evidence = np.zeros(features)
    best, best_log_e = np.full(features, -1), np.full(features, -np.inf)
    alive = np.ones(features, dtype=bool)
    for k in range(windows):
        counted[k] = alive & readings.usable[k] & (effect.value[k] >= thresholds)
        capped = np.exp(np.minimum(readings.log_e[k], LOG_E_CAP))
        evidence += np.where(counted[k], capped / divisors, 0.0)
        better = counted[k] & (readings.log_e[k] > best_log_e)
        best[better], best_log_e[better] = k, readings.log_e[k][better]
        alive &= ~(readings.usable[k] & (effect.upper[k] < thresholds))
    longest = _last(readings.usable)
    small = (longest < 0) | (_at(readings.m, longest) < fewest)
    ample = _first(readings.usable & (readings.m >= SHOWN_EFFECTIVE))
    shown = np.where(best >= 0, best, np.where(ample >= 0, ample, longest))
    return Climb(evidence, counted, shown, small)


def rule(
    climbed: Climb, holds: Sequence[Hold | None], false_alarm_every: int, *, capped: bool = False
) -> Ruling:
    """The statuses of features that are judged together, by e-BH.

    Parameters
    ----------
    climbed
        What the ladder says of F features.
    holds
        Why a feature is not judged, F entries; None = it is.
    false_alarm_every
        If nothing changed, at most one window in so many is a false breach.
    capped
        The reference cannot tell a change from a rhythm: a breach becomes a warning.
    """
    judged = [hold is None for hold in holds]
    family = sum(judged)
    breaches, bar = _rejected(climbed.evidence[judged], float(false_alarm_every))
    warnings, warning_bar = _rejected(climbed.evidence[judged], WARNING_BAR)
    statuses, caps = [], []
    for evidence, is_judged in zip(climbed.evidence.tolist(), judged, strict=True):
        breach = is_judged and breaches > 0 and evidence >= bar
        warning = breach or (is_judged and warnings > 0 and evidence >= warning_bar)
        statuses.append(_status(judged=is_judged, breach=breach and not capped, warning=warning))
        caps.append(breach and capped)
    return Ruling(family, breaches, warnings, bar, tuple(statuses), tuple(caps))


def hold(*, no_events: bool, lost: bool, unfit: bool, small: bool) -> Hold | None:
    """The first reason for which a feature is not judged; None = it is judged.

    ``unfit`` says that its reference is of no use, as with under ``FEWEST_REFERENCE_ROWS``.
    """
    if no_events:
        return Hold.NO_EVENTS
    if lost:
        return Hold.LOST
    if unfit:
        return Hold.REFERENCE
    return Hold.SMALL if small else None


def _status(*, judged: bool, breach: bool, warning: bool) -> Status:
    if not judged:
        return Status.INSUFFICIENT
    if breach:
        return Status.BREACH
    return Status.WARNING if warning else Status.OK


def _rejected(evidence: NDArray[np.float64], every: float) -> tuple[int, float]:
    """How many features e-BH rejects, and the bar that each had to reach.

    The largest j such that the j-th largest evidence is at least every * F / j; 0 if none.
    """
    descending = np.sort(evidence)[::-1]
    bars = every * len(evidence) / np.arange(1, len(evidence) + 1)
    passing = np.flatnonzero(descending >= bars)
    j = int(passing[-1]) + 1 if len(passing) else 0
    return j, every * len(evidence) / max(1, j)


def _first(flags: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Row of the first True in every column; -1 where there is none."""
    if len(flags) == 0:
        return np.full(flags.shape[1], -1)
    return np.where(flags.any(axis=0), flags.argmax(axis=0), -1)


def _last(flags: NDArray[np.bool_]) -> NDArray[np.intp]:
    first = _first(flags[::-1])
    return np.where(first >= 0, len(flags) - 1 - first, -1)


def _at(table: NDArray[np.float64], rows: NDArray[np.intp]) -> NDArray[np.float64]:
    if len(table) == 0:
        return np.zeros(table.shape[1])
    return table[np.maximum(rows, 0), np.arange(table.shape[1])]
