"""A file of recorded traffic through the detectors, for ``replay`` and what judges likewise.

File order is log order and event time is log time (``collectors.replay``); the state machine is
that of the workers (``detectors.component_state``), so what a replay finds is what would have been
found.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from collectors.replay import log_of, open_rows
from collectors.rows.events import RowEvents
from collectors.rows.labels import read_labels
from collectors.rows.places import find_places
from collectors.rows.table import ROWS_PER_TABLE
from detectors.catalog import make_detectors
from detectors.component_state import ComponentState, Position
from detectors.reference import is_excluded, split_name
from governance.algebra.bins import NumericBins
from governance.component.drift_tests import declared_evidently
from governance.component.nearest import did_you_mean, listed
from governance.component.schema import Modality
from governance.errors import ConfigError, PermanentError
from governance.event import EventBatch, MessageType
from governance.wire.headers import Stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from collectors.replay import LogEntry
    from collectors.rows.labels import RecordedLabels
    from collectors.rows.places import RowPlaces
    from collectors.rows.table import RowFile
    from detectors.era import Make
    from detectors.feature_reference import FeatureReference
    from detectors.reference import Reference
    from governance.component.schema import Component
    from governance.finding import Finding


_MEDIA_ROWS = 128  # decoded between two steps of the progress bar


class NoRows(ConfigError):
    """A file in which there is nothing to judge."""


@dataclass(slots=True)
class Tally:
    """What a replay read: rows, what the state counted, and what was left out, in words."""

    rows: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    left_out: list[str] = field(default_factory=list)
    unread: int = 0  # rows of traffic that were left out

    @property
    def unread_share(self) -> float:
        """The part of the file's rows that was left out, in [0, 1]."""
        return self.unread / max(1, self.unread + self.rows)


