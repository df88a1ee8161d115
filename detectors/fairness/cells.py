"""The additive cells of fairness: (group x prediction) and (group x prediction x label).

A subject is one attribute, or an intersection of several whose names are joined by ``CROSS``. Its
arrays are ``fairness.<subject>.predictions`` and ``.outcomes``, and where calibration is asked for
``.calibration`` and ``.scores`` (``score_cells``), one group axis per attribute (``group_keys``).
Nothing is left out of the cells, and a group axis can only grow at its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from detectors.axis import Axis
from detectors.cells import count, margin, read
from detectors.fairness.group_keys import FIRST_GROUP, NO_GROUP, GroupKeys
from detectors.fairness.score_cells import (
    SCORE_BINS,
    SCORE_SCALE,
    ScoreTable,
    bin_of,
    scored,
)
from detectors.outcome_table import OUTCOMES, OutcomeTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from detectors.axis import Box
    from detectors.trailing import Trailing
    from governance.algebra.sums import Sums
    from governance.event import EventBatch

PREFIX = "fairness."
MAX_GROUPS = 1_024  # groups of one subject; later codes are counted as beyond
CROSS = " \N{MULTIPLICATION SIGN} "
_LABELS, _SCORES = "calibration", "scores"


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


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of a subject in one window; ``beyond`` counts events past the bound.

    ``members`` says of every group which group of each of the subject's attributes it is.
    """

    panes: int
    attributes: tuple[str, ...]
    members: tuple[tuple[str, ...], ...]
    table: OutcomeTable
    scores: ScoreTable
    beyond: int

    @property
    def names(self) -> tuple[str, ...]:
        """What the groups are called; those of an intersection are joined by ``CROSS``."""
        return tuple(CROSS.join(members) for members in self.members)


def count_groups(
    subjects: Sequence[Subject],
    batch: EventBatch,
    outcomes: tuple[Axis, ...],
    weight: NDArray[np.float64] | None,
) -> Sums:
    """Arrays of one batch; ``outcomes`` are the axes of the prediction, and of the label if any."""
    part = "predictions" if len(outcomes) == 1 else "outcomes"
    keys = GroupKeys(subjects, batch)
    sums: Sums = {}
    counted, margins = keys.counted()
    for subject, cells, box in keys.cells(counted, outcomes):
        sums |= _within(box, count(_array(subject, part), cells, box.widths, weight))
    for one in margins:
        sums |= margin(_array(one.subject, part), sums, _array(one.whole, part), one.axes)
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
        sums |= _within(box, count(_array(subject, _LABELS), cells, box.widths, weight))
    for subject, cells, box in keys.cells(counted, (bins,)):
        total = np.bincount(cells, weights=amounts, minlength=box.size)
        sums[_array(subject, _SCORES)] = box.within(total.astype(np.int64))
    for one in margins:
        for part in (_LABELS, _SCORES):
            sums |= margin(_array(one.subject, part), sums, _array(one.whole, part), one.axes)
    return sums


def read_groups(
    window: Trailing, subject: Subject, vocabulary: Mapping[str, tuple[str, ...]]
) -> Groups:
    """Every group that has a name, in the order of the codes.

    Raises
    ------
    ShapeError
        If the cells hold a code that the vocabulary has no name for.
    """
    names = [vocabulary.get(a, ())[: subject.bound] for a in subject.attributes]
    axes = tuple(FIRST_GROUP + len(known) for known in names)
    everyone = read(window.sums, _array(subject, "predictions"), (*axes, OUTCOMES))
    labelled = read(window.outcomes, _array(subject, "outcomes"), (*axes, OUTCOMES, OUTCOMES))
    named = (slice(FIRST_GROUP, None),) * len(axes)
    within = (slice(NO_GROUP, None),) * len(axes)
    table = OutcomeTable(
        everyone[named].reshape(-1, OUTCOMES), labelled[named].reshape(-1, OUTCOMES, OUTCOMES)
    )
    scores = ScoreTable(
        read(window.outcomes, _array(subject, _LABELS), (*axes, SCORE_BINS, OUTCOMES))[
            named
        ].reshape(-1, SCORE_BINS, OUTCOMES),
        read(window.outcomes, _array(subject, _SCORES), (*axes, SCORE_BINS))
        .events[named]
        .reshape(-1, SCORE_BINS)
        / SCORE_SCALE,
    )
    beyond = everyone.events.sum() - everyone[within].events.sum()
    members = tuple(product(*names))
    return Groups(window.panes, subject.attributes, members, table, scores, int(beyond))


def _within(box: Box, counted: Sums) -> Sums:
    return {name: box.within(cells) for name, cells in counted.items()}


def _array(subject: Subject, part: str) -> str:
    return f"{PREFIX}{subject.name}.{part}"


@cache
def _bound(attributes: int) -> int:
    bound = 1
    while (bound + 1) ** attributes <= MAX_GROUPS:
        bound += 1
    return bound
