"""Real labels: ROC AUC and accuracy of census chunks, measured, and estimated without labels."""

from __future__ import annotations

import csv
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pyarrow import parquet

from detectors.performance.estimated import make_estimates
from detectors.performance.family import make_performance
from detectors.reference import build_reference
from governance.event import Column, EventBatch
from tests.detectors.scenes import component, limiting, pane, shared_folder, view

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from detectors.base import Detector

MEASURED = ("accuracy", "roc_auc")
DECLARED = component(
    release=limiting(accuracy=0.5, roc_auc=0.5, estimated_accuracy=0.5, estimated_roc_auc=0.5)
)


def folder() -> Path:
    return shared_folder() / "data" / "census_employment_ma"


@cache
def people(file: str, labels: str) -> EventBatch:
    """The outputs of a file, and labels in the order of its rows."""
    table = parquet.read_table(folder() / file, columns=["predicted_probability", "prediction"])
    employed = parquet.read_table(folder() / labels, columns=["employed"]).column("employed")
    return EventBatch(
        "1",
        table.num_rows,
        {
            "score": Column(table.column("predicted_probability").to_numpy().astype(np.float64)),
            "favourable": Column(whole(table.column("prediction").to_pylist())),
            "label": Column(whole(employed.to_pylist())),
        },
    )


def whole(values: Sequence[object]) -> np.ndarray[tuple[int], np.dtype[np.int8]]:
    return np.array([int(float(str(value))) for value in values], dtype=np.int8)


def said(detector: Detector, events: EventBatch) -> list[float]:
    found = detector.judge(view([pane(detector, events, events)]))
    return [verdict.value or 0.0 for verdict in found]


def test_chunks_as_published() -> None:
    """Measured to the four digits of the file; estimates are off by .006 in the mean."""
    traffic = people("analysis.parquet", "analysis_target.parquet")
    labelled = people("reference.parquet", "reference.parquet")
    reference = build_reference(labelled, DECLARED).for_version("1")
    measures, estimates = make_performance(DECLARED, None), make_estimates(DECLARED, reference)
    assert measures is not None
    assert estimates is not None
    published, measured, estimated = [], [], []
    with (folder() / "realised_performance_by_chunk.csv").open(encoding="ascii") as file:
        for row in csv.DictReader(file):
            part = traffic.take(np.arange(int(row["start"]), int(row["end"])))
            published.append([float(row[name]) for name in MEASURED])
            measured.append(said(measures, part))
            estimated.append(said(estimates, part))
    real = np.array(published)
    assert np.array(measured)[:, 0] == pytest.approx(real[:, 0], abs=5.1e-5)
    assert np.array(measured)[:, 1] == pytest.approx(real[:, 1], abs=3e-4)
    off = np.abs(np.array(estimated) - real)
    assert off.mean(axis=0) == pytest.approx([0, 0], abs=0.006)
    assert off.max() < 0.035
    lost = real[:26].mean(axis=0) - real[27]
    foreseen = np.array(estimated)[:26].mean(axis=0) - np.array(estimated)[27]
    assert (foreseen > 0.5 * lost).all()
