"""The additive cells of fairness: (group x prediction) and (group x prediction x label).

A subject is one attribute, or an intersection of several whose names are joined by ``CROSS``. Its
arrays are ``fairness.<subject>.predictions`` and ``.outcomes``, one group axis per attribute. On a
group axis position 0 holds events beyond the bound, 1 events in no group, 2 + c the stable code c:
nothing is left out of the cells, and the axis can only grow at its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from detectors.cells import count, read
from detectors.outcome_table import OUTCOMES, OutcomeTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from detectors.trailing import Trailing
    from governance.algebra.sums import Sums
    from governance.event import EventBatch

PREFIX = "fairness."
MAX_GROUPS = 1_024  # groups of one subject; later codes are counted as beyond
CROSS = " \N{MULTIPLICATION SIGN} "
_BEYOND, _NO_GROUP, _FIRST = 0, 1, 2


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
        bound = 1
        while (bound + 1) ** len(self.attributes) <= MAX_GROUPS:
            bound += 1
        return bound


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of a subject in one window; ``beyond`` counts events past the bound."""

    panes: int
    names: tuple[str, ...]
    table: OutcomeTable
    beyond: int


def count_groups(
    subject: Subject,
    batch: EventBatch,
    outcomes: tuple[NDArray[np.intp], ...],
    weight: NDArray[np.float64] | None,
) -> Sums:
    """Arrays of one batch; ``outcomes`` are axis positions: prediction, and label if known."""
    positions = [_positions(batch, attribute, subject.bound) for attribute in subject.attributes]
    shape = tuple(int(p.max(initial=_NO_GROUP)) + 1 for p in positions)
    shape += (OUTCOMES,) * len(outcomes)
    part = "predictions" if len(outcomes) == 1 else "outcomes"
    return count(_array(subject, part), _packed((*positions, *outcomes), shape), shape, weight)


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
    axes = tuple(_FIRST + len(known) for known in names)
    everyone = read(window.sums, _array(subject, "predictions"), (*axes, OUTCOMES))
    labelled = read(window.outcomes, _array(subject, "outcomes"), (*axes, OUTCOMES, OUTCOMES))
    named = (slice(_FIRST, None),) * len(axes)
    within = (slice(_NO_GROUP, None),) * len(axes)
    table = OutcomeTable(
        everyone[named].reshape(-1, OUTCOMES), labelled[named].reshape(-1, OUTCOMES, OUTCOMES)
    )
    beyond = everyone.events.sum() - everyone[within].events.sum()
    joint = tuple(CROSS.join(combination) for combination in product(*names))
    return Groups(window.panes, joint, table, int(beyond))


def _array(subject: Subject, part: str) -> str:
    return f"{PREFIX}{subject.name}.{part}"


def _positions(batch: EventBatch, attribute: str, bound: int) -> NDArray[np.intp]:
    """Positions on the group axis, shape (n,)."""
    column = batch.columns.get(f"group.{attribute}")
    if column is None:
        return np.full(batch.n, _NO_GROUP, dtype=np.intp)
    positions: NDArray[np.intp] = column.values + np.intp(_FIRST)
    if positions.max(initial=0) >= _FIRST + bound:
        positions[positions >= _FIRST + bound] = _BEYOND
    return positions


def _packed(axes: tuple[NDArray[np.intp], ...], shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Flat cell indices, row-major: ``ravel_multi_index`` without its checks."""
    keys = axes[0]
    for axis, size in zip(axes[1:], shape[1:], strict=True):
        keys = keys * size
        keys += axis
    return keys
