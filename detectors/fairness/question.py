"""What is asked of a ladder of windows: one metric of one subject under one rule."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from detectors.fairness.group_rates import GroupRates
from detectors.fairness.parity import Window
from detectors.fairness.score_cells import ScoreBin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from detectors.fairness.cells import Groups
    from detectors.fairness.metric import Metric
    from detectors.fairness.parity import Rule
    from detectors.group_reference import GroupReference
    from detectors.outcome_table import Rate


@dataclass(frozen=True, slots=True)
class Question:
    """One metric of one subject under one rule.

    ``known`` gives, by attribute, how much rates of groups differ between windows of the
    reference; empty = events are taken for independent.
    """

    subject: str
    modality: str
    metric: Metric
    rule: Rule
    known: Mapping[str, GroupReference] = field(default_factory=dict)

    def window(self, groups: Groups) -> Window:
        """The metric's rates of every group of a window."""
        rates = tuple(self.rates(groups, rate) for rate in self.metric.rates)
        return Window(groups.panes, rates, needs_all=not self.metric.needs_scores)

    def rates(self, groups: Groups, rate: Rate | ScoreBin) -> GroupRates:
        """One of the metric's rates, of every group of a window."""
        if isinstance(rate, ScoreBin):
            rates, counted = groups.scores.rates(rate), groups.scores.sizes()
        else:
            rates = GroupRates(*groups.table.share(rate), groups.table.kish_sizes(rate))
            counted = rates.sizes
        if not self.known:
            return rates
        return replace(rates, rho=self._rho(groups, rate.correlated_as, counted))

    def _rho(self, groups: Groups, rate: str, sizes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of an intersection's group the largest of its attributes'; shape (groups,)."""
        found = np.ones(len(groups.members))
        for place in np.flatnonzero(sizes >= self.rule.minimum_group_size / 2).tolist():
            n = float(sizes[place])  # smaller ones are compared with nobody
            for attribute, group in zip(groups.attributes, groups.members[place], strict=True):
                known = self.known.get(attribute)
                if known is not None:
                    found[place] = max(found[place], known.rho(group, rate, n))
        return found
