"""Raw rows of recorded files as Evidently reads them: one window's, and the reference's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from collectors.outcome import favourable_label
from collectors.replay import open_rows
from collectors.rows.events import RowEvents
from collectors.rows.places import find_places, find_reference_places
from collectors.rows.values import categories, whole_texts
from detectors.coalesce import coalesce
from detectors.drift.yardstick import evidently_test, evidently_threshold
from detectors.evidently import Question, Roles, raw_values
from detectors.raw_rows import ROW
from detectors.reference import OUTPUTS, is_excluded, split_name
from governance.algebra.bins import NumericBins
from governance.component.drift_tests import PREFIX
from governance.component.schema import Modality
from governance.event import EventBatch
from governance.service.replay import numeric_by

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from collectors.rows.places import RowPlaces
    from collectors.rows.table import RowFile, Table
    from detectors.feature_reference import FeatureReference
    from detectors.reference import Reference
    from governance.component.schema import Component
    from governance.event import Column

TARGET, PREDICTED = "label is favourable", "prediction is favourable"
POSITIVE = "yes"

_MOST_ROWS = 2**31 - 1  # a sample is read as a whole


@dataclass(frozen=True, slots=True)
class Sample:
    """Raw rows: columns of events, and texts, labels and outcomes as arrays of shape (n,)."""

    columns: Mapping[str, Column]
    others: Mapping[str, NDArray[Any]]

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.columns[ROW].values)


def read_sample(
    path: Path,
    component: Component,
    reference: Reference,
    rows: NDArray[np.int64] | None = None,
) -> Sample:
    """The rows of a file that have the numbers ``rows``; None = all of a reference.

    Cost: one pass over the file; media of no other rows are decoded.

    Raises
    ------
    ConfigError
        If the file cannot be read or does not have what the component declares.
    """
    with open_rows(path) as file:
        find = find_reference_places if rows is None else find_places
        places = _with_label(find(component, file.names, path), component, file.names)
        numeric = numeric_by(reference)
        events = RowEvents(component, places, file.left_out, numeric, typed_by=None)
        parts = [_read(component, places, events, table) for table in _tables(file, rows)]
    (columns,) = coalesce([EventBatch("", part.n, part.columns) for part in parts])
    shared = set.intersection(*(set(part.others) for part in parts))
    others = {name: np.concatenate([part.others[name] for part in parts]) for name in shared}
    return Sample(columns.columns, {name: v for name, v in others.items() if _is_said(v)})


def _tables(file: RowFile, rows: NDArray[np.int64] | None) -> Iterator[Table]:
    """The wanted rows, table by table; a reference as a whole, as it was measured."""
    if rows is None:
        yield from file.tables(_MOST_ROWS)
        return
    for table in file.tables():
        here = rows[(rows >= table.first) & (rows < table.first + table.n)] - table.first
        if len(here):
            yield table.take(here, len(here))


def _with_label(places: RowPlaces, component: Component, names: Sequence[str]) -> RowPlaces:
    label = component.spec.signals.label
    if label is None or label.source.argument not in names:
        return places
    return replace(places, signals={**places.signals, "label": label.source.argument})


def _read(component: Component, places: RowPlaces, events: RowEvents, table: Table) -> Sample:
    columns = events.read(table).columns
    kept = columns[ROW].values - table.first  # rows without a usable time are left out
    others = _others(component, places, table.take(kept, len(kept)), columns)
    return Sample(columns, others)


def roles_of(
    component: Component, reference: Reference, window: Sample, past: Sample
) -> tuple[Roles, dict[str, str]]:
    """What Evidently is told of the columns that both samples have, and where each comes from."""
    numeric: dict[str, str] = {}
    categorical: dict[str, str] = {}
    questions: list[Question] = []
    settings = component.spec.monitoring.drift
    for column, feature in _compared(component, reference):
        if column not in window.columns or column not in past.columns:
            continue
        name = _title(column)
        is_numeric = isinstance(feature.bins, NumericBins)
        (numeric if is_numeric else categorical)[name] = column
        names = (column, split_name(column)[1])
        test = evidently_test(names, settings, numeric=is_numeric)
        if test:
            threshold = evidently_threshold(names, settings, test)
            questions.append(Question(name, test.removeprefix(PREFIX), threshold))
    shared = {name for name in window.others if name in past.others}
    judged = {TARGET, PREDICTED} <= shared
    texts = tuple(sorted(shared - {TARGET, PREDICTED}))
    roles = Roles(
        numeric=tuple(numeric),
        categorical=(*categorical, *((TARGET, PREDICTED) if judged else ())),
        text=texts,
        target=TARGET if judged else "",
        prediction=PREDICTED if judged else "",
        positive=POSITIVE,
        questions=tuple(questions),
    )
    return roles, {**numeric, **categorical}


def values_of(sample: Sample, roles: Roles, sources: Mapping[str, str]) -> dict[str, Any]:
    """The columns of a sample by the names that ``roles`` gives them."""
    numeric = frozenset(roles.numeric)
    values = {
        name: raw_values(sample.columns[column], numeric=name in numeric)
        for name, column in sources.items()
    }
    named = (*roles.text, *(name for name in (roles.target, roles.prediction) if name))
    return values | {name: sample.others[name] for name in named}


def _compared(component: Component, reference: Reference) -> list[tuple[str, FeatureReference]]:
    declared = {modality.value for modality in component.spec.model.modality}
    inputs = [
        (column, feature)
        for column, feature in sorted(reference.inputs.items())
        if split_name(column)[0] in declared and not is_excluded(column, component)
    ]
    known = {
        name: output for outputs in reference.outputs.values() for name, output in outputs.items()
    }
    return [*inputs, *((name, known[name]) for name in OUTPUTS if name in known)]


def _title(column: str) -> str:
    """Tabular features are called as in the file, those of other modalities by both names."""
    modality, bare = split_name(column)
    return bare if modality == Modality.TABULAR else column


def _others(
    component: Component, places: RowPlaces, table: Table, columns: Mapping[str, Column]
) -> dict[str, NDArray[Any]]:
    others: dict[str, NDArray[Any]] = {}
    text = places.contents.get(Modality.TEXT)
    if text is not None:
        others[text] = np.array(whole_texts(table.columns[text]), dtype=object)
    label = places.signals.get("label")
    if label is not None:
        labels = categories(table.columns[label])
        others[TARGET] = _said(favourable_label(component.spec.signals, labels))
    if "prediction" in columns or "score" in columns:
        others[PREDICTED] = _said(columns["favourable"].values)
    return others


def _said(favourable: NDArray[Any]) -> NDArray[Any]:
    words = np.array(["no", POSITIVE, None], dtype=object)
    return np.asarray(words[favourable.astype(np.intp)])  # -1, unknown, is the last


def _is_said(values: NDArray[Any]) -> bool:
    return any(value is not None for value in values)
