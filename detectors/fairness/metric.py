"""What a fairness metric is: rates that are compared between groups, and in which form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from detectors.fairness.score_cells import ScoreBin

if TYPE_CHECKING:
    from detectors.fairness.parity import Form
    from detectors.outcome_table import Rate
    from governance.component.metrics import FairnessMetric


@dataclass(frozen=True)
class Metric:
    """A named comparison; several rates (equalised odds) are compared by their worst.

    ``plain`` gives what other tools print, where ``form`` takes the noise out of its value.
    """

    name: FairnessMetric
    form: Form
    rates: tuple[Rate, ...] | tuple[ScoreBin, ...]
    plain: Form | None = None

    @cached_property
    def needs_labels(self) -> bool:
        """Whether any of the rates is read from labelled events."""
        return any(rate.needs_labels for rate in self.rates)

    @cached_property
    def needs_scores(self) -> bool:
        """Whether the rates are bins of scores; those without two groups are then left out."""
        return any(isinstance(rate, ScoreBin) for rate in self.rates)
