"""The window that a fairness finding shows: its numbers, its groups and its remarks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, reduce
from itertools import compress
from typing import TYPE_CHECKING

import numpy as np

from detectors import label_caps, reasons
from detectors.fairness.cells import MAX_GROUPS
from detectors.outcome_table import FAVOURABLE, UNFAVOURABLE
from detectors.trailing import DISPLAY_ERROR
from governance.finding import GroupRate, Verdict

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.fairness.groups import Groups
    from detectors.fairness.metric import Metric
    from detectors.fairness.parity import Comparison
    from detectors.fairness.question import Question
    from detectors.fairness.score_cells import ScoreBin
    from detectors.outcome_table import Rate
    from governance.finding import Status


@dataclass(frozen=True, eq=False)  # not slotted: numbers and remarks ask for the same
class Reading:
    """The answer to a question in one window."""

    question: Question
    groups: Groups
    shown: Comparison

    @property
    def metric(self) -> Metric:
        """What is compared."""
        return self.question.metric

    @cached_property
    def kept(self) -> NDArray[np.bool_]:
        """Groups that were compared in any of the metric's rates, shape (groups,)."""
        return reduce(np.logical_or, self.shown.kept)

    @cached_property
    def points(self) -> list[float]:
        """The comparison's value by each of the compared rates."""
        return [self.metric.form.point(rates) for rates in self.shown.rates]

    @cached_property
    def worst(self) -> int:
        """Which of the compared rates gives the metric's value."""
        return self.points.index(self.metric.form.worst(self.points))

    @property
    def rate(self) -> Rate | ScoreBin:
        """The rate that gives the metric's value."""
        return self.metric.rates[self.shown.places[self.worst]]

    def labels_explain(self) -> bool:
        """Whether missing labels could make up what is seen."""
        return label_caps.explains(self.rate.fragile, self.groups.table, self.kept)

    def verdict(self, status: Status, reason: str, events: int) -> Verdict:
        """What the finding says; ``events`` are those of the newest pane."""
        question, metric = self.question, self.metric
        lower, upper = self.shown.bounds(metric.form)
        labels, _, coverage = (
            self.groups.labels(self.kept) if metric.needs_labels else (None, 0, None)
        )
        return Verdict(
            check=metric.name.value,
            subject=question.subject,
            modality=question.modality,
            status=status,
            reason=reason,
            value=self.points[self.worst],
            raw=None if metric.plain is None else self.shown.point(metric.plain),
            lower=lower,
            upper=upper,
            threshold=question.rule.threshold,
            panes=self.shown.panes,
            events=events,
            effective_events=float(self.shown.rates[self.worst].evidence[1].sum()),
            labels=labels,
            label_coverage=coverage,
            groups=self._groups(),
        )

    def remarks(self) -> tuple[str, ...]:
        """What a reader must know beside the numbers; empty texts where there is nothing."""
        return (
            f"worst_rate: {self.rate.name}" if len(self.metric.rates) > 1 else "",
            self._left_out(),
            self._labels_missing() if self.metric.needs_labels else "",
            reasons.beyond(self.groups.beyond, MAX_GROUPS),
        )

    def _groups(self) -> tuple[GroupRate, ...]:
        rates, kept = self.shown.rates[self.worst], self.shown.kept[self.worst]
        names = compress(self.groups.names, kept.tolist())
        columns = (rates.sizes, rates.shares, *rates.limits(DISPLAY_ERROR))
        rows = zip(names, *(column.tolist() for column in columns), strict=True)
        return tuple(GroupRate(*row) for row in rows)

    def _left_out(self) -> str:
        kept = self.shown.kept[self.worst]
        if kept.all():
            return ""
        sizes = self.question.rates(self.groups, self.rate).counted
        named = zip(self.groups.names, sizes.tolist(), kept.tolist(), strict=True)
        small = [(name, size) for name, size, keep in named if not keep]
        return reasons.left_out(small, self.question.rule.minimum_group_size, self.rate.denominator)

    def _labels_missing(self) -> str:
        _, missing, _ = self.groups.labels(self.kept)
        if missing == 0 or self.metric.needs_scores:
            return reasons.labels_missing_count(missing)
        return reasons.labels_missing(missing, self._if_all(UNFAVOURABLE), self._if_all(FAVOURABLE))

    def _if_all(self, label: int) -> float:
        """The metric's value if every missing label were ``label``, over the groups compared."""
        completed = replace(self.groups, table=self.groups.table.completed(label))
        rates = self.question.window(completed).rates
        kept = tuple(r.keep(mask) for r, mask in zip(rates, self.shown.kept, strict=True))
        return replace(self.shown, rates=kept).point(self.metric.form)
