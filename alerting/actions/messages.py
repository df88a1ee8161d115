"""The messages that receivers get: their types are the published JSON Schemas (docs/schemas/).

Standard Webhooks: ``type``, ``timestamp``, ``data``. A field is never taken away and never changes
its meaning; receivers ignore fields that they do not know.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

MAX_JUDGEMENTS = 20

Instant = Annotated[
    str, Meta(description="RFC 3339, UTC", extra_json_schema={"format": "date-time"})
]
Count = Annotated[int, Meta(ge=0)]


class _Part(Struct, frozen=True, kw_only=True):
    pass


class JudgedWindow(_Part, frozen=True, kw_only=True):
    """The newest window that decided."""

    number: int
    start: Instant
    end: Instant


class Judged(_Part, frozen=True, kw_only=True):
    """What one subject (a feature, an attribute; empty: the component) was found to be.

    `finding` and `revision` name it in the API and in the audit chain. Numbers are in the check's
    own unit, and null where there are none.
    """

    subject: str
    status: Literal["ok", "warning", "breach", "insufficient", "blind", "idle"]
    finding: str
    revision: Count
    summary: Annotated[str, Meta(description="value, interval, limit and evidence, in words")]
    value: float | None
    lower: float | None
    upper: float | None
    threshold: float | None


class AlertSaid(_Part, frozen=True, kw_only=True):
    """The alert that asks. `incident` counts how often its condition has begun."""

    fingerprint: str
    incident: Count
    check: str
    modality: str
    state: Literal["inactive", "pending", "firing", "resolved"]
    severity: Literal["warning", "breach"]
    reason: Annotated[str, Meta(description="code: words")]
    window: JudgedWindow
    judgements: Annotated[
        tuple[Judged, ...], Meta(description="worst first", max_length=MAX_JUDGEMENTS)
    ]
    judgements_left_out: Annotated[int, Meta(description="for want of room", ge=0)]


class Asked(_Part, frozen=True, kw_only=True):
    """What every action says. `idempotency_key` is the message's id: act once for each."""

    namespace: str
    component: str
    model: str
    version: str
    idempotency_key: Annotated[str, Meta(pattern="^msg_[0-9a-f]{32}$")]
    generation: Annotated[int, Meta(description="of the declaration that asks", ge=0)]
    commit: Annotated[str | None, Meta(description="Git commit of that declaration")]
    alert: AlertSaid


class Notify(Asked, frozen=True, kw_only=True):
    """An alert has fired, escalated or resolved."""

    action: Literal["notify"]


class Retrain(Asked, frozen=True, kw_only=True):
    """The data has moved away from the reference: a new version is wanted."""

    action: Literal["retrain"]
    baseline: Annotated[str | None, Meta(description="spec.baseline.uri")]


class AliasMove(_Part, frozen=True, kw_only=True):
    """The registry's alias is given the version that the fallback alias names."""

    model: str
    alias: str
    fallback: str


class Rollback(Asked, frozen=True, kw_only=True):
    """A version is to be left."""

    action: Literal["rollback"]
    from_version: str
    repository: Annotated[str | None, Meta(description="spec.model.repository")]
    registry: AliasMove | None


class NotifyMessage(_Part, frozen=True, kw_only=True):
    """Tells that an alert has fired, escalated or resolved; nothing is asked for."""

    type: Literal["io.evenhand.notify.v1"]
    timestamp: Instant
    data: Notify


class RetrainMessage(_Part, frozen=True, kw_only=True):
    """Asks a training pipeline for a new version."""

    type: Literal["io.evenhand.retrain.v1"]
    timestamp: Instant
    data: Retrain


class RollbackMessage(_Part, frozen=True, kw_only=True):
    """Asks a rollout tool to leave a version."""

    type: Literal["io.evenhand.rollback.v1"]
    timestamp: Instant
    data: Rollback


Message = NotifyMessage | RetrainMessage | RollbackMessage
MESSAGES: tuple[type[Message], ...] = (NotifyMessage, RetrainMessage, RollbackMessage)
