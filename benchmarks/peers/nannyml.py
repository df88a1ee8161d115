"""NannyML's side: univariate drift of one chunk by four methods; ``fit`` is not measured."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import nannyml
import numpy as np

from benchmarks.peers.cases import CASES, name
from benchmarks.peers.frames import categories, frame

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

PACKAGE = "nannyml"
CONTINUOUS = ("kolmogorov_smirnov", "jensen_shannon", "wasserstein", "hellinger")
CATEGORICAL = ("chi2", "jensen_shannon", "l_infinity", "hellinger")


def drift(folder: Path) -> Callable[[], dict[str, float]]:
    """Values, thresholds and alerts of every column of the window."""
    warnings.simplefilter("ignore")  # one chunk is few, it says
    reference, window = frame(folder / "reference.npz"), frame(folder / "window.npz")
    calculator = nannyml.UnivariateDriftCalculator(
        column_names=list(reference),
        treat_as_categorical=categories(reference),
        continuous_methods=list(CONTINUOUS),
        categorical_methods=list(CATEGORICAL),
        chunk_size=len(window),
    ).fit(reference)

    def run() -> dict[str, float]:
        values = calculator.calculate(window).filter(period="analysis").to_df()
        return {name: float(values[name, "jensen_shannon", "value"].iloc[0]) for name in reference}

    return run


def alarms(folder: Path) -> Callable[[], dict[str, float]]:
    """The share of windows with an alert on any column; methods and thresholds are the defaults."""
    warnings.simplefilter("ignore")

    def run() -> dict[str, float]:
        found: dict[str, float] = {}
        for stretch, rows in CASES:
            case = name(stretch, rows)
            alerts = _alerts(folder, case, f"reference-{stretch}", rows)
            found |= {f"{case} column": float(alerts.mean()), f"{case} windows": len(alerts)}
        return found

    return run


def _alerts(folder: Path, case: str, before: str, rows: int) -> NDArray[np.bool_]:
    reference, traffic = frame(folder / f"{before}.npz"), frame(folder / f"{case}.npz")
    calculator = nannyml.UnivariateDriftCalculator(
        column_names=list(reference),
        treat_as_categorical=categories(reference),
        chunk_size=rows,
    ).fit(reference)
    found = calculator.calculate(traffic).filter(period="analysis").to_df()
    flags = [found[column] for column in found.columns if column[-1] == "alert"]
    alerts: NDArray[np.bool_] = np.logical_or.reduce(np.array(flags, dtype=bool))
    return alerts


WORKS = {"drift": drift, "alarms": alarms}
