"""What lies in the outbox, and its row in the database."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping

ACTING = ("retrain", "rollback")  # actions that change the world; a notice only tells


class DeliveryState(StrEnum):
    """pending -> delivered | dead | expired; replay makes it pending again.

    What needs approval starts ``held``, and becomes pending, rejected or expired.
    """

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"  # refused, or tried too often
    EXPIRED = "expired"  # acting so late would be wrong, or nobody approved it in time
    HELD = "held"  # waits for approval
    REJECTED = "rejected"
    REHEARSED = "rehearsed"  # a dry run: what would have been sent


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notice or action on its way to one target; ``id`` (``msg_...``) never changes.

    ``action`` is ``retrain``, ``rollback`` or ``notify``; ``generation`` and ``commit`` name the
    declaration that asked for it. ``approve_by_us`` is None where no approval is asked for.
    """

    id: str
    kind: str  # which notifier carries it: "webhook", "mlflow"
    target: str  # which receiver: the webhook's or the registry's name
    ordering_key: str  # the component
    body: str  # JSON text
    created_us: int
    next_attempt_us: int
    expires_us: int | None = None
    attempts: int = 0
    state: DeliveryState = DeliveryState.PENDING
    last_error: str = ""
    action: str = ""
    generation: int = 0
    commit: str | None = None
    audited: bool = True  # the component keeps an audit trail
    approve_by_us: int | None = None
    decided_by: str | None = None
    decided_us: int | None = None
    decision_reason: str | None = None

    @property
    def namespace(self) -> str:
        """Whose it is."""
        return self.ordering_key.partition("/")[0]


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries; None and no states = any."""

    kind: str | None = None
    target: str | None = None
    ordering_key: str | None = None
    states: tuple[DeliveryState, ...] = ()
    namespaces: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Deliveries, newest first, and the cursor of the next page (None: this was the last)."""

    deliveries: Sequence[Delivery]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Acted:
    """When an action was last set off, and how often of itself in the time asked for."""

    action: str
    target: str
    last_us: int
    automatic: int


@dataclass(frozen=True, slots=True)
class Disabled:
    """A receiver that is gone."""

    target: str
    since_us: int
    reason: str


def row_of(delivery: Delivery) -> dict[str, Any]:
    """A delivery as its row; the database counts ``position``."""
    return {
        "id": delivery.id,
        "kind": delivery.kind,
        "target": delivery.target,
        "ordering_key": delivery.ordering_key,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "next_attempt_at": delivery.next_attempt_us,
        "created_at": delivery.created_us,
        "expires_at": delivery.expires_us,
        "last_error": delivery.last_error,
        "body": delivery.body,
        "action": delivery.action,
        "generation": delivery.generation,
        "commit": delivery.commit,
        "audited": int(delivery.audited),
        "approve_by": delivery.approve_by_us,
        "decided_by": delivery.decided_by,
        "decided_at": delivery.decided_us,
        "decision_reason": delivery.decision_reason,
    }


def read_delivery(row: RowMapping) -> Delivery:
    """A row as a delivery."""
    return Delivery(
        id=row["id"],
        kind=row["kind"],
        target=row["target"],
        ordering_key=row["ordering_key"],
        body=row["body"],
        created_us=row["created_at"],
        next_attempt_us=row["next_attempt_at"],
        expires_us=row["expires_at"],
        attempts=row["attempts"],
        state=DeliveryState(row["state"]),
        last_error=row["last_error"],
        action=row["action"],
        generation=row["generation"],
        commit=row["commit"],
        audited=bool(row["audited"]),
        approve_by_us=row["approve_by"],
        decided_by=row["decided_by"],
        decided_us=row["decided_at"],
        decision_reason=row["decision_reason"],
    )
