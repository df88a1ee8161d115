"""What the API takes and gives, for OpenAPI: parameters with bounds, answers with examples."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field

from governance.finding import Status

_DNS_LABEL = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
_DNS_NAME = r"^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$"
_ANY = r"^[^\x00]*$"  # no database keeps it

Namespace = Annotated[str, Path(pattern=_DNS_LABEL, examples=["shop"])]
Name = Annotated[str, Path(pattern=_DNS_NAME, examples=["prices"])]
Text = Annotated[str | None, Query(max_length=253, pattern=_ANY)]
Instant = Annotated[
    str | None,
    Query(max_length=40, pattern=_ANY, examples=["2026-11-24T12:00:00Z"]),
]
Cursor = Annotated[
    str | None, Query(max_length=1_000, pattern=_ANY, description="from the page before")
]
Limit = Annotated[int, Query(ge=1, le=1_000)]


class Shape(BaseModel):
    """An object that is shown; further fields may come."""

    model_config = ConfigDict(extra="allow")


class WindowShape(Shape):
    """The newest pane that a finding speaks of."""

    kind: Literal["every", "events"]
    number: int
    start: str
    end: str
    partial: bool


class FindingShape(Shape):
    """One statistic of one subject in one window, as ``evenhand replay --json`` prints it."""

    id: str = Field(examples=["0b5f5d2a6c1d4f0e9a3b7c8d9e0f1a2b"])
    revision: int
    namespace: str
    component: str
    version: str
    generation: int
    window: WindowShape
    modality: str
    check: str = Field(examples=["drift"])
    subject: str = Field(examples=["age"])
    test: str
    value: float | None
    lower: float | None
    upper: float | None
    threshold: float | None
    evidence: float | None = Field(description="log10 of the e-value against 'nothing changed'")
    status: Status
    reason: str


class FindingsShape(Shape):
    """A page, newest window first."""

    findings: list[FindingShape]
    cursor: str | None = Field(description="of the next page; null: this was the last")


class VersionShape(Shape):
    """A model version and its newest judged window."""

    version: str
    window: WindowShape


class ComponentShape(Shape):
    """A component, its versions most recently judged first."""

    namespace: str
    name: str
    generation: int
    commit: str | None
    versions: list[VersionShape]


class ComponentsShape(Shape):
    """A page, by namespace and name."""

    components: list[ComponentShape]
    cursor: str | None


class ShownComponentShape(ComponentShape):
    """One component with its declaration, newest findings and alerts."""

    status: Status = Field(description="ok, blind or idle, by the wall clock")
    reason: str
    spec: dict[str, Any]
    findings: list[FindingShape]
    alerts: list[dict[str, Any]]


class AlertShape(Shape):
    """One alert as it stands, with the windows that decide on it."""

    fingerprint: str
    namespace: str
    component: str
    version: str
    modality: str
    check: str
    state: Literal["inactive", "pending", "firing", "resolved"]
    severity: Literal["warning", "breach"]
    incident: int
    generation: int
    reason: str = Field(examples=["confirmed: 2 of the last 3 windows are breach"])
    windows: list[dict[str, Any]]


class AlertsShape(Shape):
    """A page, by component, version, modality and check."""

    alerts: list[AlertShape]
    cursor: str | None


class ReferenceShape(Shape):
    """What findings were measured against, named by the hash of its content."""

    reference: str
    versions: list[str]
    created: str | None
    size_bytes: int | None = Field(description="null where it is kept elsewhere")


class ReferencesShape(Shape):
    """References that the newest findings of a component name."""

    references: list[ReferenceShape]


class CheckVerdictShape(Shape):
    """What one check says for the release."""

    check: str
    verdict: Literal["pass", "fail", "inconclusive"]
    reason: str
    finding: str | None
    revision: int | None


class VerdictShape(Shape):
    """May this version go on?"""  # noqa: D400 - it is a question

    verdict: Literal["pass", "fail", "inconclusive"]
    reasons: list[str] = Field(examples=[["error_rate: stale: its last window ended 3h ago"]])
    rollback: bool = Field(description="fail, and the component declares rollbackOnFailure")
    namespace: str
    component: str
    version: str
    baseline: str | None
    generation: int
    commit: str | None
    at: str
    checks: list[CheckVerdictShape]
