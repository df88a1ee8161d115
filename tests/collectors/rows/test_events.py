"""Rows as events and labels, by ``spec.signals``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from collectors.replay import open_rows
from collectors.rows.events import UNKEYED, RowEvents, TimedRows
from collectors.rows.labels import read_labels
from collectors.rows.places import find_places, find_reference_places
from governance.component.schema import Component
from governance.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from governance.event import Column


def _component(signals: dict[str, Any] | None = None, **spec: Any) -> Component:
    return Component.model_validate(
        {
            "apiVersion": "apexlogic.io/v1alpha1",
            "kind": "MultimodalAIComponent",
            "metadata": {"name": "credit"},
            "spec": {
                "model": {"name": "m", "version": "7", "modality": ["tabular"]},
                "signals": signals or {},
                **spec,
            },
        }
    )


def _read(
    folder: Path,
    text: str,
    component: Component,
    numeric: Callable[[str], bool | None] = lambda _: None,
) -> TimedRows:
    path = folder / "rows.csv"
    path.write_text(text)
    with open_rows(path) as rows:
        places = find_places(component, rows.names, path)
        events = RowEvents(component, places, rows.left_out, numeric)
        (table,) = rows.tables()
        return events.read(table)


def _texts(column: Column) -> list[str | None]:
    return [None if code < 0 else (column.dictionary or ())[code] for code in column.values]


def test_signals_name_the_columns(tmp_path: Path) -> None:
    """Id, time, version, prediction, score, outcome, groups and features come from their places."""
    signals = {
        "id": "column:case",
        "time": "column:at",
        "version": "column:release",
        "prediction": "output:decision",
        "score": "request:$.p",
        "favourable": {"in": ["yes"]},
        "groups": {"sex": {"from": "input:SEX", "names": {"1": "male"}, "others": "pool"}},
        "features": {"tabular": {"from": "column:*", "exclude": ["free"], "categorical": ["k"]}},
    }
    rows = _read(
        tmp_path,
        "case,at,release,decision,p,SEX,free,k,income\n"
        "a,2024-01-01T00:00:00,1,yes,.75,1,text,5,10\n"
        "b,1704067201,,no,,2,text,6,nan\n",
        _component(signals),
    )
    columns = rows.columns
    assert columns["event_id"].values.tobytes() == UNKEYED.event_ids(["a", "b"]).tobytes()
    assert rows.times.tolist() == [1_704_067_200_000_000, 1_704_067_201_000_000]
    assert _texts(rows.versions) == ["1", "7"]
    assert _texts(columns["prediction"]) == ["yes", "no"]
    assert columns["score"].values[0] == 0.75
    assert np.isnan(columns["score"].values[1])
    assert columns["favourable"].values.tolist() == [1, 0]
    assert _texts(columns["group.sex"]) == ["male", "other"]
    assert _texts(columns["tabular.k"]) == ["5", "6"]
    assert columns["tabular.income"].values.tolist() == [10.0, np.inf]
    assert sorted(name for name in columns if name.startswith("tabular.")) == [
        "tabular.SEX",
        "tabular.income",
        "tabular.k",
    ]


def test_without_signals_columns_are_what_they_are_called(tmp_path: Path) -> None:
    """Id, prediction, score and our own measures by name; every other column is a feature."""
    rows = _read(
        tmp_path,
        "id,prediction,score,latency_ms,status_code,age\nx,1,0.5,12.5,503,41\ny,0,0.25,,abc,42\n",
        _component(),
    )
    assert rows.columns["latency_ms"].values[0] == 12.5
    assert rows.columns["status_code"].values.tolist() == [503, 0]
    assert rows.columns["favourable"].values.tolist() == [-1, -1]
    assert [name for name in rows.columns if "." in name] == ["tabular.age"]


def test_without_time_rows_are_a_second_apart(tmp_path: Path) -> None:
    """From 1970 on, so that the order is a time."""
    assert _read(tmp_path, "a\n1\n2\n3\n", _component()).times.tolist() == [0, 10**6, 2 * 10**6]


def test_a_row_without_a_usable_time_is_left_out(tmp_path: Path) -> None:
    """It is counted, with its place; the other rows stay."""
    path = tmp_path / "rows.csv"
    path.write_text("t,a\n1,x\nsoon,y\n,z\n4,w\n")
    component = _component({"time": "column:t"})
    with open_rows(path) as rows:
        events = RowEvents(component, find_places(component, rows.names, path), rows.left_out)
        (table,) = rows.tables()
    assert events.read(table).times.tolist() == [10**6, 4 * 10**6]
    assert rows.left_out.lines() == [
        (
            "2 rows left out, time: row 2 has no time that can be read in 't' (RFC 3339 or Unix "
            "seconds); ..."
        )
    ]


def test_versions_make_batches_of_their_own(tmp_path: Path) -> None:
    """One batch holds one version; rows keep their order within it."""
    component = _component({"version": "column:v"})
    rows = _read(tmp_path, "v,a\n1,5\n2,6\n1,7\n", component)
    batches = list(rows.batches(np.arange(3)))
    assert [(b.version, b.columns["tabular.a"].values.tolist()) for b in batches] == [
        ("1", [5.0, 7.0]),
        ("2", [6.0]),
    ]


def test_text_among_numbers_is_not_finite_where_the_column_is_numeric(tmp_path: Path) -> None:
    """The reference fixes the type: one word does not turn a number into a category."""
    rows = _read(tmp_path, "a\nhigh\n2\n", _component(), lambda _: True)
    assert rows.columns["tabular.a"].values.tolist() == [np.inf, 2.0]


def test_numbers_are_categories_where_the_reference_has_categories(tmp_path: Path) -> None:
    """As written, so that 0.50 stays 0.50."""
    rows = _read(tmp_path, "a\n0.50\n2\n", _component(), lambda _: False)
    assert _texts(rows.columns["tabular.a"]) == ["0.50", "2"]


def test_the_first_thousand_rows_decide_where_no_reference_does(tmp_path: Path) -> None:
    """A word in row 1,001 is not finite, a word before makes a category."""
    late = _read(tmp_path, "a\n" + "1\n" * 1_000 + "x\n", _component())
    early = _read(tmp_path, "a\n" + "1\n" * 999 + "x\n", _component())
    assert late.columns["tabular.a"].values[-1] == np.inf
    assert early.columns["tabular.a"].dictionary == ("1", "x")


def test_numbers_are_as_coarse_as_live_ones(tmp_path: Path) -> None:
    """``anonymizationRequired`` rounds in a replay too; names show, nothing leaves."""
    component = _component(
        {"groups": {"job": "column:job"}},
        governance={"dataPrivacy": {"anonymizationRequired": True}},
    )
    columns = _read(tmp_path, "a,job\n12345,nurse\n", component).columns
    assert columns["tabular.a"].values.tolist() == [12_300.0]
    assert _texts(columns["group.job"]) == ["nurse"]


def test_labels_of_the_same_file_come_with_their_rows(tmp_path: Path) -> None:
    """An empty label is none; favourable is judged by the list."""
    component = _component(
        {
            "id": "column:id",
            "label": "column:y",
            "favourable": {"in": [1]},
            "prediction": "column:p",
        }
    )
    rows = _read(tmp_path, "id,p,y\na,1,1\nb,1,\nc,0,0.0\n", component)
    labels = rows.labels_of(0, 3)
    assert labels is not None
    assert labels.columns["favourable"].values.tolist() == [1, 0]
    assert labels.columns["event_id"].values.tobytes() == UNKEYED.event_ids(["a", "c"]).tobytes()
    assert rows.labels_of(1, 2) is None


def test_texts_give_text_features(tmp_path: Path) -> None:
    """``column:NAME`` is the text itself."""
    component = _component(
        {"features": {"text": "column:t"}},
        model={"name": "m", "version": "1", "modality": ["text"]},
    )
    columns = _read(tmp_path, "t\none two\n", component).columns
    assert columns["text.words"].values.tolist() == [2.0]


@pytest.mark.parametrize(
    ("signals", "message"),
    [
        (
            {"prediction": "column:decison"},
            (
                "rows.csv: has no column 'decison' (did you mean 'decision'?), which "
                "spec.signals.prediction (column:decison) reads; its columns: id, decision"
            ),
        ),
        (
            {"groups": {"sex": "column:s"}},
            "has no column 's', which spec.signals.groups.sex (column:s) reads",
        ),
        (
            {"id": "header:X-Request-Id"},
            (
                "spec.signals.id is header:X-Request-Id, which a file of rows does not have: for "
                "replay write column:NAME"
            ),
        ),
        (
            {"id": "request:$.a.b"},
            "spec.signals.id is request:$.a.b, which a file of rows does not have",
        ),
        (
            {"features": {"tabular": {"from": "column:*", "categorical": ["decison"]}}},
            (
                "has no column 'decison' (did you mean 'decision'?), which "
                "spec.signals.features.tabular.categorical lists"
            ),
        ),
        ({"label": "column:y"}, "has no column 'y', which spec.signals.label (column:y) reads"),
    ],
)
def test_a_column_that_is_not_there_is_named(
    tmp_path: Path, signals: dict[str, Any], message: str
) -> None:
    """File, column, nearest column, signal."""
    with pytest.raises(ConfigError) as caught:
        _read(tmp_path, "id,decision\n1,2\n", _component(signals))
    assert message in str(caught.value)


def test_a_reference_needs_its_features_only(tmp_path: Path) -> None:
    """A training table often has neither times nor outputs; a label is read, and no feature."""
    component = _component(
        {"time": "column:at", "prediction": "column:p", "label": "column:y", "id": "column:id"}
    )
    places = find_reference_places(component, ["age", "y"], tmp_path)
    assert (dict(places.signals), places.features) == ({"label": "y"}, ("age",))


def _labels(folder: Path, text: str, signals: dict[str, Any] | None = None) -> Any:
    path = folder / "labels.csv"
    path.write_text(text)
    with open_rows(path) as rows:
        return read_labels(rows, path, _component(signals))


def test_a_label_file_is_joined_by_the_id_of_the_signals(tmp_path: Path) -> None:
    """The id's column is called as in the rows; the only other column is the label."""
    found = _labels(
        tmp_path, "case,repaid\nb,1\na,0\n", {"id": "column:case", "favourable": {"in": ["1"]}}
    )
    assert found.timed is False
    assert found.batch.columns["favourable"].values.tolist() == [1, 0]
    expected = UNKEYED.event_ids(["b", "a"]).tobytes()
    assert found.batch.columns["event_id"].values.tobytes() == expected


