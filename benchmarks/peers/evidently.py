"""Evidently's side: its data drift preset on one window; making its datasets is not measured."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

from benchmarks.peers.cases import CASES, name, spread
from benchmarks.peers.frames import categories, frame

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pandas import DataFrame

PACKAGE = "evidently"


MOST_LOOKS = 24  # a look takes a second or two


def drift(folder: Path) -> Callable[[], dict[str, float]]:
    """Drift of every column as the preset chooses the methods."""
    reference, window = frame(folder / "reference.npz"), frame(folder / "window.npz")
    kinds = _kinds(reference)
    datasets = [Dataset.from_pandas(rows, kinds) for rows in (window, reference)]

    def run() -> dict[str, float]:
        snapshot = Report([DataDriftPreset()]).run(*datasets)
        metrics = json.loads(snapshot.json())["metrics"]
        return {
            metric["config"]["column"]: float(metric["value"])
            for metric in metrics
            if "column" in metric["config"]
        }

    return run


def alarms(folder: Path) -> Callable[[], dict[str, float]]:
    """Shares of windows in which tests of the preset fail; methods and limits are the defaults.

    Of many windows at most ``MOST_LOOKS`` are looked at, evenly spread.
    """

    def run() -> dict[str, float]:
        found: dict[str, float] = {}
        for stretch, rows in CASES:
            case = name(stretch, rows)
            looks = _looks(folder, case, f"reference-{stretch}", rows)
            shares = {rule: sum(look[rule] for look in looks) / len(looks) for rule in looks[0]}
            found |= {f"{case} {rule}": share for rule, share in shares.items()}
            found[f"{case} windows"] = len(looks)
        return found

    return run


def _looks(folder: Path, case: str, before: str, rows: int) -> list[dict[str, bool]]:
    reference, traffic = frame(folder / f"{before}.npz"), frame(folder / f"{case}.npz")
    kinds = _kinds(reference)
    known = Dataset.from_pandas(reference, kinds)
    picked = spread(len(traffic) // rows, MOST_LOOKS)
    windows = (traffic.iloc[i * rows : (i + 1) * rows].reset_index(drop=True) for i in picked)
    return [_failures(Dataset.from_pandas(window, kinds), known) for window in windows]


def _failures(window: Dataset, reference: Dataset) -> dict[str, bool]:
    """Whether drift of any column, and whether that of half of the columns, was found."""
    snapshot = Report([DataDriftPreset()], include_tests=True).run(window, reference)
    tests = json.loads(snapshot.json())["tests"]
    failed = [test["name"] for test in tests if test["status"] == "FAIL"]
    return {
        "column": any(test.startswith("Value Drift") for test in failed),
        "share": any(test.startswith("Share of Drifted Columns") for test in failed),
    }


def _kinds(reference: DataFrame) -> DataDefinition:
    texts = categories(reference)
    numbers = [column for column in reference if column not in texts]
    return DataDefinition(numerical_columns=numbers, categorical_columns=texts)


WORKS = {"drift": drift, "alarms": alarms}
