"""How much rates of groups differ between windows of the reference: rho per group and rate.

Selected persons come in households, sessions and days, so a window of n of a group knows less of
its rate than n independent events do. How much less is measured on the reference, per attribute,
group and rate, for every length of the ladder (STATISTICS 1.2, on two outcomes).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.fairness.demographic_parity import SELECTION
from detectors.fairness.equal_opportunity import TRUE_POSITIVE
from detectors.fairness.false_positive_parity import FALSE_POSITIVE
from detectors.fairness.predictive_parity import PREDICTIVE_VALUE
from detectors.feature_reference import RowPanes
from detectors.outcome_table import OUTCOMES, outcome_codes
from detectors.performance.accuracy import RIGHT
from detectors.stats.overdispersion import FEWEST_BLOCKS, SLACK, Block, rho_ladder
from detectors.vocabulary import MOST_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from detectors.outcome_table import Place, Rate
    from governance.event import Column, EventBatch

    Ladders = dict[str, tuple[Block, ...]]  # by rate

PREFIX = "group."
RATES = (SELECTION, TRUE_POSITIVE, FALSE_POSITIVE, PREDICTIVE_VALUE, RIGHT)
RATE_NAMES = frozenset(rate.name for rate in RATES)


@dataclass(frozen=True, slots=True, eq=False)
class GroupReference:
    """The ladders of the groups of one attribute, by group and rate."""

    groups: Mapping[str, Ladders] = field(default_factory=dict)

    def content(self) -> dict[str, Any]:
        """As plain JSON; ``detectors.profile`` reads it back."""
        return {
            name: {rate: [[b.k, b.rows, b.rho] for b in ladder] for rate, ladder in known.items()}
            for name, known in self.groups.items()
        }

    def with_keyed(self, keyed: Callable[[str], str]) -> GroupReference:
        """Groups are also known by the codes by which undeclared names travel."""
        codes = {keyed(name): known for name, known in self.groups.items()}
        return GroupReference({**codes, **self.groups})

    def rho(self, group: str, rate: str, n: float) -> float:
        """The rho of a window in which ``n`` events of a group count for a rate; at least 1.

        That of the smallest block of the reference with at least n such events, and of the largest
        where a window is larger than all. Where the group was not measured, the largest of the
        attribute's other groups; 1 where nothing was.
        """
        known = self.groups.get(group, {}).get(rate)
        if known:
            return _at(known, n)
        others = (ladders[rate] for ladders in self.groups.values() if rate in ladders)
        return max((_at(ladder, n) for ladder in others), default=1.0)


def group_references(batch: EventBatch, panes: RowPanes | None) -> dict[str, GroupReference]:
    """Measure the attributes of reference rows.

    Parameters
    ----------
    batch
        All rows in file order, with ``favourable``, ``label`` where there are any, and
        ``group.<attribute>``; at most the ``MOST_NAMES`` largest groups are measured.
    panes
        How production would have cut the rows; None = they are not in time order, so nothing can
        be measured.

    Returns
    -------
    dict
        By attribute; without those of which no group has eight blocks.
    """
    if panes is None or "favourable" not in batch.columns:
        return {}
    outcomes = _Outcomes(
        outcome_codes(batch.columns["favourable"], batch.n),
        outcome_codes(batch.columns.get("label"), batch.n),
    )
    measured = {
        name.removeprefix(PREFIX): GroupReference(dict(_groups(column, outcomes, panes)))
        for name, column in batch.columns.items()
        if name.startswith(PREFIX) and column.dictionary is not None
    }
    return {attribute: known for attribute, known in measured.items() if known.groups}


@dataclass(frozen=True, slots=True)
class _Outcomes:
    """Axis positions of prediction and label of every row, shape (n,)."""

    prediction: NDArray[np.uint8]
    label: NDArray[np.uint8]

    def at(self, places: tuple[Place, ...]) -> NDArray[np.bool_]:
        """Which rows lie at any of the places of a rate, shape (n,)."""
        table = np.zeros((OUTCOMES, OUTCOMES), dtype=np.bool_)
        for place in places:
            table[place] = True
        inside: NDArray[np.bool_] = table[self.prediction, self.label]
        return inside


def _groups(column: Column, outcomes: _Outcomes, panes: RowPanes) -> Iterator[tuple[str, Ladders]]:
    names = column.dictionary or ()
    sizes = np.bincount(column.values[column.values >= 0], minlength=len(names))
    largest = np.argsort(-sizes, kind="stable")[:MOST_NAMES]
    for code in sorted(largest.tolist(), key=lambda code: names[code]):
        rows = np.flatnonzero(column.values == code)
        own = _Outcomes(outcomes.prediction[rows], outcomes.label[rows])
        ladders = {rate.name: _ladder(own, rate, rows, panes) for rate in RATES}
        measured = {name: ladder for name, ladder in ladders.items() if ladder}
        if measured:
            yield names[code], measured


def _ladder(
    own: _Outcomes, rate: Rate, rows: NDArray[np.intp], panes: RowPanes
) -> tuple[Block, ...]:
    """As production cuts windows; where fewer than eight have such events, eighths of these."""
    inside = own.at(rate.whole)
    success, n = own.at(rate.success)[inside], int(inside.sum())
    if n < FEWEST_BLOCKS:
        return ()
    cut = RowPanes(panes.numbers[rows[inside]], panes.complete, panes.unit)
    eighths = RowPanes(np.arange(n) // (n // FEWEST_BLOCKS), FEWEST_BLOCKS)
    return _measured(success, cut) or _measured(success, eighths)


def _measured(success: NDArray[np.bool_], cut: RowPanes) -> tuple[Block, ...]:
    numbers, place = np.unique(cut.numbers, return_inverse=True)
    counts = np.bincount(place * 2 + success, minlength=2 * len(numbers)).reshape(-1, 2)
    return rho_ladder(
        counts,
        np.bincount(success, minlength=2),
        numbers=numbers,
        complete=cut.complete,
        unit=cut.unit,
    )


def _at(ladder: tuple[Block, ...], n: float) -> float:
    for block in ladder:
        if n <= block.rows * SLACK:
            return block.rho
    return ladder[-1].rho
