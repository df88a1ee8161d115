"""``status`` of a ``MultimodalAIComponent``: what the operator writes and nobody else.

It is the part of the CRD that no file declares; the words of ``worst_status`` are those of
findings, in which ``breach`` is worst.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from governance.component.block import Block

_Instant = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
_Status = Literal["ok", "warning", "breach", "insufficient", "blind", "idle"]


class Condition(Block):
    """A condition as Kubernetes' own objects have them."""

    type: str = Field(max_length=316)
    status: Literal["True", "False", "Unknown"]
    observed_generation: int | None = Field(default=None, ge=0)
    last_transition_time: _Instant
    reason: str = Field(
        min_length=1, max_length=1024, pattern="^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
    )
    message: str = Field(max_length=32768)


class LastWindow(Block):
    """The newest window that was judged."""

    number: int
    start: _Instant
    end: _Instant
    version: str | None = None


class AlertCounts(Block):
    """How many alerts are firing and pending."""

    firing: int = Field(ge=0)
    pending: int = Field(ge=0)


class FiringAlert(Block):
    """One alert that fires."""

    check: str
    modality: str
    version: str
    severity: Literal["warning", "breach"]
    since: _Instant


class Pods(Block):
    """Pods that carry the component's label."""

    injected: int = Field(ge=0)
    refused: int = Field(ge=0)  # admitted untouched, with a reason
    missing: int = Field(ge=0)  # started while the webhook was away
    outdated: int = Field(ge=0)  # a sidecar of an earlier spec


class InForce(Block):
    """What detectors judge by, beside what is declared."""

    generation: int | None = None  # of the component, as findings name it
    hash: str | None = None  # of the spec that the database holds
    declared: str | None = None  # of this object's spec


class ComponentStatus(Block):
    """What is known of a component; written by `evenhand operate`."""

    observed_generation: int | None = Field(default=None, ge=0)
    worst_status: _Status | None = None
    last_window: LastWindow | None = None
    alerts: AlertCounts | None = None
    firing: tuple[FiringAlert, ...] = Field(default=(), max_length=100)
    pods: Pods | None = None
    in_force: InForce | None = None
    conditions: tuple[Condition, ...] = Field(
        default=(),
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    )
