"""A batch and the cells in which its numbers lie: a column is coded once for all who count it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from detectors.cells import sampling_weight
from governance.privacy import significant

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from detectors.drift.subjects import Subject
    from governance.algebra.pieces import Pieces
    from governance.event import EventBatch

    Codes = NDArray[np.integer[Any]]


class Coded:
    """What the parts of a modality add up; made once per batch.

    ``rounds`` rounds numbers as privacy does: replayed rows come as they are.
    """

    def __init__(self, batch: EventBatch, *, rounds: bool) -> None:
        self.batch = batch
        self.weight = sampling_weight(batch)
        self._rounds = rounds
        self._placed: dict[str, tuple[Codes, NDArray[np.float64]]] = {}

    def of(self, batch: EventBatch) -> Coded:
        """Other events that are to be added up in the same way; itself for the same."""
        return self if batch is self.batch else Coded(batch, rounds=self._rounds)

    def values(self, name: str) -> NDArray[Any]:
        """A column as it is counted: numbers, or codes into its dictionary."""
        column = self.batch.columns[name]
        if self._rounds and column.dictionary is None:
            return significant(column.values)
        return column.values

    def placed(self, subject: Subject, pieces: Pieces) -> tuple[Codes, NDArray[np.float64]]:
        """Piece and place of each number of a subject's column (``Pieces.coded``)."""
        if subject.column not in self._placed:
            self._placed[subject.column] = pieces.coded(self.values(subject.column))
        return self._placed[subject.column]

    def bins(self, subject: Subject) -> Codes:
        """The bin of each number of a subject's column that has no pieces."""
        return subject.bins.codes(self.values(subject.column))
