"""``spec.monitoring``: windows, time bounds, the one knob for false alarms, drift thresholds."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from governance.component.alert_rules import AlertRule  # noqa: TC001 - pydantic reads it
from governance.component.block import Block
from governance.component.drift_tests import (  # noqa: TC001 - pydantic reads the annotations
    CategoricalTest,
    DriftTest,
    NumericTest,
)
from governance.component.fields import (  # noqa: TC001 - pydantic reads the annotations
    DurationUs,
    PositiveDurationUs,
    Ratio,
)

MOST_PANES_IN_A_WINDOW = 16  # with slide; the longest ladder then has 1,024 panes, about 5 MB


class Windows(Block):
    """Panes by time (``every``, optional ``slide``) or by count (``events``, ``maxAge``)."""

    every: PositiveDurationUs | None = None
    slide: PositiveDurationUs | None = None
    events: int | None = Field(default=None, ge=1)
    max_age: PositiveDurationUs | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Windows:
        if self.every is not None and self.events is not None:
            raise ValueError("write one of every and events")
        if self.events is not None and self.slide is not None:
            raise ValueError("slide goes with every")
        if self.events is None and self.max_age is not None:
            raise ValueError("maxAge goes with events")
        if self.slide is not None and self.every_us % self.slide:
            raise ValueError("slide must divide every")
        if self.every_us > MOST_PANES_IN_A_WINDOW * self.pane_us:
            raise ValueError(
                f"every is {self.every_us // self.pane_us} times slide, at most "
                f"{MOST_PANES_IN_A_WINDOW} times: a ladder of 64 windows keeps that many panes for "
                "each: declare a longer slide"
            )
        return self

    @property
    def kind(self) -> Literal["every", "events"]:
        """By time or by count."""
        return "every" if self.events is None else "events"

    @property
    def every_us(self) -> int:
        """Window length in microseconds; default 1h."""
        return 3_600_000_000 if self.every is None else self.every

    @property
    def pane_us(self) -> int:
        """Pane length in microseconds: ``slide``, else ``every``."""
        return self.every_us if self.slide is None else self.slide


class LabelLimits(Block):
    """Bounds of the label join."""

    max_pending: int = Field(default=2_000_000, ge=1_000)


class FeatureDrift(Block):
    """Threshold and statistic of one drift subject."""

    threshold: float | None = Field(default=None, gt=0)
    test: DriftTest | None = None


class DriftSettings(Block):
    """Drift thresholds: of all subjects, and per subject (a feature, prediction, score)."""

    threshold: float = Field(default=0.1, gt=0)
    numeric: NumericTest = "wasserstein"
    categorical: CategoricalTest = "jensenshannon"
    features: dict[str, FeatureDrift] = Field(default_factory=dict)


class Monitoring(Block):
    """Windows, time bounds, the one knob for false alarms, drift thresholds."""

    windows: Windows = Windows()
    lateness: PositiveDurationUs = 600_000_000
    label_horizon: DurationUs = 604_800_000_000
    labels: LabelLimits = LabelLimits()
    max_loss: Ratio = 0.05
    false_alarm_every: int = Field(default=1_000, ge=20)
    retire_after: PositiveDurationUs = 86_400_000_000
    drift: DriftSettings = DriftSettings()
    alerts: tuple[AlertRule, ...] = ()
