"""Tables of a row file as events, by ``spec.signals``.

Names stay as they are: nothing leaves the machine. Numbers are as coarse as the component's
privacy makes live ones, so that both meet the same reference.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from collectors.finish_reasons import finish_reasons
from collectors.outcome import favourable_label, favourable_outcome, group_column
from collectors.rows.contents import Contents
from collectors.rows.places import OWN_NUMBERS
from collectors.rows.values import (
    all_numbers,
    categories,
    floats,
    instants_us,
    is_nested,
    texts,
)
from governance.clock import SECOND_US
from governance.component.schema import Modality, PrivacyLevel
from governance.event import Column, EventBatch, LabelBatch
from governance.privacy import PrivacyFilter, Pseudonymiser
from governance.wire.table import EVENT_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from collectors.rows.places import RowPlaces
    from collectors.rows.table import LeftOut, Table
    from governance.component.schema import Component, Signals

TYPED_BY = 1_000  # rows that decide what is numeric where no reference does

UNKEYED = Pseudonymiser(b"")  # ids of a replay are compared with each other only


@dataclass(frozen=True, slots=True)
class TimedRows:
    """The events of one table, all versions together, in file order.

    Beside the columns of the wire there is ``row``: the number of each row in the file, from 0.
    ``labels`` are those of the file's own label column, ``labelled`` the rows that have one; None
    where there is no such column.
    """

    columns: dict[str, Column]
    versions: Column
    labels: LabelBatch | None
    labelled: NDArray[np.intp]
    vectors: dict[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Number of events."""
        return len(self.versions.values)

    @property
    def times(self) -> NDArray[np.int64]:
        """When each happened, UTC microseconds."""
        return self.columns["time"].values

    def batches(self, rows: NDArray[Any]) -> Iterator[EventBatch]:
        """The events of ``rows`` (an index), one batch per version."""
        versions = self.versions.values[rows]
        for code in dict.fromkeys(versions.tolist()):
            kept = rows[versions == code]
            columns = {name: column.take(kept) for name, column in self.columns.items()}
            vectors = {name: array[kept] for name, array in self.vectors.items()}
            version = (self.versions.dictionary or ())[code]
            yield EventBatch(version, len(kept), columns, vectors=vectors)

    def labels_of(self, start: int, end: int) -> LabelBatch | None:
        """The labels of the rows from ``start`` up to ``end``; None where there is none."""
        if self.labels is None:
            return None
        first, last = np.searchsorted(self.labelled, [start, end])
        return None if first == last else self.labels.take(np.arange(first, last))


