"""Event and Label, as batches of columns.

An event is one inference as it was seen; n instances of one request are n events. A label is the
ground truth of an event and arrives seconds to months later. Both travel and are computed on as
columns, never one by one. Column names are those of the wire:

==========================  =========  =============================================================
column                      dtype      meaning
==========================  =========  =============================================================
``event_id``                V16        keyed pseudonym of the request id and instance
``time``                    <i8        when it happened, UTC microseconds
``latency_ms``              <f8        request's first byte in to response's last byte out
``ttft_ms``                 <f8        time to first token
``status_code``             <i2        HTTP status; 0 = no answer
``prediction``              dictionary or <f8
``score``                   <f8        probability (or other score) of the favourable outcome
``favourable``              i1         1 favourable, 0 not, -1 unknown
``weight``                  <f8        1 / sampling probability; absent = 1
``contents_weight``         <f8        of features of contents, 0 = not asked; absent = 1
                                       (``governance.contents``)
``input_tokens`` ...        <i4        ``output_tokens`` likewise; -1 = unknown
``request_bytes`` ...       <i8        of the body, also where it was cut; ``response_bytes``
                                       likewise; -1 = unknown
``truncated``               i1         1 where the body was too large to be copied
``undecodable``             i1         1 where a body could not be read, -1 where none was tried
``refusal``                 i1         1 where the model refused, 0 not, -1 unknown
``finish_reason``           dictionary one of ``FINISH_REASONS``
``group.<attribute>``       dictionary
``<modality>.<feature>``    dictionary or <f8
``label``                   dictionary or <f8 (labels only)
``supersedes``              i1         1 where a label corrects an earlier one (labels only)
==========================  =========  =============================================================

Missing is NaN in a float column and code -1 in a dictionary column.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from governance.component.key import ComponentKey as ComponentKey  # noqa: PLC0414
from governance.errors import ShapeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

MISSING_CODE = -1
FINISH_REASONS = ("stop", "length", "content_filter", "tool_calls", "error", "other")


class MessageType(StrEnum):
    """``ce_type`` of what travels on the events topic."""

    EVENTS = "io.evenhand.events.v1"
    LABELS = "io.evenhand.labels.v1"
    HEARTBEAT = "io.evenhand.heartbeat.v1"
    BYE = "io.evenhand.bye.v1"
    TICK = "io.evenhand.tick.v1"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a batch, shape (n,); codes into ``dictionary`` where there is one."""

    values: NDArray[Any]
    dictionary: tuple[str, ...] | None = None

    def take(self, rows: NDArray[Any] | slice) -> Column:
        """The same column with only ``rows`` (an index or a mask)."""
        return Column(self.values[rows], self.dictionary)

    @classmethod
    def encode(cls, texts: list[str | None]) -> Column:
        """Dictionary-code texts in order of first appearance; None is missing."""
        index: dict[str, int] = {}
        codes = [MISSING_CODE if t is None else index.setdefault(t, len(index)) for t in texts]
        return cls(np.array(codes, dtype=np.int32), tuple(index))


@dataclass(frozen=True, slots=True)
class BatchSum:
    """An additive array over ``n`` events: fixed point int64 at 2**-24, unweighted.

    Each of the events stands for ``weight`` of those that its collector kept
    (``governance.contents``).
    """

    values: NDArray[np.int64]
    n: int
    weight: float = 1.0


def sum_name(modality: str, projection: str) -> str:
    """What the Fourier sum of a modality's embeddings is called; ``projection`` is its hash."""
    return f"{modality}.fourier.{projection}"


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Events of one component and model version.

    ``vectors`` are embeddings by modality, shape (n, coordinates), NaN or all zero where an event
    has none. They never leave the process: what travels is their sum (``sums``). Sums that come
    without events may say an instant in their window, ``sums_at_us``; else their message does.

    Raises
    ------
    ShapeError
        If a column does not have ``n`` values, or an array of vectors ``n`` rows.
    """

    version: str
    n: int
    columns: Mapping[str, Column]
    sums: Mapping[str, BatchSum] = field(default_factory=dict)
    vectors: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    sums_at_us: int | None = None

    def __post_init__(self) -> None:
        for name, rows in self.vectors.items():
            if rows.ndim != 2 or len(rows) != self.n:
                raise ShapeError(f"vectors {name!r} have shape {rows.shape}, not ({self.n}, ...)")
        for name, column in self.columns.items():
            if column.values.shape != (self.n,):
                raise ShapeError(
                    f"column {name!r} has shape {column.values.shape}, not ({self.n},)"
                )

    def take(self, rows: NDArray[Any] | slice) -> EventBatch:
        """The same batch with only ``rows``; batch sums do not follow a selection."""
        columns = {name: column.take(rows) for name, column in self.columns.items()}
        vectors = {name: array[rows] for name, array in self.vectors.items()}
        kept = [*(column.values for column in columns.values()), *vectors.values()]
        return EventBatch(self.version, len(kept[0]) if kept else 0, columns, vectors=vectors)


@dataclass(frozen=True, slots=True)
class LabelBatch:
    """Labels of one component: columns ``event_id``, ``time``, ``label`` or ``favourable``."""

    n: int
    columns: Mapping[str, Column]

    def __post_init__(self) -> None:
        for name, column in self.columns.items():
            if column.values.shape != (self.n,):
                raise ShapeError(
                    f"column {name!r} has shape {column.values.shape}, not ({self.n},)"
                )

    def take(self, rows: NDArray[Any]) -> LabelBatch:
        """The same batch with only ``rows`` (an index or a mask)."""
        columns = {name: column.take(rows) for name, column in self.columns.items()}
        n = len(next(iter(columns.values())).values) if columns else 0
        return LabelBatch(n, columns)
