"""The bus as the stages see it, and the contract that every bus keeps.

1. A topic has a fixed number of partitions. A partition is a log: records have consecutive
   offsets as far as the reader can tell order from them (gaps are allowed, going back is not).
2. ``append_time_us`` is given by the log, not by the producer, and never falls within a partition
   of the embedded bus. On Kafka it is the clock of the partition's leader, in milliseconds, and
   falls where that clock steps back or another broker leads: readers take the running maximum.
3. ``Producer.send`` returns once the record is handed over; the returned ``Delivery`` is done
   only when the record is durable as the bus understands it (Kafka: acknowledged by all in-sync
   replicas; embedded: written to the file, so that it survives kill -9 of every process, not a
   power cut). A delivery fails with ``BusError`` (try again; a duplicate is possible, a loss is
   not hidden) or ``PermanentError`` (this record will never be accepted: too large, no such
   topic or partition; raised by ``send`` where it is known at once). A failed delivery never
   poisons later ones. A record may be in the log although its delivery failed with ``BusError``
   or is not done yet.
4. ``send`` blocks, at most ``timeout_seconds``, while the bound on bytes in flight is reached,
   then raises ``BusError``: memory is bounded by construction.
5. Records of one producer to one partition keep the order in which ``send`` was called, also
   across retries. Where a retry repeats records, the repeated run is in that order too.
6. A consumer belongs to a group; each partition is owned by at most one live member, as the
   broker sees it (a paused zombie may believe otherwise: epochs in the store fence it). On
   assignment the owner says from which offset it reads; the bus keeps no truth about progress.
   ``commit`` is for lag tools only. What ``on_assign`` raises comes out of ``poll``, and it is
   asked again at the next ``poll``; until it has answered nothing of those partitions is
   delivered. What ``on_revoke`` raises comes out of ``poll`` too, and the partitions are given
   up nevertheless. A partition whose ``on_assign`` never succeeded is never revoked.
7. ``poll`` returns records of a partition in order, none twice and none skipped since the last
   ``seek``, except after retention removed them: then the next record's offset jumps. The
   embedded bus jumps over a record that was damaged on the disk likewise, and logs it. An offset
   behind the end of the log makes ``seek`` or ``poll`` raise ``ConfigError``: it is of another
   log. An outage of the bus looks like silence, or raises ``BusError``: poll again.
8. Buses, producers and consumers are made after a fork, not before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

EVENTS_TOPIC = "evenhand.events"
FINDINGS_TOPIC = "evenhand.findings"
ALERTS_TOPIC = "evenhand.alerts"
DEAD_LETTERS_TOPIC = "evenhand.dead-letters"

DEFAULT_PARTITIONS = 48
MAX_RECORD_BYTES = 900_000  # below Kafka's default limit of 1,048,588 with room for headers

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of a partition's log."""

    topic: str
    partition: int
    offset: int
    append_time_us: int
    key: bytes
    headers: Headers
    value: bytes

    def header(self, name: str) -> str | None:
        """The last header of that name as text, or None."""
        found = None
        for key, value in self.headers:
            if key == name:
                found = value
        return None if found is None else found.decode("utf-8", "replace")


class Delivery(Protocol):
    """The fate of one record that was sent."""

    @property
    def done(self) -> bool:
        """True once the record is durable or has failed."""

    def result(self, timeout_seconds: float) -> int:
        """Wait for the offset; raises BusError (also on time-out) or PermanentError."""

    def add_callback(self, callback: Callable[[Delivery], None]) -> None:
        """Call back once done, on a thread of the bus (at once if it is done already).

        The callback must not block: while it runs nothing else is delivered.
        """


class Producer(Protocol):
    """Appends records; safe to use from several threads."""

    def send(  # noqa: PLR0913 - the fields of a record
        self,
        topic: str,
        partition: int,
        *,
        key: bytes,
        value: bytes,
        headers: Headers = (),
        timeout_seconds: float = 5.0,
    ) -> Delivery:
        """Hand one record over; raises BusError when full, PermanentError when too large."""

    def flush(self, timeout_seconds: float) -> None:
        """Wait until every record handed over is done; raises BusError on time-out."""

    def close(self, timeout_seconds: float = 5.0) -> None:
        """Flush as long as allowed, then give up what is left (its deliveries fail)."""


class Consumer(Protocol):
    """A member of one group on one topic; used from one thread only."""

    def subscribe(
        self,
        topic: str,
        on_assign: Callable[[Sequence[int]], Mapping[int, int]],
        on_revoke: Callable[[Sequence[int]], None],
    ) -> None:
        """Join the group; ``on_assign`` returns the offset from which each partition is read.

        Both callbacks run inside ``poll``, on its thread. ``on_revoke`` runs while the partitions
        are still owned where the bus allows it (the last chance for a checkpoint).

        Raises
        ------
        ConfigError
            If there is no such topic.
        BusError
            If the bus cannot be reached.
        """

    def poll(self, max_records: int, timeout_seconds: float) -> list[Record]:
        """Up to ``max_records`` records; an empty list after ``timeout_seconds`` without any."""

    def seek(self, partition: int, offset: int) -> None:
        """Read the partition from ``offset`` on (the earliest kept, if that is later).

        Raises BusError if the partition is not ours.
        """

    def pause(self, partitions: Sequence[int]) -> None:
        """Deliver nothing of these partitions until ``resume``; membership is kept.

        A partition that is revoked is not paused when it comes back.
        """

    def resume(self, partitions: Sequence[int]) -> None:
        """Deliver again."""

    def end_offsets(self, partitions: Sequence[int]) -> dict[int, int]:
        """For each partition, ours or not, the offset that the next record will get.

        Raises BusError if the bus does not answer.
        """

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Tell the broker how far we are, for lag tools; best effort, never raises."""

    def close(self) -> None:
        """Leave the group; ``on_revoke`` is not called: who closes writes a checkpoint before."""


class Bus(Protocol):
    """A bus at a URL: ``file:DIR`` or ``kafka://HOST:PORT,...``."""

    def ensure_topic(self, topic: str, partitions: int) -> int:
        """Create the topic with log append time, or check the one found.

        Returns
        -------
        int
            The number of partitions that the topic has.

        Raises
        ------
        ConfigError
            If the topic exists without log append time.
        BusError
            If the bus cannot be reached.
        """

    def producer(self) -> Producer:
        """A new producer."""

    def consumer(self, group: str) -> Consumer:
        """A new member of ``group``."""

    def close(self) -> None:
        """Free what the bus itself holds; producers and consumers are closed by their users."""
