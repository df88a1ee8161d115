"""Deciding on actions that wait for a person, and sending again: the same over API and terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from governance.clock import format_instant
from governance.errors import PermanentError
from governance.store.delivery import Delivery, DeliveryState

if TYPE_CHECKING:
    from governance.audit import Cause
    from governance.store.deliveries import Deliveries

MAX_WORDS = 500  # of a name or a ground


class Undecidable(PermanentError):
    """A delivery that cannot be decided on or sent again, with the reason."""

    def __init__(self, message: str) -> None:
        super().__init__("undecidable", message)


class UnknownDelivery(PermanentError):
    """There is no delivery with this id."""

    def __init__(self, delivery_id: str) -> None:
        super().__init__("unknown_delivery", f"there is no delivery {delivery_id!r}")


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a person decides; ``now_us`` is when."""

    outbox: Deliveries
    now_us: int

    def get(self, delivery_id: str) -> Delivery:
        """The delivery; raises UnknownDelivery."""
        found = self.outbox.get(delivery_id)
        if found is None:
            raise UnknownDelivery(delivery_id)
        return found

    def decide(self, delivery_id: str, cause: Cause, *, approve: bool) -> Delivery:
        """Approve or reject; ``cause`` is the person and the ground.

        Raises
        ------
        UnknownDelivery, Undecidable
            If there is none, it does not wait for approval, or no longer.
        """
        found = self.get(delivery_id)
        if not self.outbox.decide(delivery_id, cause, self.now_us, approve=approve):
            raise Undecidable(_why_not_decided(self.get(delivery_id), self.now_us))
        return self.get(found.id)

    def replay(self, delivery_id: str, cause: Cause) -> Delivery:
        """Send again what is over; raises UnknownDelivery or Undecidable."""
        found = self.get(delivery_id)
        if not self.outbox.replay(delivery_id, self.now_us, cause):
            raise Undecidable(_why_not_replayed(found))
        return self.get(found.id)


def delivery_object(delivery: Delivery) -> dict[str, Any]:
    """A delivery as API and terminal show it, without its body."""
    namespace, _, component = delivery.ordering_key.partition("/")
    return {
        "id": delivery.id,
        "kind": delivery.kind,
        "receiver": delivery.target,
        "namespace": namespace,
        "component": component,
        "action": delivery.action,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "created": format_instant(delivery.created_us),
        "next_attempt": _instant(
            delivery.next_attempt_us if delivery.state is DeliveryState.PENDING else None
        ),
        "expires": _instant(delivery.expires_us),
        "approve_by": _instant(delivery.approve_by_us),
        "decided_by": delivery.decided_by,
        "decided_at": _instant(delivery.decided_us),
        "decision_reason": delivery.decision_reason,
        "last_error": delivery.last_error,
        "generation": delivery.generation,
        "commit": delivery.commit,
    }


def _why_not_decided(found: Delivery, now_us: int) -> str:
    if found.decided_by is not None:
        return f"{found.id} was decided by {found.decided_by}: it is {found.state.value}"
    ends = [us for us in (found.approve_by_us, found.expires_us) if us is not None]
    if found.approve_by_us is not None and min(ends) <= now_us:
        return f"{found.id} could be decided until {format_instant(min(ends))}: that is over"
    return f"{found.id} does not wait for approval: it is {found.state.value}"


def _why_not_replayed(found: Delivery) -> str:
    if found.approve_by_us is not None and found.decided_by is None:
        return f"{found.id} was never approved: it is not sent"
    return f"{found.id} is {found.state.value}: only what is delivered, dead or expired is replayed"


def _instant(at_us: int | None) -> str | None:
    return None if at_us is None else format_instant(at_us)
