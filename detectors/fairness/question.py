"""What is asked of a ladder of windows: one metric of one subject under one rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from detectors.fairness.parity import Window

if TYPE_CHECKING:
    from detectors.fairness.group_rates import GroupRates
    from detectors.fairness.groups import Groups
    from detectors.fairness.metric import Metric
    from detectors.fairness.parity import Rule
    from detectors.fairness.score_cells import ScoreBin
    from detectors.outcome_table import Rate


@dataclass(frozen=True, slots=True)
class Question:
    """One metric of one subject under one rule."""

    subject: str
    modality: str
    metric: Metric
    rule: Rule

    def window(self, groups: Groups) -> Window:
        """The metric's rates of every group of a window."""
        rates = tuple(self.rates(groups, rate) for rate in self.metric.rates)
        return Window(groups.panes, rates, needs_all=not self.metric.needs_scores)

    def rates(self, groups: Groups, rate: Rate | ScoreBin) -> GroupRates:
        """One of the metric's rates, of every group of a window."""
        return groups.rates(rate, self.rule.minimum_group_size)
