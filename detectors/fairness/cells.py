"""The additive cells of fairness: (group x prediction) and (group x prediction x label).

A subject is one attribute, or an intersection of several whose names are joined by ``CROSS``. Its
arrays are ``fairness.<subject>.predictions`` and ``.outcomes``, and where calibration is asked for
``.calibration`` and ``.scores`` (``score_cells``), one group axis per attribute (``group_keys``).
Nothing is left out of the cells, and a group axis can only grow at its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from detectors.axis import Axis
from detectors.cells import count, margin
from detectors.fairness.group_keys import GroupKeys
from detectors.fairness.score_cells import (
    SCORE_BINS,
    SCORE_SCALE,
    bin_of,
    scored,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detectors.axis import Box
    from governance.algebra.sums import Sums
    from governance.event import EventBatch

PREFIX = "fairness."
MAX_GROUPS = 1_024  # groups of one subject; later codes are counted as beyond
CROSS = " \N{MULTIPLICATION SIGN} "
PREDICTIONS, BY_LABEL = "predictions", "outcomes"
CALIBRATION, SCORES = "calibration", "scores"


@dataclass(frozen=True, slots=True)
class Subject:
    """Sensitive attributes whose joint values are the groups; mostly one."""

    attributes: tuple[str, ...]

    @property
    def name(self) -> str:
        """The attribute, or those of an intersection joined by ``CROSS``."""
        return CROSS.join(self.attributes)

    @property
    def bound(self) -> int:
        """Codes per attribute such that their joint codes stay within ``MAX_GROUPS``."""
        return _bound(len(self.attributes))


def array_name(subject: Subject, part: str) -> str:
    """What the array of a subject is called."""
    return f"{PREFIX}{subject.name}.{part}"


def count_groups(
    subjects: Sequence[Subject],
    batch: EventBatch,
    outcomes: tuple[Axis, ...],
    weight: NDArray[np.float64] | None,
) -> Sums:
    """Arrays of one batch; ``outcomes`` are the axes of the prediction, and of the label if any."""
    part = PREDICTIONS if len(outcomes) == 1 else BY_LABEL
    keys = GroupKeys(subjects, batch)
    sums: Sums = {}
    counted, margins = keys.counted()
    for subject, cells, box in keys.cells(counted, outcomes):
        sums |= _within(box, count(array_name(subject, part), cells, box.widths, weight))
    for one in margins:
        sums |= margin(array_name(one.subject, part), sums, array_name(one.whole, part), one.axes)
    return sums


def count_scores(
    subjects: Sequence[Subject],
    batch: EventBatch,
    label: Axis,
    weight: NDArray[np.float64] | None,
) -> Sums:
    """Calibration's arrays of one batch of labelled events; those without a score are left out."""
    usable = scored(batch.columns.get("score"), label)
    if not usable.any():
        return {}
    if not usable.all():
        rows = np.flatnonzero(usable)
        batch, label = batch.take(rows), label.take(rows)
        weight = None if weight is None else weight[rows]
    scores = batch.columns["score"].values
    bins = Axis(bin_of(scores), 0, SCORE_BINS, SCORE_BINS)
    amounts = np.rint(scores * SCORE_SCALE if weight is None else scores * weight * SCORE_SCALE)
    keys = GroupKeys(subjects, batch)
    counted, margins = keys.counted()
    sums: Sums = {}
    for subject, cells, box in keys.cells(counted, (bins, label)):
        sums |= _within(box, count(array_name(subject, CALIBRATION), cells, box.widths, weight))
    for subject, cells, box in keys.cells(counted, (bins,)):
        total = np.bincount(cells, weights=amounts, minlength=box.size)
        sums[array_name(subject, SCORES)] = box.within(total.astype(np.int64))
    for one in margins:
        for part in (CALIBRATION, SCORES):
            sums |= margin(
                array_name(one.subject, part), sums, array_name(one.whole, part), one.axes
            )
    return sums


def _within(box: Box, counted: Sums) -> Sums:
    return {name: box.within(cells) for name, cells in counted.items()}


@cache
def _bound(attributes: int) -> int:
    bound = 1
    while (bound + 1) ** attributes <= MAX_GROUPS:
        bound += 1
    return bound
