"""The contract of notifiers: where a delivery goes, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from governance.store.delivery import Delivery


class Result(StrEnum):
    """What one attempt gave."""

    DELIVERED = "delivered"
    RETRY = "retry"  # the receiver may be well later
    REFUSED = "refused"  # this delivery will never be taken: it is dead
    GONE = "gone"  # nothing will be taken any more: the receiver is disabled


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt's result, and the receiver's wish for the next time.

    ``reason`` is ``code: words``; the code is counted.
    """

    result: Result
    reason: str
    retry_after_seconds: float | None = None

    @property
    def code(self) -> str:
        """The reason's short code."""
        return self.reason.partition(":")[0]


class Notifier(Protocol):
    """Carries deliveries of one kind to their receivers."""

    def deliver(self, delivery: Delivery, now_us: int) -> Attempt:
        """Try once; never raises for what the receiver does."""

    def close(self) -> None:
        """Free connections."""
