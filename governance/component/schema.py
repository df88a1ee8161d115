"""``MultimodalAIComponent`` (apexlogic.io/v1alpha1): the one schema.

The models accept exactly what DESIGN 4 declares; unknown keys are errors. ``located.py`` turns
pydantic's errors into located problems.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from governance.clock import parse_duration_us
from governance.component.drift_tests import (  # noqa: TC001 - pydantic reads the annotations
    CategoricalTest,
    DriftTest,
    NumericTest,
)
from governance.component.fields import (  # noqa: TC001 - pydantic reads the annotations
    DurationUs,
    Outcome,
    Place,
    PositiveDurationUs,
    Ratio,
)
from governance.component.key import ComponentKey

API_VERSION = "apexlogic.io/v1alpha1"
KIND = "MultimodalAIComponent"

_DNS_LABEL = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
_DNS_NAME = r"^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$"


class _Block(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        arbitrary_types_allowed=True,
        allow_inf_nan=False,
    )


class Modality(StrEnum):
    """What a model reads."""

    TABULAR = "tabular"
    TEXT = "text"
    IMAGE = "image"
    VOICE = "voice"


class Metadata(_Block):
    """Kubernetes object metadata; only name and namespace mean something here."""

    name: str = Field(pattern=_DNS_NAME)
    namespace: str = Field(default="default", pattern=_DNS_LABEL)
    labels: Any = None
    annotations: Any = None
    # What the API server adds, so that `kubectl get -o yaml` can be read back.
    creation_timestamp: Any = None
    deletion_grace_period_seconds: Any = None
    deletion_timestamp: Any = None
    finalizers: Any = None
    generate_name: Any = None
    generation: Any = None
    managed_fields: Any = None
    owner_references: Any = None
    resource_version: Any = None
    self_link: Any = None
    uid: Any = None


class Model(_Block):
    """Identity of the model and where it is."""

    name: str = Field(min_length=1)
    version: str = Field(min_length=1)
    modality: tuple[Modality, ...] = Field(min_length=1)
    repository: str | None = None
    endpoint: str | None = None


class WebComponent(_Block):
    """The page that shows the model's answers; ``source_repo`` is where pull requests go."""

    framework: str | None = None
    source_repo: str | None = None


class PrivacyLevel(StrEnum):
    """What may leave the pod."""

    GDPR_COMPLIANT = "GDPR_compliant"
    OPEN = "open"


class DataPrivacy(_Block):
    """What may leave the pod, and how coarse."""

    level: PrivacyLevel = PrivacyLevel.GDPR_COMPLIANT
    anonymization_required: bool = False


class BiasDetection(_Block):
    """Fairness metrics with their limits; names as in Fairlearn."""

    thresholds: dict[str, Ratio] = Field(default_factory=dict)
    monitoring_endpoint: str | None = None
    minimum_group_size: int = Field(default=30, ge=2)
    metrics: tuple[str, ...] = ()  # shown without a threshold
    groups: tuple[str, ...] = ()  # attributes to judge; empty = all of signals.groups
    intersections: tuple[tuple[str, ...], ...] = ()


class ResourceLimits(_Block):
    """Kubernetes quantities."""

    cpu: str | None = None
    memory: str | None = None


class Autoscaling(_Block):
    """Bounds for rightsizing, and the daily cap."""

    min_replicas: int | None = Field(default=None, ge=0)
    max_replicas: int | None = Field(default=None, ge=1)
    target_cpu_utilization_percentage: int | None = Field(
        default=None, ge=1, le=100, alias="targetCPUUtilizationPercentage"
    )
    cost_threshold_usd_per_day: float | None = Field(
        default=None, ge=0, alias="costThresholdUSDPerDay"
    )


class CostOptimization(_Block):
    """Limits of cost, forecast and rightsizing checks."""

    resource_limits: ResourceLimits = ResourceLimits()
    autoscaling: Autoscaling = Autoscaling()


class AuditTrail(_Block):
    """Hash-chained record, and how long it is kept."""

    enabled: bool = True
    log_retention_days: int = Field(default=90, ge=1)


class Governance(_Block):
    """Privacy, fairness, cost, audit."""

    data_privacy: DataPrivacy = DataPrivacy()
    bias_detection: BiasDetection = BiasDetection()
    cost_optimization: CostOptimization = CostOptimization()
    audit_trail: AuditTrail = AuditTrail()


class RolloutMetric(_Block):
    """A limit of a canary: a share in [0, 1], a duration, or a number (tokens, bytes)."""

    name: str = Field(min_length=1)
    threshold: float | str

    @property
    def limit(self) -> float:
        """The threshold as a number; durations in milliseconds."""
        if isinstance(self.threshold, str):
            if self.threshold.strip().endswith("%"):
                return float(self.threshold.strip()[:-1]) / 100
            return parse_duration_us(self.threshold) / 1_000
        return float(self.threshold)

    @model_validator(mode="after")
    def _readable(self) -> RolloutMetric:
        _ = self.limit
        return self


class Release(_Block):
    """Canary checks, verdict, rollback."""

    strategy: Literal["canary", "blueGreen", "rolling"] = "rolling"
    rollout_metrics: tuple[RolloutMetric, ...] = ()
    rollback_on_failure: bool = False


class Favourable(_Block):
    """Which outcomes are favourable: listed values, or a score at or above a bound."""

    values: tuple[Outcome, ...] | None = Field(default=None, alias="in")
    at_least: float | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Favourable:
        if (self.values is None) == (self.at_least is None):
            raise ValueError("write exactly one of in: [...] and atLeast: NUMBER")
        if self.values == ():
            raise ValueError("in: [] makes no outcome favourable: list at least one")
        return self


