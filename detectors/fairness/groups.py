"""The groups of a subject in one window, read from its cells, and the rates of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from detectors.cells import kish_sizes, read, share
from detectors.fairness.cells import (
    BY_LABEL,
    CALIBRATION,
    CROSS,
    PREDICTIONS,
    SCORES,
    Subject,
    array_name,
)
from detectors.fairness.group_keys import FIRST_GROUP, NO_GROUP
from detectors.fairness.group_rates import GroupRates
from detectors.fairness.score_cells import SCORE_BINS, SCORE_SCALE, ScoreBin, ScoreTable
from detectors.outcome_table import OUTCOMES, OutcomeTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from detectors.group_reference import GroupReference
    from detectors.outcome_table import Rate
    from detectors.trailing import Trailing

    Labels = tuple[int, int, float | None]


@dataclass(frozen=True, eq=False)  # not slotted: what several questions ask is read once
class Groups:
    """The groups of a subject in one window; ``beyond`` counts events past the bound.

    ``members`` says of every group which group of each of the subject's attributes it is, ``names``
    what it is called. ``known`` gives, by attribute, how much rates of groups differ between
    windows of the reference; empty = events are taken for independent.
    """

    panes: int
    attributes: tuple[str, ...]
    members: tuple[tuple[str, ...], ...]
    names: tuple[str, ...]
    table: OutcomeTable
    scores: ScoreTable
    beyond: int
    known: Mapping[str, GroupReference] = field(default_factory=dict)
    _rates: dict[tuple[Rate | ScoreBin, float], GroupRates] = field(
        default_factory=dict, init=False
    )
    _labels: dict[bytes, Labels] = field(default_factory=dict, init=False)

    def rates(self, rate: Rate | ScoreBin, minimum: float) -> GroupRates:
        """A rate of every group; how much it varies is not looked up of groups below ``minimum``.

        They are compared with nobody.
        """
        key = rate, minimum
        if key not in self._rates:
            self._rates[key] = self._read(rate, minimum)
        return self._rates[key]

    def labels(self, groups: NDArray[np.bool_]) -> Labels:
        """``OutcomeTable.labels`` of the marked groups."""
        key = groups.tobytes()
        if key not in self._labels:
            self._labels[key] = self.table.labels(groups)
        return self._labels[key]

    def _read(self, rate: Rate | ScoreBin, minimum: float) -> GroupRates:
        if isinstance(rate, ScoreBin):
            rates = self.scores.rates(rate)
        else:
            success, whole = self.table.counts(rate)
            rates = GroupRates(*share(success, whole), kish_sizes(whole))
        if not self.known:
            return rates
        counted = self.scores.sizes if isinstance(rate, ScoreBin) else rates.sizes
        return replace(rates, rho=self._rho(rate.correlated_as, counted, minimum))

    def _rho(self, rate: str, sizes: NDArray[np.float64], minimum: float) -> NDArray[np.float64]:
        """Of an intersection's group the largest of its attributes'; shape (groups,)."""
        found = np.ones(len(self.members))
        for place in np.flatnonzero(sizes >= minimum / 2).tolist():
            n = float(sizes[place])
            for attribute, group in zip(self.attributes, self.members[place], strict=True):
                known = self.known.get(attribute)
                if known is not None:
                    found[place] = max(found[place], known.rho(group, rate, n))
        return found


def read_groups(
    window: Trailing,
    subject: Subject,
    vocabulary: Mapping[str, tuple[str, ...]],
    known: Mapping[str, GroupReference] | None = None,
) -> Groups:
    """Every group that has a name, in the order of the codes.

    Raises
    ------
    ShapeError
        If the cells hold a code that the vocabulary has no name for.
    """
    names = tuple(vocabulary.get(a, ())[: subject.bound] for a in subject.attributes)
    axes = tuple(FIRST_GROUP + len(each) for each in names)
    everyone = read(window.sums, array_name(subject, PREDICTIONS), (*axes, OUTCOMES))
    labelled = read(window.outcomes, array_name(subject, BY_LABEL), (*axes, OUTCOMES, OUTCOMES))
    named = (slice(FIRST_GROUP, None),) * len(axes)
    within = (slice(NO_GROUP, None),) * len(axes)
    table = OutcomeTable(
        everyone[named].reshape(-1, OUTCOMES), labelled[named].reshape(-1, OUTCOMES, OUTCOMES)
    )
    beyond = everyone.events.sum() - everyone.events[within].sum()
    members, joined = _members(names)
    scores = _scores(window, subject, axes)
    return Groups(
        window.panes,
        subject.attributes,
        members,
        joined,
        table,
        scores,
        int(beyond),
        {} if known is None else known,
    )


def _scores(window: Trailing, subject: Subject, axes: tuple[int, ...]) -> ScoreTable:
    labels, scores = array_name(subject, CALIBRATION), array_name(subject, SCORES)
    named = (slice(FIRST_GROUP, None),) * len(axes)
    counted = read(window.outcomes, labels, (*axes, SCORE_BINS, OUTCOMES))[named]
    summed = read(window.outcomes, scores, (*axes, SCORE_BINS)).events[named]
    return ScoreTable(
        counted.reshape(-1, SCORE_BINS, OUTCOMES), summed.reshape(-1, SCORE_BINS) / SCORE_SCALE
    )


@lru_cache(maxsize=256)
def _members(
    names: tuple[tuple[str, ...], ...],
) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """The groups of an intersection, and what they are called: joined by ``CROSS``."""
    members = tuple(product(*names))
    return members, tuple(CROSS.join(each) for each in members)
