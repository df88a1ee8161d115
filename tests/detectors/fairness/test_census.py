"""Four years of real census traffic, against Fairlearn itself and its published figures."""

from __future__ import annotations

import csv
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from fairlearn import metrics as fairlearn

from detectors.fairness.family import make_fairness
from governance.event import Column, EventBatch
from tests.detectors.scenes import component, judging, merged, pane, shared_folder, view

if TYPE_CHECKING:
    from pathlib import Path

    from governance.finding import Verdict

GROUPS = {"SEX": ("1", "2"), "RAC1P": ("1", "2", "6"), "DIS": ("1", "2")}
FUNCTIONS = {
    "demographic_parity_difference": fairlearn.demographic_parity_difference,
    "demographic_parity_ratio": fairlearn.demographic_parity_ratio,
    "equal_opportunity_difference": fairlearn.equal_opportunity_difference,
    "equalized_odds_difference": fairlearn.equalized_odds_difference,
}
COLUMNS = dict(zip(FUNCTIONS, ("dpd", "dpr", "eopp", "eodds"), strict=True))


def folder() -> Path:
    return shared_folder() / "data" / "census_employment_ma"


@cache
def census(year: int) -> EventBatch:
    """One year; RAC1P is limited to white, black and Asian, everyone else is in no group."""
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = ["id", "year", "prediction", *GROUPS]
    if year == 2015:
        table = parquet.read_table(folder() / "reference.parquet", columns=[*columns, "employed"])
    else:
        table = parquet.read_table(folder() / "analysis.parquet", columns=columns)
        table = table.join(parquet.read_table(folder() / "analysis_target.parquet"), "id")
    rows = table.to_pydict()
    made = {f"group.{name}": _codes(rows[name], known) for name, known in GROUPS.items()}
    made["favourable"] = Column(np.array(rows["prediction"], dtype=np.int8))
    made["label"] = Column(np.array(rows["employed"], dtype=np.int8))
    return EventBatch("1", table.num_rows, made).take(np.array(rows["year"]) == year)


def judged(year: int) -> dict[tuple[str, str], Verdict]:
    """Verdicts by attribute and metric; labels come late, shuffled and in five parts."""
    people = census(year)
    signals = {
        "favourable": {"in": ["1"]},
        "groups": {attribute: f"column:{attribute}" for attribute in GROUPS},
    }
    governance = judging(thresholds=dict.fromkeys(FUNCTIONS, 0.1))
    detector = make_fairness(component(signals=signals, governance=governance), None)
    assert detector is not None
    shuffled = np.random.default_rng(year).permutation(people.n)
    nobody, parts = people.take(np.arange(0)), np.array_split(shuffled, 5)
    panes = [pane(detector, people)]
    panes += [pane(detector, nobody, people.take(part)) for part in parts]
    verdicts = detector.judge(view([merged(panes)], vocabulary=GROUPS))
    return {(v.subject, v.check): v for v in verdicts}


def theirs(metric: str, people: EventBatch, attribute: str) -> float:
    """Fairlearn's figure, from how often each (group, label, prediction) occurs."""
    names = (f"group.{attribute}", "label", "favourable")
    rows = np.stack([people.columns[name].values for name in names])
    (group, label, favourable), count = np.unique(rows[:, rows[0] >= 0], axis=1, return_counts=True)
    return float(
        FUNCTIONS[metric](label, favourable, sensitive_features=group, sample_weight=count)
    )


@pytest.mark.parametrize("year", [2015, 2016, 2017, 2018])
def test_values_are_fairlearns(year: int) -> None:
    """Every value of SEX, RAC1P and DIS is Fairlearn's to 1e-9, though labels come late."""
    people, verdicts = census(year), judged(year)
    assert len(verdicts) == len(GROUPS) * len(FUNCTIONS)
    for (attribute, metric), verdict in verdicts.items():
        assert verdict.value == pytest.approx(theirs(metric, people, attribute), abs=1e-9)


def test_values_are_the_published_ones() -> None:
    """Every figure of the data set's own Fairlearn table comes out, to its six digits."""
    names = {"SEX": "SEX", "RAC1P": "RAC1P_1_2_6", "DIS": "DIS"}
    with (folder() / "reference_fairlearn.csv").open(encoding="utf-8") as file:
        published = {row["set"]: row for row in csv.DictReader(file)}
    for year in (2015, 2016, 2017, 2018):
        for (attribute, metric), verdict in judged(year).items():
            row = published[f"census_ma_{year}_{names[attribute]}"]
            assert verdict.value == pytest.approx(float(row[COLUMNS[metric]]), abs=5.1e-7)


def test_disability_fails_and_sex_passes() -> None:
    """At a threshold of .1 every year breaches by disability and none by sex."""
    for year in (2015, 2016, 2017, 2018):
        status = {key: verdict.status for key, verdict in judged(year).items()}
        assert status["DIS", "equal_opportunity_difference"] == "breach"
        assert status["SEX", "equal_opportunity_difference"] == "ok"


def _codes(values: list[str], known: tuple[str, ...]) -> Column:
    index = {name: code for code, name in enumerate(known)}
    return Column(np.array([index.get(value, -1) for value in values], dtype=np.int32), known)