class RowEvents:
    """Reads events out of tables.

    Parameters
    ----------
    component
        What is watched.
    places
        Where the file has it.
    left_out
        Where rows without a usable time, and media that cannot be decoded, are counted.
    numeric
        Whether the reference has a column (``tabular.age``, ``prediction``) as numbers; None where
        it does not have it: then the first rows decide.
    typed_by
        How many of them; None = all rows of the table.

    Raises
    ------
    ConfigError
        If a library that the component's media need is not installed.
    """

    def __init__(
        self,
        component: Component,
        places: RowPlaces,
        left_out: LeftOut,
        numeric: Callable[[str], bool | None] = lambda _: None,
        *,
        typed_by: int | None = TYPED_BY,
    ) -> None:
        self._spec = component.spec
        self._places = places
        self._left_out = left_out
        self._numeric = numeric
        self._typed_by = slice(typed_by)
        self._decided: dict[str, bool] = {}
        self._contents = Contents(component.spec.signals, places, left_out)
        self._filter = PrivacyFilter(_with_names(component), UNKEYED)
        self._read = 0

    def read(self, table: Table) -> TimedRows:
        """The events of a table; rows without a usable time are left out and counted."""
        table, times, numbers = self._timed(table)
        columns = {"event_id": self._ids(table), "time": Column(times)}
        columns |= self._own(table) | self._outcome(table) | self._groups(table)
        columns |= self._features(table)
        seen, vectors = self._contents.read(table)
        columns |= seen
        columns = dict(self._filter.events(EventBatch("", table.n, columns)).columns)
        columns["row"] = Column(numbers)
        self._read += table.n
        labels, labelled = self._labels(table, columns)
        return TimedRows(columns, self._versions(table), labels, labelled, vectors)

    def _timed(self, table: Table) -> tuple[Table, NDArray[np.int64], NDArray[np.int64]]:
        """The rows that have a time, their times, and their numbers in the file."""
        name, numbers = self._places.signals.get("time"), table.first + np.arange(table.n)
        if name is None:
            return table, (self._read + np.arange(table.n)) * SECOND_US, numbers
        times = instants_us(table.columns[name])
        usable = times >= 0
        if usable.all():
            return table, times, numbers
        lost = np.flatnonzero(~usable)
        self._left_out.add(
            "time",
            f"row {table.first + int(lost[0]) + 1} has no time that can be read in {name!r} "
            "(RFC 3339 or Unix seconds)",
            rows=len(lost),
        )
        return table.take(usable, table.n - len(lost)), times[usable], numbers[usable]

    def _ids(self, table: Table) -> Column:
        name = self._places.signals.get("id")
        numbers = range(self._read, self._read + table.n)
        if name is None:
            ids = [f"row {number}" for number in numbers]
        else:
            found = zip(texts(table.columns[name]), numbers, strict=True)
            ids = [f"row {number}" if text is None else text for text, number in found]
        return Column(UNKEYED.event_ids(ids))

    def _own(self, table: Table) -> dict[str, Column]:
        present = [name for name in OWN_NUMBERS if name in self._places.signals]
        columns = {name: _bounded(name, floats(table.columns[name])) for name in present}
        if "finish_reason" in self._places.signals:
            reasons = finish_reasons(categories(table.columns["finish_reason"]))
            columns["finish_reason"] = reasons
        return columns

    def _outcome(self, table: Table) -> dict[str, Column]:
        signals, rule = self._places.signals, self._spec.signals.favourable
        columns = {}
        if "prediction" in signals:
            declared = rule is not None and rule.values is not None
            values = table.columns[signals["prediction"]]
            columns["prediction"] = self._typed("prediction", values, declared=declared)
        if "score" in signals:
            scores = floats(table.columns[signals["score"]])
            columns["score"] = Column(np.where(np.isfinite(scores), scores, np.nan))
        found = favourable_outcome(rule, columns.get("prediction"), columns.get("score"), table.n)
        return columns | {"favourable": Column(found)}

    def _groups(self, table: Table) -> dict[str, Column]:
        return {
            f"group.{name}": group_column(
                self._spec.signals.groups[name], categories(table.columns[column])
            )
            for name, column in self._places.groups.items()
        }

    def _features(self, table: Table) -> dict[str, Column]:
        signal = self._spec.signals.features.get(Modality.TABULAR)
        declared = frozenset(signal.categorical if signal is not None else ())
        return {
            f"tabular.{name}": self._typed(
                f"tabular.{name}", table.columns[name], declared=name in declared
            )
            for name in self._places.features
            if not is_nested(table.columns[name])
        }

    def _typed(self, name: str, values: Column | NDArray[Any], *, declared: bool) -> Column:
        if declared or not self._is_numeric(name, values):
            return categories(values)
        return Column(floats(values))

    def _is_numeric(self, name: str, values: Column | NDArray[Any]) -> bool:
        if name not in self._decided:
            known = self._numeric(name)
            self._decided[name] = all_numbers(self._first(values)) if known is None else known
        return self._decided[name]

    def _first(self, values: Column | NDArray[Any]) -> Column | NDArray[Any]:
        rows = self._typed_by
        return values.take(rows) if isinstance(values, Column) else values[rows]

    def _versions(self, table: Table) -> Column:
        name = self._places.signals.get("version")
        usual = self._spec.model.version
        if name is None:
            return Column(np.zeros(table.n, dtype=np.int32), (usual,))
        return Column.encode([text or usual for text in texts(table.columns[name])])

    def _labels(
        self, table: Table, columns: dict[str, Column]
    ) -> tuple[LabelBatch | None, NDArray[np.intp]]:
        name = self._places.signals.get("label")
        if name is None:
            return None, np.empty(0, dtype=np.intp)
        labels = categories(table.columns[name])
        known = np.flatnonzero(labels.values >= 0)
        ids, times = columns["event_id"].take(known), columns["time"].take(known)
        return label_batch(self._spec.signals, ids, times, labels.take(known)), known


def label_batch(signals: Signals, ids: Column, times: Column, labels: Column) -> LabelBatch:
    """Labels of events, and whether each is favourable."""
    columns = {
        "event_id": ids,
        "time": times,
        "label": labels,
        "favourable": Column(favourable_label(signals, labels)),
    }
    return LabelBatch(len(labels.values), columns)


def _bounded(name: str, values: NDArray[np.float64]) -> Column:
    """A column of our own names; what the wire would refuse is missing."""
    rule = EVENT_COLUMNS[name]
    if rule.dtype == "<f8":
        return Column(np.where(np.isfinite(values), values, np.nan))
    usable = np.isfinite(values) & (values >= (rule.low or 0)) & (values <= (rule.high or 0))
    return Column(np.where(usable, values, rule.missing or 0).astype(rule.dtype))


def _with_names(component: Component) -> Component:
    """The component with its level ``open``: names show, numbers are as coarse as ever."""
    spec = component.spec
    privacy = spec.governance.data_privacy.model_copy(update={"level": PrivacyLevel.OPEN})
    governance = spec.governance.model_copy(update={"data_privacy": privacy})
    return component.model_copy(update={"spec": spec.model_copy(update={"governance": governance})})
