"""Where every event is on the group axes of fairness's cells.

On a group axis position 0 holds events beyond the bound, 1 events in no group, 2 + c the stable
code c. Keys are as narrow as their cells allow: they are computed over and over, and counted once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from detectors.fairness.cells import Subject
    from governance.event import EventBatch

BEYOND, NO_GROUP, FIRST_GROUP = 0, 1, 2
_MOST_NARROW = 2**15


@dataclass(frozen=True, slots=True)
class Margin:
    """A subject whose cells are those of ``whole``, an intersection, added up along ``axes``."""

    subject: Subject
    whole: Subject
    axes: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Positions:
    """One attribute's positions on its group axis, shape (n,), and the length of that axis."""

    values: NDArray[Any]
    extent: int


class GroupKeys:
    """Flat indices into the cells of every subject for the events of one batch."""

    def __init__(self, subjects: Sequence[Subject], batch: EventBatch) -> None:
        self._subjects = subjects
        self._batch = batch
        self._columns: dict[tuple[str, int | None], _Positions] = {}

    def cells(
        self, subjects: Sequence[Subject], innermost: NDArray[np.int8], size: int
    ) -> Iterator[tuple[Subject, NDArray[Any], tuple[int, ...]]]:
        """Subject, index of every event and lengths of the group axes.

        ``innermost`` is the index on all further axes, below ``size``.
        """
        for subject in subjects:
            columns = [self._column(attribute, subject) for attribute in subject.attributes]
            extents = tuple(column.extent for column in columns)
            narrow = size * math.prod(extents) <= _MOST_NARROW
            number = np.int16 if narrow else np.int32
            keys: NDArray[Any] = innermost
            length = size
            for column in reversed(columns):
                part = np.multiply(column.values, number(length), dtype=number)
                keys = np.add(part, keys, out=part)
                length *= column.extent
            yield subject, keys, extents

    def counted(self) -> tuple[list[Subject], list[Margin]]:
        """The subjects that must be counted, and those whose cells follow from them."""
        margins = [margin for s in self._subjects if (margin := self._margin(s)) is not None]
        follow = {margin.subject for margin in margins}
        return [subject for subject in self._subjects if subject not in follow], margins

    def _margin(self, subject: Subject) -> Margin | None:
        """By the widest intersection on whose axes the subject's groups are what they are alone."""
        for whole in sorted(self._subjects, key=lambda s: -len(s.attributes)):
            shared = tuple(name for name in whole.attributes if name in subject.attributes)
            if shared == subject.attributes and len(whole.attributes) > len(shared):
                alike = (self._column(a, subject) is self._column(a, whole) for a in shared)
                if all(alike):
                    places = enumerate(whole.attributes)
                    axes = tuple(place for place, name in places if name not in shared)
                    return Margin(subject, whole, axes)
        return None

    def _column(self, attribute: str, subject: Subject) -> _Positions:
        """The attribute's positions; one object for all bounds that no code is past."""
        whole = self._kept(attribute, None)
        if whole.extent <= FIRST_GROUP + subject.bound:
            return whole
        return self._kept(attribute, subject.bound)

    def _kept(self, attribute: str, bound: int | None) -> _Positions:
        if (attribute, bound) not in self._columns:
            self._columns[attribute, bound] = _positions(self._batch, attribute, bound)
        return self._columns[attribute, bound]


def _positions(batch: EventBatch, attribute: str, bound: int | None) -> _Positions:
    column = batch.columns.get(f"group.{attribute}")
    if column is None:
        return _Positions(np.full(batch.n, NO_GROUP, dtype=np.int16), NO_GROUP + 1)
    extent = int(column.values.max(initial=NO_GROUP - FIRST_GROUP)) + FIRST_GROUP + 1
    narrow = extent <= _MOST_NARROW
    values: NDArray[np.integer[Any]] = column.values.astype(np.int16 if narrow else np.int32)
    values += FIRST_GROUP
    if bound is not None and extent > FIRST_GROUP + bound:
        values[values >= FIRST_GROUP + bound] = BEYOND
        extent = FIRST_GROUP + bound
    return _Positions(values, extent)
