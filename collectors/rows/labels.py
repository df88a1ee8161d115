"""``--labels FILE``: columns id, label and, where labels have one, time.

The id's column is called as in ``spec.signals.id``, or ``id``; the time's ``time``; the label's
``label``, or whatever the only other column is called. The file is read as a whole, because labels
have an order of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from collectors.rows.events import UNKEYED, label_batch
from collectors.rows.values import instants_us, texts
from governance.component.nearest import listed
from governance.component.selector import SelectorKind
from governance.errors import ConfigError
from governance.event import Column, LabelBatch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from collectors.rows.table import RowFile, Table
    from governance.component.schema import Component, Signals

_TIME = "time"


@dataclass(frozen=True, slots=True)
class RecordedLabels:
    """All labels of a file; sorted by time where it has one (``timed``), else in file order."""

    batch: LabelBatch
    timed: bool


def read_labels(rows: RowFile, file: Path, component: Component) -> RecordedLabels:
    """Read all labels of a file; rows without id, label or time are left out and counted.

    Raises
    ------
    ConfigError
        If the file does not have the columns, or the component already reads labels from rows.
    """
    signals = component.spec.signals
    if signals.label is not None:
        raise ConfigError(
            f"{file}: spec.signals.label already says where labels are: give --labels or "
            "signals.label, not both"
        )
    reader = _Reader(rows, file, signals)
    for table in rows.tables():
        reader.read(table)
    return reader.labels(signals)


class _Reader:
    def __init__(self, rows: RowFile, file: Path, signals: Signals) -> None:
        self._left_out = rows.left_out
        self._id = _id_name(signals, rows.names, file)
        self._timed = _TIME in rows.names
        self._label = _label_name(rows.names, {self._id, _TIME}, file)
        self._ids: list[str] = []
        self._labels: list[str | None] = []
        self._times: list[NDArray[np.int64]] = [np.empty(0, dtype=np.int64)]

    def read(self, table: Table) -> None:
        ids, labels = texts(table.columns[self._id]), texts(table.columns[self._label])
        times = np.zeros(table.n, dtype=np.int64)
        if self._timed:
            times = instants_us(table.columns[_TIME])
        lacks = {
            "id": [text is None for text in ids],
            "label": [text is None for text in labels],
            "time": (times < 0).tolist(),
        }
        kept = [row for row in range(table.n) if not self._lacks(table.first + row, row, lacks)]
        self._ids += [ids[row] or "" for row in kept]
        self._labels += [labels[row] for row in kept]
        self._times.append(times[kept])

    def labels(self, signals: Signals) -> RecordedLabels:
        times = np.concatenate(self._times)
        order = np.argsort(times, kind="stable")
        batch = label_batch(
            signals,
            Column(UNKEYED.event_ids(self._ids)).take(order),
            Column(times).take(order),
            Column.encode(self._labels).take(order),
        )
        return RecordedLabels(batch, self._timed)

    def _lacks(self, number: int, row: int, lacks: dict[str, list[bool]]) -> bool:
        missing = next((what for what, rows in lacks.items() if rows[row]), None)
        if missing is not None:
            self._left_out.add(f"no_{missing}", f"row {number + 1}")
        return missing is not None


def _id_name(signals: Signals, names: Sequence[str], file: Path) -> str:
    declared = signals.id
    wanted = ["id"]
    if declared is not None and declared.kind is not SelectorKind.HEADER:
        wanted.insert(0, declared.argument)
    found = next((name for name in wanted if name in names), None)
    if found is None:
        raise ConfigError(
            f"{file}: has no column {' or '.join(map(repr, wanted))} to join labels by; its "
            f"columns: {listed(names)}"
        )
    return found


def _label_name(names: Sequence[str], others: set[str], file: Path) -> str:
    rest = [name for name in names if name not in others]
    if "label" in rest:
        return "label"
    if len(rest) != 1:
        raise ConfigError(
            f"{file}: which column is the label? Call it 'label', or leave only one beside id "
            f"and time; found: {listed(rest) or 'none'}"
        )
    return rest[0]
