"""(prediction x label) tables per group, and the rates that are read from them.

Axis positions on both the prediction and the label axis: ``UNKNOWN``, ``UNFAVOURABLE``,
``FAVOURABLE``. Whatever cannot be placed is counted under ``UNKNOWN``, so a table's cells add up
to its events.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.axis import Axis, code_axis
from detectors.cells import Cells, share

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from governance.event import Column

UNKNOWN, UNFAVOURABLE, FAVOURABLE = 0, 1, 2
OUTCOMES = 3  # length of the prediction axis and of the label axis
_KNOWN = slice(UNFAVOURABLE, None)

Place = tuple[int, ...]  # (prediction,) among events, (prediction, label) among labelled events


class Arrival(StrEnum):
    """Which way of labels arriving a rate does not survive, so that it is capped at warning."""

    ANY = "any"  # needs no labels
    BY_DECISION = "by_decision"  # TPR, FPR: coverage differs between a group's predictions
    INCOMPLETE = "incomplete"  # PPV, accuracy: a group's coverage is below 90 %


@dataclass(frozen=True)  # not slotted: where its places are is found once
class Rate:
    """A share of events: those at the places ``success`` among those at ``whole``."""

    name: str
    success: tuple[Place, ...]
    whole: tuple[Place, ...]
    denominator: str  # what is counted in ``whole``, in words
    fragile: Arrival

    @cached_property
    def marks(self) -> NDArray[np.float64]:
        """1 at its places in the flattened cells of a group, shape (cells, 2): success, whole."""
        marks = np.zeros((2, *(OUTCOMES,) * len(self.whole[0])))
        for of, places in zip(marks, (self.success, self.whole), strict=True):
            for place in places:
                of[place] = 1
        return np.ascontiguousarray(marks.reshape(2, -1).T)

    @property
    def needs_labels(self) -> bool:
        """Whether the rate is read from labelled events."""
        return self.fragile is not Arrival.ANY

    @property
    def correlated_as(self) -> str:
        """The rate whose differences between windows are measured (``group_reference``)."""
        return self.name


@dataclass(frozen=True, slots=True)
class OutcomeTable:
    """What is known of every group in one window.

    ``predictions`` has shape (groups, OUTCOMES) over all events, ``outcomes`` (groups, OUTCOMES,
    OUTCOMES) over labelled events.
    """

    predictions: Cells
    outcomes: Cells

    def share(self, rate: Rate) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Successes and effective sizes per group, shape (groups,)."""
        return share(*self.counts(rate))

    def counts(self, rate: Rate) -> tuple[Cells, Cells]:
        """Successes of a rate and all that it counts, shape (groups,).

        Cells are multiples of a power of 1/2 below 2^53 of them, so their sums are exact.
        """
        cells = self.outcomes if rate.needs_labels else self.predictions
        both = cells.sums(rate.marks)
        return both[:, 0], both[:, 1]

    def coverage(self) -> NDArray[np.float64]:
        """Labelled part of the events, per group and known prediction, shape (groups, 2).

        By weight, in [0, 1]; NaN where there is no event.
        """
        labelled = self.outcomes[:, _KNOWN, _KNOWN].total().weight
        return _part(labelled, self.predictions[:, _KNOWN].weight)

    def group_coverage(self) -> NDArray[np.float64]:
        """Labelled part of the events per group, shape (groups,); NaN where there is no event."""
        labelled = self.outcomes[:, _KNOWN, _KNOWN].total().total().weight
        return _part(labelled, self.predictions[:, _KNOWN].total().weight)

    def labels(self, groups: NDArray[np.bool_]) -> tuple[int, int, float | None]:
        """Labelled and unlabelled events of the marked groups, and the labelled part by weight."""
        labelled = self.outcomes[groups][:, _KNOWN, _KNOWN]
        seen = self.predictions[groups][:, _KNOWN]
        used = int(labelled.events.sum())
        part = _part(labelled.weight.sum(), seen.weight.sum())
        missing = max(0, int(seen.events.sum()) - used)
        return used, missing, None if np.isnan(part) else float(part)

    def completed(self, label: int) -> OutcomeTable:
        """The table if every missing label were ``label``."""
        labelled = self.outcomes[:, _KNOWN, _KNOWN].total()
        outcomes = Cells(
            *(
                _filled(have, seen, known, label)
                for have, seen, known in zip(
                    _arrays(self.outcomes),
                    _arrays(self.predictions),
                    _arrays(labelled),
                    strict=True,
                )
            )
        )
        return OutcomeTable(self.predictions, outcomes)


def outcome_codes(column: Column | None, n: int) -> NDArray[np.uint8]:
    """Axis positions of a ``favourable`` or ``label`` column (1, 0, anything else unknown)."""
    axis = outcome_axis(column, n)
    return axis.values.astype(np.uint8) + np.uint8(axis.first)


def outcome_axis(column: Column | None, n: int) -> Axis:
    """The same as an axis, which is that of a batch: only as wide as what it holds."""
    if column is None:
        return Axis(np.zeros(n, dtype=np.uint8), UNKNOWN, 1, OUTCOMES)
    values = column.values
    if values.dtype == np.int8:  # as on the wire: -1, 0, 1 are positions but for one step
        axis = code_axis(values, missing=UNKNOWN, extent=OUTCOMES)
        if axis is not None and axis.first + axis.width <= OUTCOMES:
            return axis
    codes = (values == 1).astype(np.uint8)
    codes *= FAVOURABLE
    codes += values == 0
    return Axis(codes, UNKNOWN, OUTCOMES, OUTCOMES)


def _part(of: Any, whole: Any) -> NDArray[np.float64]:
    have, seen = np.asarray(of, float), np.asarray(whole, float)
    part: NDArray[np.float64] = np.full(seen.shape, np.nan)
    np.divide(have, seen, out=part, where=seen > 0)
    return np.fmin(part, 1.0, out=part, where=seen > 0)


def _arrays(cells: Cells) -> tuple[NDArray[np.float64], ...]:
    return cells.events, cells.weight, cells.squared_weight


def _filled(
    have: NDArray[np.float64],
    seen: NDArray[np.float64],
    known: NDArray[np.float64],
    label: int,
) -> NDArray[np.float64]:
    filled = have.copy()
    filled[:, _KNOWN, label] += np.maximum(0.0, seen[:, _KNOWN] - known)
    return filled
