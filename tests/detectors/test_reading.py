"""Events and labels in the form in which they are counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detectors.coalesce import coalesce
from detectors.reading import checked, instants, label_outcomes
from governance.component.schema import Signals
from governance.errors import PermanentError
from governance.event import Column, EventBatch, LabelBatch

IN = {"favourable": {"in": ["1", "yes"]}}


def _labels(column: Column) -> LabelBatch:
    return LabelBatch(len(column.values), {"label": column})


def _text(*texts: str | None) -> Column:
    return Column.encode(list(texts))


@pytest.mark.parametrize(
    ("signals", "column", "expected"),
    [
        (IN, _text("yes", "no", None, "1.0"), [1, 0, -1, 1]),
        (IN, Column(np.array([1.0, 0.0, np.nan])), [1, 0, -1]),
        ({"favourable": {"atLeast": 0.5}}, _text("true", "1", "0.7"), [1, 1, 0]),
        ({"favourable": {"atLeast": 0.5}}, Column(np.array([1.0, 0.7])), [1, 0]),
        (
            {**IN, "label": {"from": "column:y", "favourable": {"atLeast": 3}}},
            _text("4", "x"),
            [1, -1],
        ),
        ({}, _text("1"), [-1]),
    ],
)
def test_labels_are_favourable_as_declared(
    signals: dict[str, Any], column: Column, expected: list[int]
) -> None:
    """The label's own rule, else ``in``, else 1 and true; -1 where it cannot be said."""
    declared = Signals.model_validate(signals)
    assert label_outcomes(_labels(column), declared).tolist() == expected


def test_a_prediction_is_read_where_favourable_is_not_sent() -> None:
    """Producers of JSON may send the prediction alone."""
    batch = EventBatch("", 3, {"prediction": _text("yes", "no", None)})
    read = checked(batch, "v1", Signals.model_validate(IN))
    assert read.columns["favourable"].values.tolist() == [1, 0, -1]
    assert read.version == "v1"


@pytest.mark.parametrize("name", ["event_id", "time"])
def test_columns_of_another_dtype_are_refused(name: str) -> None:
    """They would be read as something else."""
    batch = EventBatch("v1", 1, {name: Column(np.zeros(1, dtype="<f4"))})
    with pytest.raises(PermanentError, match=name):
        checked(batch, "v1", Signals())


def test_instants_far_from_now_do_not_overflow() -> None:
    """The ends of int64 are an old and a future time."""
    ends = np.array([np.iinfo(np.int64).min, np.iinfo(np.int64).max])
    times, future = instants(EventBatch("v1", 2, {"time": Column(ends)}), 3_600_000_000, 10**15)
    assert (times[0] < 0, times[1], future) == (True, 10**15, 1)


def test_coalescing_keeps_every_value() -> None:
    """Dictionaries are joined, kinds are kept apart, order is kept."""
    parts = [
        EventBatch("v1", 2, {"a": _text("x", None), "b": Column(np.array([1.0, 2.0]))}),
        EventBatch("v1", 2, {"a": _text("y", "x"), "b": Column(np.array([3.0, 4.0]))}),
        EventBatch("v1", 1, {"a": Column(np.array([5.0])), "b": Column(np.array([5.0]))}),
    ]
    joined, other = coalesce(parts)
    names = [
        None if c < 0 else (joined.columns["a"].dictionary or ())[c]
        for c in joined.columns["a"].values
    ]
    assert names == ["x", None, "y", "x"]
    assert joined.columns["b"].values.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert other is parts[2]
