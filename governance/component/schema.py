"""``MultimodalAIComponent`` (apexlogic.io/v1alpha1): the one schema.

The models accept exactly what DESIGN 4 declares; unknown keys are errors. ``located.py`` turns
pydantic's errors into located problems.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import AliasChoices, Field, model_validator

from governance.clock import parse_duration_us
from governance.component.block import Block
from governance.component.fields import (  # noqa: TC001 - pydantic reads the annotations
    DurationUs,
    PositiveDurationUs,
    Ratio,
)
from governance.component.key import ComponentKey
from governance.component.modality import Modality as Modality  # noqa: PLC0414, TC001
from governance.component.monitoring import DriftSettings as DriftSettings  # noqa: PLC0414
from governance.component.monitoring import FeatureDrift as FeatureDrift  # noqa: PLC0414
from governance.component.monitoring import Monitoring as Monitoring  # noqa: PLC0414
from governance.component.monitoring import Windows as Windows  # noqa: PLC0414
from governance.component.signals import Favourable as Favourable  # noqa: PLC0414
from governance.component.signals import FeatureSignal as FeatureSignal  # noqa: PLC0414
from governance.component.signals import GroupSignal as GroupSignal  # noqa: PLC0414
from governance.component.signals import LabelSignal as LabelSignal  # noqa: PLC0414
from governance.component.signals import Signals as Signals  # noqa: PLC0414

API_VERSION = "apexlogic.io/v1alpha1"
KIND = "MultimodalAIComponent"

_DNS_LABEL = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
_DNS_NAME = r"^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$"


class Metadata(Block):
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


class Model(Block):
    """Identity of the model and where it is."""

    name: str = Field(min_length=1)
    version: str = Field(min_length=1)
    modality: tuple[Modality, ...] = Field(min_length=1)
    repository: str | None = None
    endpoint: str | None = None


class WebComponent(Block):
    """The page that shows the model's answers; ``sourceRepo`` is where pull requests go."""

    framework: str | None = None
    source_repo: str | None = None


class PrivacyLevel(StrEnum):
    """What may leave the pod."""

    GDPR_COMPLIANT = "GDPR_compliant"
    OPEN = "open"


class DataPrivacy(Block):
    """What may leave the pod, and how coarse."""

    level: PrivacyLevel = PrivacyLevel.GDPR_COMPLIANT
    anonymization_required: bool = False


class BiasDetection(Block):
    """Fairness metrics with their limits; names as in Fairlearn."""

    thresholds: dict[str, Ratio] = Field(default_factory=dict)
    monitoring_endpoint: str | None = None
    minimum_group_size: int = Field(default=30, ge=2)
    metrics: tuple[str, ...] = ()  # shown without a threshold
    groups: tuple[str, ...] = ()  # attributes to judge; empty = all of signals.groups
    intersections: tuple[tuple[str, ...], ...] = ()


class ResourceLimits(Block):
    """Kubernetes quantities."""

    cpu: str | None = None
    memory: str | None = None


class Autoscaling(Block):
    """Bounds for rightsizing, and the daily cap."""

    min_replicas: int | None = Field(default=None, ge=0)
    max_replicas: int | None = Field(default=None, ge=1)
    target_cpu_utilization_percentage: int | None = Field(
        default=None, ge=1, le=100, alias="targetCPUUtilizationPercentage"
    )
    cost_threshold_usd_per_day: float | None = Field(
        default=None, ge=0, alias="costThresholdUSDPerDay"
    )


class CostOptimization(Block):
    """Limits of cost, forecast and rightsizing checks."""

    resource_limits: ResourceLimits = ResourceLimits()
    autoscaling: Autoscaling = Autoscaling()


class AuditTrail(Block):
    """Hash-chained record, and how long it is kept."""

    enabled: bool = True
    log_retention_days: int = Field(default=90, ge=1)


class Governance(Block):
    """Privacy, fairness, cost, audit."""

    data_privacy: DataPrivacy = DataPrivacy()
    bias_detection: BiasDetection = BiasDetection()
    cost_optimization: CostOptimization = CostOptimization()
    audit_trail: AuditTrail = AuditTrail()


class RolloutMetric(Block):
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


class Release(Block):
    """Canary checks, verdict, rollback."""

    strategy: Literal["canary", "blueGreen", "rolling"] = "rolling"
    rollout_metrics: tuple[RolloutMetric, ...] = ()
    rollback_on_failure: bool = False


class Capture(Block):
    """What the sidecar copies."""

    protocols: tuple[str, ...] = ()  # empty = all known
    max_body_bytes: int | None = Field(default=None, ge=0)
    cpu_budget: float = Field(default=0.2, gt=0)
    sampling: Ratio = 1.0
    upstream_port: int | None = Field(default=None, ge=1, le=65535)


class FromTraffic(Block):
    """A reference taken from the first events of a version."""

    events: int = Field(ge=1_000)
    version: str | None = None


class Baseline(Block):
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


class ActionTrigger(Block):
    """When an action is due: the check (``*`` as wildcard), its severity, for how many windows."""

    check: str = "*"
    severity: Literal["warning", "breach"] = "breach"
    windows: int = Field(default=1, ge=1)


class RegistryMove(Block):
    """Roll back by moving an alias of the model in the registry ``spec.model.repository``.

    ``alias`` is what serves; it is given the version that ``fallback`` names.
    """

    model: str | None = Field(default=None, min_length=1)  # default: spec.model.name
    alias: str = Field(default="champion", min_length=1)
    fallback: str = Field(default="fallback", min_length=1)


class Action(Block):
    """What is done when an alert fires: a webhook is told, or an alias of the registry is moved.

    ``when`` may be written ``on`` as well. kubectl reads YAML 1.1, where a bare ``on:`` is the key
    true, so in a cluster ``on`` needs quotes.
    """

    on: ActionTrigger = Field(
        default=ActionTrigger(),
        alias="when",
        validation_alias=AliasChoices("when", "on"),
        json_schema_extra={"also": "on"},
    )
    action: Literal["retrain", "rollback", "notify"] = Field(alias="do")
    webhook: str | None = Field(default=None, min_length=1)
    registry: RegistryMove | None = None
    cooldown: DurationUs = 3_600_000_000
    expires: PositiveDurationUs | None = None  # default 15m for rollback, none otherwise
    approval: Literal["automatic", "manual"] = "automatic"
    dry_run: bool = False  # everything but the sending: the outbox shows what would have gone out

    @model_validator(mode="before")
    @classmethod
    def _one_name(cls, value: object) -> object:
        if isinstance(value, dict) and "when" in value and "on" in value:
            raise ValueError("write one of when and on: they are two names of one thing")
        return value

    @model_validator(mode="after")
    def _one_receiver(self) -> Action:
        if (self.webhook is None) == (self.registry is None):
            raise ValueError("an action has one receiver: write webhook: NAME, or registry: {...}")
        if self.registry is not None and self.action != "rollback":
            raise ValueError("only a rollback moves an alias of the registry: write webhook: NAME")
        return self


class Spec(Block):
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


class Component(Block):
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
