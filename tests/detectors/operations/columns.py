"""Events with any columns of the wire."""

from __future__ import annotations

from typing import Any

import numpy as np

from governance.event import Column, EventBatch
from governance.wire.table import EVENT_COLUMNS


def events(**columns: Any) -> EventBatch:
    """Columns in the dtypes of the wire; texts are coded."""
    made = {name: _column(name, values) for name, values in columns.items()}
    return EventBatch("1", len(next(iter(made.values())).values), made)


def _column(name: str, values: Any) -> Column:
    if isinstance(values, Column):
        return values
    rule = EVENT_COLUMNS[name]
    return Column.encode(values) if rule.dtype is None else Column(np.array(values, rule.dtype))
