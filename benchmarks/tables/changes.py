"""What ``rate_change`` says of traffic in which nothing changes, and how soon of what does.

Series of 60 days of hours as a component has them, through the history that a worker keeps; the
first ten days teach and are not counted. A change is told where the score passes 4; an alert needs
two of three windows. STATISTICS 2 promises nothing here, so what it does must be looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tables.table import Table
from detectors.history import History
from detectors.points import Count, Magnitude, Rate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from detectors.points import Point
    from detectors.stats.rate_change import Change

    Draw = Callable[[np.random.Generator], Sequence[Point]]

HOURS, TAUGHT, MONTH = 24 * 60, 240, 720
RUNS = 24
_HOUR = np.arange(HOURS)
_DAY = 1 + 0.8 * np.sin(2 * np.pi * _HOUR / 24)
_WEEK = np.where(_HOUR // 24 % 7 < 5, 1.0, 0.3)
_OPEN = (_HOUR % 24 >= 8) & (_HOUR % 24 < 18)


def _counts(values: np.ndarray) -> list[Point]:
    return [Count(float(value)) for value in values]


def _poisson(mean: float | np.ndarray) -> Draw:
    return lambda rng: _counts(rng.poisson(mean, HOURS))


def _share(p: float | np.ndarray, size: int) -> Draw:
    return lambda rng: [Rate(n / size, size) for n in rng.binomial(size, p, HOURS)]


def _latency(memory: float) -> Draw:
    """Log-normal around 200 ms; ``memory`` is the correlation of one hour with the next."""

    def draw(rng: np.random.Generator) -> list[Point]:
        noise, level = rng.normal(size=HOURS), 0.0
        points: list[Point] = []
        for step in noise.tolist():
            level = memory * level + step * (1 - memory**2) ** 0.5
            points.append(Magnitude(200 * np.exp(0.2 * level)))
        return points

    return draw


CALM: Mapping[str, Draw] = {
    "traffic, 2 an hour": _poisson(2.0),
    "traffic, 50 an hour": _poisson(50.0),
    "traffic, 5,000 an hour": _poisson(5_000.0),
    "traffic by day and night": _poisson(500 * _DAY),
    "traffic with weekends": _poisson(500 * _DAY * _WEEK),
    "traffic in business hours only": _poisson(400 * _OPEN),
    "traffic in bursts (sd 71 % of mean)": lambda rng: _counts(
        rng.negative_binomial(2, 2 / 502, HOURS)
    ),
    "errors, .0005 of 50": _share(0.0005, 50),
    "errors, .001 of 1,000": _share(0.001, 1_000),
    "errors, .02 of 50": _share(0.02, 50),
    "errors, .02 of 1,000": _share(0.02, 1_000),
    "latency, independent hours": _latency(0.0),
    "latency, hours alike (.9)": _latency(0.9),
    "latency, heavy tails (t, 3)": lambda rng: [
        Magnitude(200 * np.exp(0.1 * x)) for x in rng.standard_t(3, HOURS)
    ],
}

AT = 1_000
_AFTER = _HOUR >= AT
CHANGED: Mapping[str, Draw] = {
    "traffic x 3": _poisson(np.where(_AFTER, 1_500.0, 500.0)),
    "traffic x 1.3": _poisson(np.where(_AFTER, 650.0, 500.0)),
    "traffic stops": _poisson(np.where(_AFTER, 0.0, 500.0)),
    "traffic by day and night x 3": _poisson(500 * _DAY * np.where(_AFTER, 3, 1)),
    "errors of 1,000: .001 to .02": _share(np.where(_AFTER, 0.02, 0.001), 1_000),
    "errors of 50: .0005 to .1": _share(np.where(_AFTER, 0.1, 0.0005), 50),
}


def table() -> Table:
    """Changes told and alerts fired a month, per series, where nothing changes."""
    rows = []
    for name, draw in CALM.items():
        told = [said(draw(np.random.default_rng(seed))) for seed in range(RUNS)]
        months = RUNS * (HOURS - TAUGHT) / MONTH
        starts = sum(int((np.diff(t[TAUGHT:], prepend=0) == 1).sum()) for t in told)
        fired = sum(alerts(t[TAUGHT:]) for t in told)
        rows.append((name, starts / months, fired / months))
    notes = [f"{RUNS} runs of {(HOURS - TAUGHT) // 24} days of hours each; 0 in 40 months: < .08."]
    return Table(
        "Nothing changes: a month of hourly windows", ["series", "told", "alerts"], rows, notes
    )


def delays() -> Table:
    """Share of runs that tell within 24 windows of a change, and windows until they do."""
    rows = []
    for name, draw in CHANGED.items():
        first = [_first(draw(np.random.default_rng(seed))) for seed in range(RUNS)]
        seen = [at for at in first if at is not None]
        rows.append((name, len(seen) / RUNS, float(np.mean(seen)) if seen else None))
    return Table(f"What changes at hour {AT:,}", ["change", "told in 24 h", "windows"], rows)


def said(points: Sequence[Point]) -> np.ndarray:
    """1 for each window that warns, shape (n,)."""
    return np.array([change.alarm for change in _changes(points)], dtype=np.int8)


def alerts(told: np.ndarray) -> int:
    """How often two of three windows warn, anew."""
    confirmed = np.convolve(told, np.ones(3, dtype=np.int8))[: len(told)] >= 2
    return int((np.diff(confirmed.astype(np.int8), prepend=0) == 1).sum())


def _first(points: Sequence[Point]) -> int | None:
    told = np.flatnonzero(said(points[: AT + 24])[AT:])
    return int(told[0]) + 1 if len(told) else None


def _changes(points: Sequence[Point]) -> list[Change]:
    history = History("every")
    return [history.extend({"x": point}, at)["x"] for at, point in enumerate(points)]