class LabelSignal(_Block):
    """Where the ground truth is; ``favourable`` overrides that of the prediction."""

    source: Place = Field(alias="from")
    favourable: Favourable | None = None


class GroupSignal(_Block):
    """A sensitive attribute: where it is, and what its codes are called."""

    source: Place = Field(alias="from")
    names: dict[str, str] = Field(default_factory=dict)
    others: Literal["keep", "pool", "drop"] = "keep"

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        return {"from": value} if isinstance(value, str) else value


class FeatureSignal(_Block):
    """Which values are features of a modality."""

    source: Place = Field(alias="from")
    exclude: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    names: tuple[str, ...] = ()  # names of unnamed columns (a V2 tensor of shape [n, d])

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        return {"from": value} if isinstance(value, str) else value


def _label_short_form(value: object) -> object:
    return {"from": value} if isinstance(value, str) else value


class Signals(_Block):
    """Where things are in rows, requests and responses; defaults come from the protocol."""

    id: Place | None = None
    time: Place | None = None
    version: Place | None = None
    prediction: Place | None = None
    score: Place | None = None
    favourable: Favourable | None = None
    label: Annotated[LabelSignal, BeforeValidator(_label_short_form)] | None = None
    groups: dict[str, GroupSignal] = Field(default_factory=dict)
    features: dict[Modality, FeatureSignal] = Field(default_factory=dict)

    @property
    def of_numbers(self) -> bool:
        """Whether predictions and labels are numbers: no outcome is declared favourable."""
        return self.favourable is None and (self.label is None or self.label.favourable is None)


class Capture(_Block):
    """What the sidecar copies."""

    protocols: tuple[str, ...] = ()  # empty = all known
    max_body_bytes: int | None = Field(default=None, ge=0)
    cpu_budget: float = Field(default=0.2, gt=0)
    sampling: Ratio = 1.0
    upstream_port: int | None = Field(default=None, ge=1, le=65535)


class FromTraffic(_Block):
    """A reference taken from the first events of a version."""

    events: int = Field(ge=1_000)
    version: str | None = None


class Baseline(_Block):
    """The reference: a file of rows or a profile, or traffic."""

    uri: str | None = None
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    from_traffic: FromTraffic | None = None
    covers_rhythm: bool = False
    ordered: bool = False  # rows are in time order although they have no usable time

    @model_validator(mode="after")
    def _one_source(self) -> Baseline:
        if self.uri is not None and self.from_traffic is not None:
            raise ValueError("write one of uri and fromTraffic")
        return self


MOST_PANES_IN_A_WINDOW = 16  # with slide; the longest ladder then has 1,024 panes, about 5 MB


class Windows(_Block):
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


class LabelLimits(_Block):
    """Bounds of the label join."""

    max_pending: int = Field(default=2_000_000, ge=1_000)


class FeatureDrift(_Block):
    """Threshold and statistic of one drift subject."""

    threshold: float | None = Field(default=None, gt=0)
    test: DriftTest | None = None


class DriftSettings(_Block):
    """Drift thresholds: of all subjects, and per subject (a feature, prediction, score)."""

    threshold: float = Field(default=0.1, gt=0)
    numeric: NumericTest = "wasserstein"
    categorical: CategoricalTest = "jensenshannon"
    features: dict[str, FeatureDrift] = Field(default_factory=dict)


class Monitoring(_Block):
    """Windows, time bounds, the one knob for false alarms, drift thresholds."""

    windows: Windows = Windows()
    lateness: PositiveDurationUs = 600_000_000
    label_horizon: DurationUs = 604_800_000_000
    labels: LabelLimits = LabelLimits()
    max_loss: Ratio = 0.05
    false_alarm_every: int = Field(default=1_000, ge=20)
    retire_after: PositiveDurationUs = 86_400_000_000
    drift: DriftSettings = DriftSettings()


class ActionTrigger(_Block):
    """When an action is due: the check (``*`` as wildcard), its severity, for how many windows."""

    check: str = "*"
    severity: Literal["warning", "breach"] = "breach"
    windows: int = Field(default=1, ge=1)


class Action(_Block):
    """What is done when an alert fires."""

    on: ActionTrigger = ActionTrigger()
    action: Literal["retrain", "rollback", "notify"] = Field(alias="do")
    webhook: str = Field(min_length=1)
    cooldown: DurationUs = 3_600_000_000
    expires: PositiveDurationUs | None = None  # default 15m for rollback, none otherwise
    approval: Literal["automatic", "manual"] = "automatic"


class Spec(_Block):
    """What is watched, and how strictly."""

    model: Model
    web_component: WebComponent = WebComponent()
    governance: Governance = Governance()
    release: Release = Release()
    signals: Signals = Signals()
    capture: Capture = Capture()
    baseline: Baseline = Baseline()
    monitoring: Monitoring = Monitoring()
    actions: tuple[Action, ...] = ()


class Component(_Block):
    """One ``MultimodalAIComponent``."""

    api_version: Literal["apexlogic.io/v1alpha1"]
    kind: Literal["MultimodalAIComponent"]
    metadata: Metadata
    spec: Spec
    status: Any = None  # written by the cluster; ignored

    @property
    def key(self) -> ComponentKey:
        """``namespace/name``."""
        return ComponentKey(self.metadata.namespace, self.metadata.name)
