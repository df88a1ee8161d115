"""What a pending entry remembers of an event, in a few bytes: groups, prediction, score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.score_bins import centres
from detectors.vocabulary import MOST_NAMES
from governance.event import Column, EventBatch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Cells = NDArray[np.uint32]
    Codes = NDArray[np.integer[Any]]

_GROUPS = MOST_NAMES + 2  # in no group, every name, ``other``
_PREDICTIONS = 3  # unknown, unfavourable, favourable
_MOST_BY_RADIX = 4  # attributes whose combinations fit in a cell as they are


class OutcomeCells:
    """Numbers for combinations of group codes and prediction, and back.

    Up to four attributes are written in mixed radix; combinations of more are numbered in the
    order in which they first came.
    """

    def __init__(self, attributes: Sequence[str]) -> None:
        self._attributes = tuple(attributes)
        self._numbered = len(attributes) > _MOST_BY_RADIX
        self._numbers: dict[bytes, int] = {}

    def encode(self, codes: Sequence[Codes], favourable: Codes) -> Cells:
        """One cell per event, shape (n,); ``codes`` in the order of the attributes."""
        if self._numbered:
            groups = self._number(np.stack([c + 1 for c in codes], axis=1).astype(np.uint8))
        else:
            groups = np.zeros(len(favourable), dtype=np.uint32)
            for code in codes:
                groups = groups * np.uint32(_GROUPS) + (code + 1).astype(np.uint32)
        return groups * np.uint32(_PREDICTIONS) + (favourable + 1).astype(np.uint32)

    def decode(self, cells: Cells) -> dict[str, Column]:
        """Columns ``favourable`` and ``group.<attribute>`` (stable codes)."""
        groups, predictions = np.divmod(cells, np.uint32(_PREDICTIONS))
        columns = {"favourable": Column(predictions.astype(np.int8) - np.int8(1))}
        for attribute, codes in zip(self._attributes, self._split(groups), strict=True):
            columns[f"group.{attribute}"] = Column(codes.astype(np.int8) - np.int8(1))
        return columns

    def to_builtins(self) -> list[bytes]:
        """Numbered combinations in order, for the register."""
        return list(self._numbers)

    def restore(self, stored: Sequence[bytes]) -> None:
        """Take over what ``to_builtins`` gave."""
        self._numbers = {combination: number for number, combination in enumerate(stored)}

    def _number(self, codes: NDArray[np.uint8]) -> Cells:
        distinct, inverse = np.unique(codes, axis=0, return_inverse=True)
        numbers = [self._numbers.setdefault(row.tobytes(), len(self._numbers)) for row in distinct]
        return np.array(numbers, dtype=np.uint32)[inverse.reshape(-1)]

    def _split(self, groups: Cells) -> list[NDArray[Any]]:
        if self._numbered:
            known = np.frombuffer(b"".join(self._numbers), dtype=np.uint8)
            rows = known.reshape(-1, len(self._attributes))[groups]
            return [rows[:, place] for place in range(len(self._attributes))]
        digits: list[NDArray[Any]] = []
        for _ in self._attributes:
            groups, digit = np.divmod(groups, np.uint32(_GROUPS))
            digits.insert(0, digit)
        return digits


def outcome_batch(
    version: str,
    cells: Mapping[str, Column],
    scores: NDArray[np.uint8],
    labels: NDArray[np.int32],
    weights: NDArray[np.float64],
) -> EventBatch:
    """Labelled events as detectors read them (``Detector.add_outcomes``)."""
    columns = {
        **cells,
        "label": Column(labels.astype(np.int8)),
        "score": Column(centres(scores)),
        "weight": Column(weights),
    }
    return EventBatch(version, len(labels), columns)
