"""Times and bounds of both Kafka clients."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """Times and bounds of the clients.

    ``session_seconds`` without a heartbeat make the broker give a member's partitions to others.
    ``delivery_seconds`` is how long a record is tried; a broker that is away for less loses
    nothing. ``answer_seconds`` is the wait for a connection or an answer.
    """

    session_seconds: float = 10.0
    heartbeat_seconds: float = 3.0
    delivery_seconds: float = 120.0
    answer_seconds: float = 10.0
    max_bytes_in_flight: int = 8 * 1024 * 1024  # the clients keep a second copy
