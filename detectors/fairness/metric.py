"""What a fairness metric is: rates that are compared between groups, and in which form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detectors.fairness.parity import Form
    from detectors.outcome_table import Rate
    from governance.component.metrics import FairnessMetric


@dataclass(frozen=True, slots=True)
class Metric:
    """A named comparison; several rates (equalised odds) are compared by their worst."""

    name: FairnessMetric
    form: Form
    rates: tuple[Rate, ...]

    @property
    def needs_labels(self) -> bool:
        """Whether any of the rates is read from labelled events."""
        return any(rate.needs_labels for rate in self.rates)
