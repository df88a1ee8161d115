"""The census stream of three real years against the reference of 2015.

Reads the real data and golden vectors of the folder that EVENHAND_SHARED names.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detectors.base import Pane
from detectors.drift.detector import make_drift
from detectors.reference import Reference, build_reference
from governance.event import Column, EventBatch
from governance.finding import Status, Verdict
from tests.detectors.scenes import component, near, shared_folder, view

if TYPE_CHECKING:
    from collections.abc import Mapping

    from detectors.feature_reference import FeatureReference
    from governance.component.schema import Component

ROWS = 5_000
CODES = [
    "SCHL",
    "MAR",
    "RELP",
    "DIS",
    "ESP",
    "CIT",
    "MIG",
    "MIL",
    "ANC",
    "NATIVITY",
    "DEAR",
    "DEYE",
    "DREM",
    "SEX",
    "RAC1P",
]
COLUMNS = {
    "prediction": "prediction",
    "predicted_probability": "score",
    "AGEP": "tabular.AGEP",
    **{name: f"tabular.{name}" for name in CODES},
}


@cache
def golden() -> dict[str, Any]:
    path = shared_folder() / "golden" / "real.json"
    census: dict[str, Any] = json.loads(path.read_text())["census"]
    return census


@cache
def people(file: str) -> EventBatch:
    parquet = pytest.importorskip("pyarrow.parquet", reason="the census files are Parquet")
    table = parquet.read_table(
        shared_folder() / "data" / "census_employment_ma" / file, columns=list(COLUMNS)
    )
    columns = {}
    for name, column in COLUMNS.items():
        values = table.column(name).to_pylist()
        text = name in CODES
        columns[column] = Column.encode(values) if text else Column(np.array(values, float))
    return EventBatch("1", table.num_rows, columns)


def census(threshold: float = 0.1) -> Component:
    features = {"from": "column:*", "categorical": CODES}
    return component(
        signals={"favourable": {"in": ["1"]}, "features": {"tabular": features}},
        baseline={"ordered": True},
        monitoring={"windows": {"events": ROWS}, "drift": {"threshold": threshold}},
    )


@cache
def reference() -> Reference:
    return build_reference(people("reference.parquet"), census())


@cache
def reference_in_bins() -> Reference:
    """The same without pieces: as the golden vectors, which know counts of bins alone."""
    built = reference()
    outputs = {version: _in_bins(named) for version, named in built.outputs.items()}
    return replace(built, inputs=_in_bins(built.inputs), outputs=outputs)


def _in_bins(named: Mapping[str, FeatureReference]) -> dict[str, FeatureReference]:
    return {name: replace(feature, pieces=None) for name, feature in named.items()}


@cache
def verdicts(chunk: int, threshold: float = 0.1, *, in_bins: bool = False) -> dict[str, Verdict]:
    detector = make_drift(census(threshold), reference_in_bins() if in_bins else reference())
    assert detector is not None
    rows = np.arange(ROWS * chunk, ROWS * (chunk + 1))
    events = people("analysis.parquet").take(rows)
    judged = detector.judge(view([Pane(chunk, 0, 1, events.n, detector.add(events))]))
    return {verdict.subject: verdict for verdict in judged if verdict.check == "drift"}


def breached(chunk: int) -> set[str]:
    found = verdicts(chunk).items()
    return {subject for subject, verdict in found if verdict.status is Status.BREACH and subject}


def test_reference_of_2015() -> None:
    """Coarse counts, kept categories, constants and rho of all 18 features."""
    measured = {**reference().inputs, **reference().outputs["1"]}
    for expected in golden()["features"]:
        feature = measured[COLUMNS[expected["name"]]]
        fine, tail = feature.counts[: -feature.bins.tail], feature.counts[-feature.bins.tail :]
        coarse = np.bincount(feature.fold, weights=fine).astype(int)
        assert [*coarse.tolist(), *tail.tolist()] == expected["coarse"]
        assert getattr(feature.bins, "kept", None) == (expected["kept"] and tuple(expected["kept"]))
        assert [block.rho for block in feature.ladder] == [
            near(block["rho"]) for block in expected["rho"]
        ]
        assert feature.null_constant == near(expected["c_w"] or 0.0)


def test_golden_windows() -> None:
    """Eight windows at two thresholds: status, effect, interval, evidence of every feature."""
    for window in golden()["windows"]:
        found = verdicts(window["chunk"], window["threshold"], in_bins=True)
        for expected in window["features"]:
            verdict = found[COLUMNS[expected["feature"]].removeprefix("tabular.")]
            assert verdict.status.value == expected["status"]
            for field, key in {"value": "debiased", "raw": "raw", "lower": "lower"}.items():
                assert getattr(verdict, field) == near(expected[key])
            assert verdict.upper == near(expected["upper"])
            assert verdict.effective_events == near(expected["m"])
            evidence = expected["log10_E"]
            assert verdict.evidence == (None if evidence is None else near(evidence))


def test_exact_distances_rule_as_binned_ones() -> None:
    """Over pieces the same eight windows get the same statuses, and all but numbers all figures."""
    for window in golden()["windows"]:
        found = verdicts(window["chunk"], window["threshold"])
        for expected in window["features"]:
            verdict = found[COLUMNS[expected["feature"]].removeprefix("tabular.")]
            assert verdict.status.value == expected["status"]
            if verdict.test != "wasserstein":
                assert verdict.value == near(expected["debiased"])


@pytest.mark.parametrize("chunk", range(13))
def test_2016_is_quiet(chunk: int) -> None:
    """In the windows of the year after the reference nothing breaches."""
    assert breached(chunk) == set()


@pytest.mark.parametrize("chunk", [*range(14, 26), *range(29, 41)])
def test_vanished_group_quarters_are_the_only_drift(chunk: int) -> None:
    """From 2017 on, outside the block, only the relationship column breaches."""
    assert breached(chunk) == {"RELP"}


@pytest.mark.parametrize(("chunk", "others"), [(26, 0), (27, 5), (28, 5)])
def test_the_block_of_group_quarters(chunk: int, others: int) -> None:
    """The real incident moves relationship, score and, at its height, many features more."""
    assert {"RELP", "score"} <= breached(chunk)
    assert len(breached(chunk) - {"RELP", "score"}) >= others
    assert "RELP: 17 rose from 5.2 %" in verdicts(chunk)[""].reason
