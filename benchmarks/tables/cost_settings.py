"""The same benchmark under other settings: what threshold, history and spans are worth.

STATISTICS 3.9. ``scores_with`` is the formula of ``detectors.stats.rate_change`` for any setting; a
test compares both under the setting that runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tables.costs import COSTS, labelled, normalised, score
from benchmarks.tables.table import Cell, Table
from detectors.stats.rate_change import (
    ALARM_AT,
    FEWEST,
    HISTORY,
    LEAST,
    LEAST_OF_LEVEL,
    MAD_TO_SD,
    SPANS,
    TAIL,
    TAIL_TO_SD,
    alarm_points,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.tables.costs import Outcome

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Setting:
    """What the rule looks at, and from where it alarms."""

    threshold: float = ALARM_AT
    history: int = HISTORY
    spans: tuple[int, ...] = SPANS

    @property
    def words(self) -> str:
        """The setting by what differs from the one that runs."""
        said = {
            f"threshold {self.threshold:g}": self.threshold != ALARM_AT,
            f"history {self.history:,}": self.history != HISTORY,
            f"spans {', '.join(map(str, self.spans))}": self.spans != SPANS,
        }
        return "; ".join(words for words, differs in said.items() if differs) or "as it runs"


SETTINGS = (
    Setting(),
    *(Setting(threshold=threshold) for threshold in (2.5, 3.0, 3.5, 5.0, 6.0)),
    *(Setting(history=points) for points in (288, 600, 4_000)),
    Setting(spans=SPANS[:1]),
)


def table() -> Table:
    """Normalised scores, windows met and alarms elsewhere, by setting."""
    rows: list[list[Cell]] = []
    for setting in SETTINGS:
        found = outcomes(setting)
        by_file = {name: outcome.score for name, outcome in found.items()}
        both = (normalised(by_file, prefix) for prefix in ("", COSTS))
        met, elsewhere = (
            sum(getattr(o, key) for o in found.values()) for key in ("met", "elsewhere")
        )
        rows.append([setting.words, *both, met, elsewhere])
    head = ["setting", "all", "costs", "windows met", "alarms elsewhere"]
    return Table("Numenta benchmark: other settings of the same rule", head, rows)


def outcomes(setting: Setting) -> dict[str, Outcome]:
    """What the rule scores on every labelled series."""
    return {
        series.name: score(series, alarms_with(series.values, setting)) for series in labelled()
    }


def alarms_with(values: Floats, setting: Setting) -> list[int]:
    """Positions at which an alarm is raised."""
    scores = scores_with(values, setting.history, setting.spans)
    return alarm_points(scores * (ALARM_AT / setting.threshold))


def scores_with(values: Floats, history: int, spans: tuple[int, ...]) -> Floats:
    """The scores of a series, shape (n,): the largest over ``spans``, 0 without enough history."""
    every = [_span_scores(values, span, history) for span in spans]
    return np.asarray(np.max(every, axis=0), dtype=np.float64)


def _span_scores(values: Floats, span: int, history: int) -> Floats:
    import pandas as pd  # noqa: PLC0415 - comes with Evidently

    means = pd.Series(np.full(len(values), np.nan))
    if len(values) >= span:
        windows = np.lib.stride_tricks.sliding_window_view(values, span)
        means.iloc[span - 1 :] = windows.mean(axis=1)
    level = means.rolling(history, min_periods=FEWEST).median().shift(span)
    deviations = (means - level).abs()
    past = deviations.rolling(history, min_periods=FEWEST)
    usual = MAD_TO_SD * past.median().shift(span)
    tail = past.quantile(TAIL).shift(span) / TAIL_TO_SD
    floor = np.maximum(LEAST_OF_LEVEL * level.abs(), LEAST)
    scores = deviations / np.maximum(np.maximum(usual, tail), floor)
    return np.asarray(scores.fillna(0.0), dtype=np.float64)
