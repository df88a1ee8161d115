"""Where every event is on the group axes of fairness's cells.

On a group axis position 0 holds events beyond the bound, 1 events in no group, 2 + c the stable
code c.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.axis import Axis, Box, code_axis, keys_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from detectors.fairness.cells import Subject
    from governance.event import EventBatch

BEYOND, NO_GROUP, FIRST_GROUP = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Margin:
    """A subject whose cells are those of ``whole``, an intersection, added up along ``axes``."""

    subject: Subject
    whole: Subject
    axes: tuple[int, ...]


class GroupKeys:
    """Flat indices into the cells of every subject for the events of one batch."""

    def __init__(self, subjects: Sequence[Subject], batch: EventBatch) -> None:
        self._subjects = subjects
        self._batch = batch
        self._columns: dict[tuple[str, int | None], Axis] = {}

    def cells(
        self, subjects: Sequence[Subject], inner: Sequence[Axis]
    ) -> Iterator[tuple[Subject, NDArray[np.integer[Any]], Box]]:
        """Subject, key of every event and the box of its keys; ``inner`` are all further axes."""
        innermost = Box.of(inner)
        packed = keys_of(inner[:-1], inner[-1].values, inner[-1].width)
        for subject in subjects:
            axes = [self._column(attribute, subject) for attribute in subject.attributes]
            yield subject, keys_of(axes, packed, innermost.size), Box.of((*axes, *inner))

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

    def _column(self, attribute: str, subject: Subject) -> Axis:
        """The attribute's axis; one object for all bounds that no code is past."""
        whole = self._kept(attribute, None)
        if whole.extent <= FIRST_GROUP + subject.bound:
            return whole
        return self._kept(attribute, subject.bound)

    def _kept(self, attribute: str, bound: int | None) -> Axis:
        if (attribute, bound) not in self._columns:
            self._columns[attribute, bound] = _axis(self._batch, attribute, bound)
        return self._columns[attribute, bound]


def _axis(batch: EventBatch, attribute: str, bound: int | None) -> Axis:
    column = batch.columns.get(f"group.{attribute}")
    if column is None:
        return Axis(np.zeros(batch.n, dtype=np.uint8), NO_GROUP, 1, NO_GROUP + 1)
    if bound is None:
        axis = code_axis(column.values, missing=NO_GROUP)
        if axis is not None:
            return axis
    positions = column.values.astype(np.int32) + np.int32(FIRST_GROUP)
    extent = int(positions.max(initial=NO_GROUP)) + 1
    if bound is not None and extent > FIRST_GROUP + bound:
        positions[positions >= FIRST_GROUP + bound] = BEYOND
        extent = FIRST_GROUP + bound
    return Axis(positions, 0, extent, extent)
