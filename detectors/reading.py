"""Events and labels in the form in which they are counted, whoever sent them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.sources import SKEW_US
from governance.algebra.canonical import canonical_text
from governance.algebra.sums import MAX_WEIGHT
from governance.errors import PermanentError
from governance.event import Column

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from governance.component.schema import Favourable, Signals
    from governance.event import EventBatch, LabelBatch

UNKNOWN = -1


def checked(batch: EventBatch, default_version: str, signals: Signals) -> EventBatch:
    """The batch with a version and a column ``favourable``.

    Raises
    ------
    PermanentError
        If ids or times have another dtype, or a group column no dictionary (reason ``dtype``).
    """
    _expect(batch.columns, "event_id", "V16")
    _expect(batch.columns, "time", "<i8")
    for attribute in signals.groups:
        column = batch.columns.get(f"group.{attribute}")
        if column is not None and column.dictionary is None:
            raise PermanentError("dtype", f"column 'group.{attribute}' has no dictionary")
    columns = dict(batch.columns)
    if "favourable" not in columns:
        columns["favourable"] = Column(_predicted(batch, signals.favourable))
    return replace(batch, version=batch.version or default_version, columns=columns)


def instants(batch: EventBatch, shift_us: int, now_us: int) -> tuple[NDArray[np.int64], int]:
    """When the events happened, shape (n,), and how many of them said a time yet to come.

    An event cannot be later than the log that holds it. One that says so by more than a clock may
    be off takes the log's time: that is its window, and nothing is lost.
    """
    column = batch.columns.get("time")
    if column is None:
        return np.full(batch.n, now_us, dtype=np.int64), 0
    times = np.clip(column.values, -(2**61), 2**61) + shift_us
    future = times > now_us + SKEW_US
    if future.any():
        times = np.where(future, now_us, times)
    return times, int(future.sum())


def weights_of(batch: EventBatch) -> NDArray[np.float32]:
    """1 / sampling probability, shape (n,); 1 where the batch does not say."""
    column = batch.columns.get("weight")
    if column is None:
        return np.ones(batch.n, dtype=np.float32)
    bounded = np.fmin(np.fmax(column.values, 1.0), MAX_WEIGHT)  # as detectors read it
    return np.asarray(bounded, dtype=np.float32)


def label_outcomes(batch: LabelBatch, signals: Signals) -> NDArray[np.int8]:
    """Whether each label is favourable, shape (n,): 1, 0, or -1 where it cannot be said.

    ``favourable`` counts as it is. Else the label's own rule decides, else the prediction's
    ``in``, else, beside ``atLeast``, a label is favourable if it is 1 or true.
    """
    said = batch.columns.get("favourable")
    label = batch.columns.get("label")
    if said is not None or label is None:
        return np.full(batch.n, UNKNOWN, np.int8) if said is None else said.values.astype(np.int8)
    own = signals.label.favourable if signals.label is not None else None
    if own is not None:
        return _by_rule(label, own)
    if signals.favourable is None:
        return np.full(batch.n, UNKNOWN, dtype=np.int8)
    listed = signals.favourable.values
    return _among(label, ("1", "true") if listed is None else map(canonical_text, listed))


def label_numbers(batch: LabelBatch) -> NDArray[np.float64]:
    """Each label as a number, shape (n,); NaN where it is none."""
    label = batch.columns.get("label")
    return np.full(batch.n, np.nan) if label is None else _numbers(label)


def labelled_columns(
    prediction: Column | None, labels: LabelBatch, rows: NDArray[np.intp], n: int
) -> dict[str, Column]:
    """Columns ``label`` and ``error`` of ``n`` rows of which ``rows`` have labels."""
    label, error = np.full(n, UNKNOWN, dtype=np.int8), np.full(n, np.nan)
    favourable = labels.columns.get("favourable")
    if favourable is not None:
        label[rows] = favourable.values
    if prediction is not None:
        error[rows] = _numbers(prediction)[rows] - label_numbers(labels)
    return {"label": Column(label), "error": Column(error)}


def _expect(columns: Any, name: str, dtype: str) -> None:
    if name in columns and columns[name].values.dtype != np.dtype(dtype):
        found = columns[name].values.dtype.str
        raise PermanentError("dtype", f"column {name!r} is {found}, not {dtype}")


def _predicted(batch: EventBatch, rule: Favourable | None) -> NDArray[np.int8]:
    name = "prediction" if rule is not None and rule.values is not None else "score"
    column = batch.columns.get(name)
    if rule is None or column is None:
        return np.full(batch.n, UNKNOWN, dtype=np.int8)
    return _by_rule(column, rule)


def _by_rule(column: Column, rule: Favourable) -> NDArray[np.int8]:
    if rule.values is not None:
        return _among(column, map(canonical_text, rule.values))
    values = _numbers(column)
    reached = values >= (rule.at_least or 0.0)
    return np.asarray(np.where(np.isfinite(values), reached, UNKNOWN), dtype=np.int8)


def _among(column: Column, favourable: Iterable[str]) -> NDArray[np.int8]:
    listed = frozenset(favourable)
    values, dictionary = column.values, column.dictionary
    if dictionary is None:
        distinct, values = np.unique(column.values, return_inverse=True)
        texts = ["" if np.isnan(number) else canonical_text(number) for number in distinct]
    else:
        texts = [canonical_text(text) for text in dictionary]
    verdicts = [*(text in listed if text else UNKNOWN for text in texts), UNKNOWN]
    return np.array(verdicts, dtype=np.int8).take(values)  # code -1 reads the last one


def _numbers(column: Column) -> NDArray[np.float64]:
    if column.dictionary is None:
        return column.values.astype(np.float64)
    numbers = np.array([*map(_number, column.dictionary), np.nan])
    return numbers.take(column.values)  # code -1 reads the last one


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
