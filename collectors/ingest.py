"""Events and labels as JSON, from producers that have no sidecar: one, an array, or NDJSON.

Keys are the column names of ``governance.event`` and ``version``; beside ``event_id`` (32 hex
digits, already a pseudonym) the door takes ``id``, any text, of which only the HMAC goes on.
Values are as the producer has them: outcomes, groups and categories are read by
``spec.signals``. Keys that mean nothing are left out and named.

All or nothing: one wrong row refuses the request, and every wrong row is told.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from collectors.cloud_events.listening import Listening
from collectors.features import is_feature_name
from collectors.finish_reasons import finish_reasons
from collectors.json_rows import InvalidRows, RowError, checked
from collectors.modalities.tabular import retyped
from collectors.outcome import favourable_outcome, group_column
from collectors.results import lists_outcomes
from governance.algebra.canonical import canonical_text
from governance.component.schema import Modality
from governance.event import Column, EventBatch
from governance.privacy import PrivacyFilter
from governance.wire.json import event_batch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from collectors.json_rows import Row
    from governance.algebra.fourier import Projection
    from governance.component.schema import Component, Signals
    from governance.privacy import Pseudonymiser


class Desk:
    """Reads the rows of one component."""

    def __init__(
        self,
        component: Component,
        pseudonymiser: Pseudonymiser,
        projections: Mapping[str, Projection] | None = None,
    ) -> None:
        """``projections`` are those by which embeddings of what loggers send are summed."""
        self.component = component
        self._projections = projections or {}
        self.privacy = PrivacyFilter(component, pseudonymiser)
        self._pseudonymiser = pseudonymiser

    def listening(self) -> Listening:
        """A listener for the component's inference loggers; raises ConfigError as it does."""
        return Listening(self.component, self._pseudonymiser, projections=self._projections)

    def events(self, rows: Sequence[Row], now_us: int) -> tuple[list[EventBatch], tuple[str, ...]]:
        """Events that may leave, one batch per version, and the keys that were left out.

        ``now_us`` is the time of a row that does not say its own; a row without an id gets one
        that no label can meet.

        Raises
        ------
        InvalidRows
            With every wrong row and key.
        """
        named = self.keyed(
            [row if _has_id(row) else row | {"id": uuid.uuid4().hex} for row in rows]
        )
        usual = self.component.spec.model.version
        batches, ignored = [], dict[str, None]()
        read = checked(named, lambda part: event_batch(part, now_us), {})
        for version, (batch, unknown) in read:
            columns, left_out = _read_by_signals(batch, self.component)
            ignored |= dict.fromkeys((*unknown, *left_out))
            leaving = EventBatch(version or usual, batch.n, columns)
            batches.append(self.privacy.events(leaving))
        return batches, tuple(ignored)

    def keyed(self, rows: Sequence[Row]) -> list[Row]:
        """The rows with ``event_id`` in the place of ``id``.

        Raises
        ------
        InvalidRows
            If an id is neither text nor a number.
        """
        wrong = [
            RowError(i, key, f"{key} is a {type(row[key]).__name__}, not text")
            for i, row in enumerate(rows)
            for key in ("id", "version")
            if isinstance(row.get(key), bool | list | dict)
        ]
        if wrong:
            raise InvalidRows(wrong, len(rows))
        raw = [i for i, row in enumerate(rows) if row.get("id") not in {None, ""}]
        pseudonyms = self._pseudonymiser.event_ids([canonical_text(rows[i]["id"]) for i in raw])
        named = [{key: value for key, value in row.items() if key != "id"} for row in rows]
        for i, pseudonym in zip(raw, pseudonyms, strict=True):
            named[i]["event_id"] = pseudonym.tobytes().hex()
        return named


def _has_id(row: Row) -> bool:
    return row.get("id") not in (None, "") or "event_id" in row


def _read_by_signals(
    batch: EventBatch, component: Component
) -> tuple[dict[str, Column], tuple[str, ...]]:
    """The columns as ``spec.signals`` reads them, and those that it has no use for."""
    signals = component.spec.signals
    columns, left_out = {}, []
    for name, column in batch.columns.items():
        read = _column(name, column, component)
        if read is None:
            left_out.append(name)
        else:
            columns[name] = read
    if "favourable" not in columns:
        prediction, score = columns.get("prediction"), columns.get("score")
        found = favourable_outcome(signals.favourable, prediction, score, batch.n)
        columns["favourable"] = Column(found)
    return columns, tuple(left_out)


def _column(name: str, column: Column, component: Component) -> Column | None:
    signals, (family, dot, rest) = component.spec.signals, name.partition(".")
    if name == "finish_reason":
        return finish_reasons(column)
    if not dot:
        classes = name == "prediction" and lists_outcomes(signals.favourable)
        return retyped(column, categorical=classes) if name == "prediction" else column
    if family == "group":
        group = signals.groups.get(rest)
        return None if group is None else group_column(group, column)
    if not is_feature_name(rest) or family not in component.spec.model.modality:
        return None
    return retyped(column, categorical=_is_categorical(family, rest, signals))


def _is_categorical(family: str, feature: str, signals: Signals) -> bool:
    signal = signals.features.get(Modality(family))
    return signal is not None and feature in signal.categorical
