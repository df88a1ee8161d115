"""The census data through ``evenhand replay``: quiet where nothing happens, loud where it does.

Reads the real data of the folder that EVENHAND_SHARED names; skipped, saying so, without it.
"""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fairlearn.metrics
import pyarrow.compute as pc
import pytest
from pyarrow import parquet

from governance.service.cli.main import main
from tests.detectors.scenes import shared_folder

if TYPE_CHECKING:
    import pyarrow as pa

EXAMPLE = Path(__file__).parents[2] / "examples" / "census-employment.yaml"
YEARS = (2015, 2016, 2017, 2018)
BLOCK = {26, 27, 28}
ATTRIBUTES = {"sex": "SEX", "race": "RAC1P", "disability": "DIS"}
_FAIRLEARN = {
    "demographic_parity_difference": fairlearn.metrics.demographic_parity_difference,
    "equal_opportunity_difference": fairlearn.metrics.equal_opportunity_difference,
}


def _replay(*arguments: object) -> tuple[int, list[dict[str, Any]]]:
    """Exit code, and the last revision of every finding."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        code = main(["replay", *map(str, arguments), "--json"])
    findings = [json.loads(line) for line in out.getvalue().splitlines()]
    return code, list({finding["id"]: finding for finding in findings}.values())


@pytest.fixture(scope="module")
def census() -> Path:
    return shared_folder() / "data" / "census_employment_ma"


def _component(folder: Path, **changes: str) -> Path:
    text = EXAMPLE.read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    path = folder / "component.yaml"
    path.write_text(text)
    return path


def _year(census: Path, year: int) -> pa.Table:
    """Rows of one year with their label."""
    if year == YEARS[0]:
        return parquet.read_table(census / "reference.parquet")
    rows = parquet.read_table(census / "analysis.parquet")
    rows = rows.append_column(
        "employed", parquet.read_table(census / "analysis_target.parquet")["employed"]
    )
    return rows.filter(pc.equal(rows["year"], year))


def test_drift_is_found_where_it_is_and_nowhere_else(census: Path, tmp_path: Path) -> None:
    """Limit .2: the block of group-quarters residents and no other window; 2016 is quiet."""
    component = _component(
        tmp_path,
        **{"windows: { events: 5000 }": "windows: { events: 5000 }\n    drift: { threshold: 0.2 }"},
    )
    code, findings = _replay(
        census / "analysis.parquet",
        "--component",
        component,
        "--reference",
        census / "reference.parquet",
    )
    breached: dict[int, set[str]] = {}
    for finding in findings:
        if finding["check"] == "drift" and finding["status"] == "breach" and finding["subject"]:
            breached.setdefault(finding["window"]["number"], set()).add(finding["subject"])
    assert code == 1
    assert set(breached) == BLOCK
    assert all("RELP" in subjects for subjects in breached.values())


def test_the_usual_limit_finds_what_the_file_holds(census: Path) -> None:
    """Limit .1: 2016 quiet, RELP gone afterwards, and more features in the block."""
    _, findings = _replay(
        census / "analysis.parquet",
        "--component",
        EXAMPLE,
        "--reference",
        census / "reference.parquet",
    )
    breached: dict[int, set[str]] = {number: set() for number in range(42)}
    for finding in findings:
        if finding["check"] == "drift" and finding["status"] == "breach" and finding["subject"]:
            breached[finding["window"]["number"]].add(finding["subject"])
    assert all(not breached[number] for number in range(13))
    assert all(breached[number] == {"RELP"} for number in [*range(14, 26), *range(29, 41)])
    assert all(breached[number] >= {"RELP", "score"} for number in BLOCK)
    assert all(len(breached[number]) >= 7 for number in (27, 28))


@pytest.mark.parametrize("year", YEARS)
def test_fairness_of_a_year_is_fairlearns(census: Path, tmp_path: Path, year: int) -> None:
    """Labels late and backwards, one window a year: the differences equal to 1e-9."""
    rows = _year(census, year)
    labels = rows.select(["id", "employed"])
    parquet.write_table(rows.drop_columns(["employed"]), tmp_path / "rows.parquet")
    parquet.write_table(labels.sort_by([("id", "descending")]), tmp_path / "labels.parquet")
    component = _component(tmp_path, **{"events: 5000": f"events: {rows.num_rows}"})
    _, findings = _replay(
        tmp_path / "rows.parquet",
        "--component",
        component,
        "--labels",
        tmp_path / "labels.parquet",
    )
    found = {
        (finding["check"], finding["subject"]): finding["value"]
        for finding in findings
        if finding["check"] in _FAIRLEARN
    }
    assert found == pytest.approx(_expected(rows), abs=1e-9, rel=0)


def _expected(rows: pa.Table) -> dict[tuple[str, str], float]:
    expected = {}
    for attribute, column in ATTRIBUTES.items():
        frame = rows.select([column, "employed", "prediction"]).to_pandas()
        if attribute == "race":
            frame = frame[frame[column].isin(["1", "2", "6"])]
        for check, metric in _FAIRLEARN.items():
            expected[check, attribute] = float(
                metric(
                    frame["employed"],
                    frame["prediction"],
                    sensitive_features=frame[column].astype(str),
                )
            )
    return expected