class Replay:
    """One file of traffic for one component.

    Parameters
    ----------
    component
        What is judged.
    file
        Rows: CSV, JSONL or Parquet.
    reference
        What drift is measured against; None = there is none.
    labels
        A file of labels (id, label and, if it has one, time).
    make
        Makes the detectors; those of production where nothing is said.

    Raises
    ------
    ConfigError
        From ``findings``: if a file cannot be read or does not have what the component declares;
        ``NoRows`` if it holds no row at all.
    """

    def __init__(
        self,
        component: Component,
        file: Path,
        reference: Reference | None = None,
        labels: Path | None = None,
        *,
        make: Make = make_detectors,
    ) -> None:
        self.tally = Tally()
        self._make = make
        self._component = component
        self._file = file
        self._reference = reference
        self._labels = labels

    def findings(self, progress: Callable[[float], None] = lambda _: None) -> Iterator[Finding]:
        """Every revision of every finding, in order; ``progress`` is told the part read."""
        state = ComponentState(self._component, self._reference, self._make)
        labels = self._recorded_labels()
        with open_rows(self._file) as rows:
            for offset, entry in enumerate(self._log(rows, labels)):
                yield from self._step(state, entry, Position(offset, entry.append_time_us))
                progress(rows.progress())
            self._leave_out(self._file, rows)
            self.tally.unread += rows.left_out.counts.total()
        if self.tally.rows == 0:
            raise NoRows(f"{self._file}: holds no row that can be replayed")
        yield from state.finish()
        self.tally.counts = state.counts

    def _recorded_labels(self) -> RecordedLabels | None:
        if self._labels is None:
            return None
        with open_rows(self._labels) as rows:
            labels = read_labels(rows, self._labels, self._component)
            self._leave_out(self._labels, rows)
        return labels

    def _log(self, rows: RowFile, labels: RecordedLabels | None) -> Iterator[LogEntry]:
        places = find_places(self._component, rows.names, self._file)
        self._check_features(places, rows.names)
        self._note_uncompared(places)
        self._check_times(labels, has_times="time" in places.signals)
        numeric = numeric_by(self._reference)
        events = RowEvents(self._component, places, rows.left_out, numeric)
        tables = (events.read(table) for table in rows.tables(self._rows_at_once(places)))
        return log_of(tables, self._component.spec.monitoring, labels)

    def _rows_at_once(self, places: RowPlaces) -> int:
        """How many rows are read between two steps of the progress bar."""
        if places.has_media:
            return _MEDIA_ROWS
        monitoring = self._component.spec.monitoring
        one_window = monitoring.windows.events if declared_evidently(monitoring.drift) else None
        return min(ROWS_PER_TABLE, one_window or ROWS_PER_TABLE)

    def _check_features(self, places: RowPlaces, names: Sequence[str]) -> None:
        for column in self._reference.inputs if self._reference is not None else ():
            modality, name = split_name(column)
            declared = modality in self._component.spec.model.modality
            if not declared or is_excluded(column, self._component):
                continue
            if modality != Modality.TABULAR:
                self._check_contents(Modality(modality), places)
            elif name not in places.features:
                raise ConfigError(
                    f"{self._file}: has no feature column {name!r}{did_you_mean(name, names)}, "
                    "which the reference compares: exclude it in spec.signals.features.tabular, "
                    f"or measure the reference without it; its columns: {listed(names)}"
                )

    def _note_uncompared(self, places: RowPlaces) -> None:
        """Say which features nobody compares: the reference was measured without them."""
        if self._reference is None:
            return
        known = {split_name(column)[1] for column in self._reference.inputs}
        unknown = sorted(set(places.features) - known)
        if unknown:
            self.tally.left_out.append(
                f"{self._file}: no drift of {listed(unknown)}: the reference does not have "
                f"{'it' if len(unknown) == 1 else 'them'}; measure it again, or exclude "
                "them in spec.signals.features.tabular"
            )

    def _check_contents(self, modality: Modality, places: RowPlaces) -> None:
        if modality not in places.contents:
            raise ConfigError(
                f"{self._file}: the reference compares {modality.value}, but spec.signals.features."
                f"{modality.value} does not say which column holds it: write column:NAME"
            )

    def _check_times(self, labels: RecordedLabels | None, *, has_times: bool) -> None:
        if has_times:
            return
        if self._component.spec.monitoring.windows.kind == "every":
            raise ConfigError(
                f"{self._file}: windows of a length in time need times: say where they are in "
                "spec.signals.time, or count events (spec.monitoring.windows.events)"
            )
        if labels is not None and labels.timed:
            raise ConfigError(
                f"{self._labels}: labels have times but the events have none: say where they are "
                "in spec.signals.time, or leave the column time out"
            )

    def _step(self, state: ComponentState, entry: LogEntry, at: Position) -> list[Finding]:
        batch = entry.batch
        try:
            if isinstance(batch, EventBatch):
                self.tally.rows += batch.n
                return state.events(batch, at, self._stamp(MessageType.EVENTS, at))
            return state.labels(batch, at, self._stamp(MessageType.LABELS, at))
        except PermanentError as error:
            self.tally.left_out.append(f"{batch.n} rows left out, {error.reason}: {error}")
            self.tally.unread += batch.n if isinstance(batch, EventBatch) else 0
            return []

    def _stamp(self, kind: MessageType, at: Position) -> Stamp:
        """The file is one source that numbers its records, so equal ids are different events."""
        return Stamp(kind, self._component.key, source="replay", sequence=at.offset)

    def _leave_out(self, file: Path, rows: RowFile) -> None:
        self.tally.left_out += [f"{file}: {line}" for line in rows.left_out.lines()]


def numeric_by(reference: Reference | None) -> Callable[[str], bool | None]:
    """Whether a reference has a column as numbers; None where it does not have it."""

    def numeric(name: str) -> bool | None:
        feature = _feature(reference, name)
        return None if feature is None else isinstance(feature.bins, NumericBins)

    return numeric


def _feature(reference: Reference | None, name: str) -> FeatureReference | None:
    if reference is None:
        return None
    outputs = [named[name] for named in reference.outputs.values() if name in named]
    return reference.inputs.get(name) or next(iter(outputs), None)
