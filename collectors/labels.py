"""Labels as JSON: the truth about an event, by its id.

A row is ``{"id": ..., "label": ...}``: ``id`` as the request had it (``ID:3`` for the fourth of
several instances), of which only the HMAC goes on, or ``event_id``, already a pseudonym. Optional:
``time`` (when the truth was known; default now), ``supersedes`` (true corrects an earlier label)
and ``favourable`` (1 or 0) in the place of what ``spec.signals`` would say of ``label``. Where no
outcome is declared favourable, labels are numbers, which predictions are compared with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from collectors.json_rows import InvalidRows, RowError, checked
from collectors.modalities.tabular import retyped
from collectors.outcome import as_category, favourable_label
from governance.event import Column, LabelBatch
from governance.wire.json import label_batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collectors.ingest import Desk
    from collectors.json_rows import Row
    from governance.component.schema import Signals


def read_labels(rows: Sequence[Row], desk: Desk, now_us: int) -> tuple[LabelBatch, tuple[str, ...]]:
    """Labels that may leave, and the keys that were left out.

    Raises
    ------
    InvalidRows
        With every wrong row and key.
    """
    missing = [error for i, row in enumerate(rows) for error in _missing(i, row)]
    if missing:
        raise InvalidRows(missing, len(rows))
    named = desk.keyed(rows)
    plain = [{key: row[key] for key in row if key != "version"} for row in named]
    [(_, (batch, ignored))] = checked(plain, lambda part: label_batch(part, now_us), {"label": 0})
    columns = dict(batch.columns)
    signals = desk.component.spec.signals
    if "label" in columns and signals.of_numbers:
        columns["label"] = retyped(columns["label"], categorical=False)
    elif "label" in columns:
        columns["label"] = as_category(columns["label"])
        columns["favourable"] = _favourable(columns, signals)
    return desk.privacy.labels(LabelBatch(batch.n, columns)), ignored


def _missing(index: int, row: Row) -> list[RowError]:
    errors = []
    if row.get("id") in (None, "") and "event_id" not in row:
        errors.append(RowError(index, "id", "a label needs the id of its event"))
    if row.get("label") in (None, "") and row.get("favourable") is None:
        errors.append(RowError(index, "label", "a label needs label or favourable"))
    return errors


def _favourable(columns: dict[str, Column], signals: Signals) -> Column:
    """What the producer says, and where it does not, what the component says of the label."""
    found = favourable_label(signals, columns["label"])
    if "favourable" not in columns:
        return Column(found)
    said = columns["favourable"].values
    return Column(np.where(said < 0, found, said).astype(np.int8))