def test_labels_with_times_are_sorted_by_them(tmp_path: Path) -> None:
    """Equal times keep their order."""
    found = _labels(tmp_path, "id,label,time\na,x,3\nb,y,1\nc,z,1\n")
    assert found.timed is True
    assert found.batch.columns["time"].values.tolist() == [10**6, 10**6, 3 * 10**6]
    assert _texts(found.batch.columns["label"]) == ["y", "z", "x"]


def test_rows_that_are_no_label_are_left_out(tmp_path: Path) -> None:
    """Without id, label or time there is nothing to join, and it is counted."""
    path = tmp_path / "labels.csv"
    path.write_text("id,label,time\n,x,1\nb,,1\nc,z,never\nd,z,2\n")
    with open_rows(path) as rows:
        assert read_labels(rows, path, _component()).batch.n == 1
    assert dict(rows.left_out.counts) == {"no_id": 1, "no_label": 1, "no_time": 1}


@pytest.mark.parametrize(
    ("text", "signals", "message"),
    [
        ("id,label\n", {"label": "column:y"}, "give --labels or signals.label, not both"),
        ("case,label\n", {}, "has no column 'id' to join labels by; its columns: case, label"),
        ("id,a,b\n", {}, "which column is the label?"),
        ("id,time\n", {}, "which column is the label?"),
    ],
)
def test_a_label_file_that_cannot_be_joined_says_why(
    tmp_path: Path, text: str, signals: dict[str, Any], message: str
) -> None:
    """The message names file, columns and remedy."""
    with pytest.raises(ConfigError) as caught:
        _labels(tmp_path, text, signals)
    assert message in str(caught.value)
