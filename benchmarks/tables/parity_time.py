"""Fairness over time: how often equal or nearly equal groups breach, and how soon others do.

STATISTICS 3.6, second part. Two groups with 50 events each in a pane, threshold .1. ``statuses`` is
the rule of ``detectors.fairness.parity`` for two groups and many runs at once; a test compares
them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tables.table import Table
from detectors.stats.limits import confidence_sequence, limits
from detectors.trailing import DISPLAY_ERROR, LENGTHS, error_levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

EVENTS, PANES, THRESHOLD, EVERY = 50, 200, 0.1, 1_000
BASE = 0.3
SMALL, LARGE = (0.0, 0.05, 0.09, 0.1), (0.15, 0.2, 0.3, 0.4)


def panes(rng: np.random.Generator, difference: float, runs: int) -> NDArray[np.int64]:
    """Successes of both groups, shape (runs, PANES, 2)."""
    return rng.binomial(EVENTS, (BASE + difference, BASE), (runs, PANES, 2))


def breaches(successes: NDArray[np.int64], every: int = EVERY) -> NDArray[np.bool_]:
    """Whether each pane is in breach, shape (runs, panes); the ladder fills from the first on."""
    total = np.cumsum(successes, axis=1)
    error, _ = error_levels(every, 1)
    found = np.zeros(total.shape[:2], dtype=bool)
    alive = np.ones(total.shape[:2], dtype=bool)
    for k in (k for k in LENGTHS if k <= total.shape[1]):
        window = total[:, k - 1 :].copy()
        window[:, 1:] -= total[:, :-k]
        share = window / (k * EVENTS)
        found[:, k - 1 :] |= alive[:, k - 1 :] & (_lower(window, share, k, error) >= THRESHOLD)
        alive[:, k - 1 :] &= _upper(window, share, k) >= THRESHOLD
    return found


def plain(successes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the 95 % bounds of the newest pane alone lie above the threshold."""
    return np.asarray(_lower(successes, successes / EVENTS, 1, DISPLAY_ERROR) >= THRESHOLD)


def sequence_bounds(successes: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Bounds of the difference since the first pane that hold at every time at once."""
    total = np.cumsum(successes, axis=1).astype(np.float64)
    events = EVENTS * np.arange(1, total.shape[1] + 1)[:, None]
    low, high = confidence_sequence(total, events - total, 0.05)
    share = total / events
    gap = share[..., 0] - share[..., 1]
    down = np.hypot((share - low)[..., 0], (high - share)[..., 1])
    up = np.hypot((high - share)[..., 0], (share - low)[..., 1])
    return np.asarray(gap - down), np.asarray(gap + up)


def table(runs: int = 400, seed: int = 8) -> Table:
    """False breaches below and at the threshold."""
    rng = np.random.default_rng(seed)
    rows = []
    for difference in SMALL:
        drawn = panes(rng, difference, runs)
        ours, naive = breaches(drawn), plain(drawn)
        rows.append(
            [
                difference,
                float(ours.mean()),
                float(ours.any(axis=1).mean()),
                float(naive.mean()),
                float(naive.any(axis=1).mean()),
            ]
        )
    head = ["truth", "panes in breach", "runs with one", "one pane's 95 %: panes", "runs"]
    title = (
        f"Two groups of {EVENTS} events a pane, threshold {THRESHOLD}, {runs} runs of {PANES} panes"
    )
    return Table(title, head, rows)


def delays(runs: int = 400, seed: int = 9) -> Table:
    """Panes until real differences are found, by the ladder and since rollout."""
    rng = np.random.default_rng(seed)
    rows = []
    for difference in LARGE:
        drawn = panes(rng, difference, runs)
        lower, upper = sequence_bounds(drawn)
        held = ((lower <= difference) & (difference <= upper)).all(axis=1)
        ladder, sequence = _first(breaches(drawn)), _first(lower >= THRESHOLD)
        rows.append([difference, ladder, sequence, float(held.mean())])
    head = ["truth", "ladder", "confidence sequence", "runs that it holds throughout"]
    return Table("Mean panes until a difference that was there from the start is found", head, rows)


def _lower(s: NDArray[np.int64], share: Floats, k: int, error: float) -> Floats:
    """The larger of both ordered pairs' lower bounds; each has half the error."""
    low, high = limits(s, float(k * EVENTS), error / 2)
    gap = share[..., 0] - share[..., 1]
    down = np.hypot((share - low)[..., 0], (high - share)[..., 1])
    other = np.hypot((share - low)[..., 1], (high - share)[..., 0])
    return np.maximum(gap - down, -gap - other)


def _upper(s: NDArray[np.int64], share: Floats, k: int) -> Floats:
    low, high = limits(s, float(k * EVENTS), DISPLAY_ERROR)
    gap = share[..., 0] - share[..., 1]
    up = np.hypot((high - share)[..., 0], (share - low)[..., 1])
    other = np.hypot((high - share)[..., 1], (share - low)[..., 0])
    return np.maximum(gap + up, -gap + other)


def _first(alarms: Sequence[NDArray[np.bool_]] | NDArray[np.bool_]) -> float:
    found = np.asarray(alarms)
    first = np.where(found.any(axis=1), found.argmax(axis=1) + 1, found.shape[1] + 1)
    return float(first.mean())
