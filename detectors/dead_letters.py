"""Records that cannot be counted: kept apart with the reason, so that they block nothing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from governance.bus.ports import DEAD_LETTERS_TOPIC, MAX_RECORD_BYTES
from governance.errors import BusError, PermanentError

if TYPE_CHECKING:
    from governance.bus.ports import Delivery, Headers, Producer, Record

STAGE = "detect"
_WORDS = 500  # characters of the explanation that are kept
_FLUSH_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class _Letter:
    partition: int
    headers: Headers
    body: bytes


class DeadLetters:
    """Writes dead letters; they are durable once ``flush`` has returned.

    After a restart a record may be written again: topic, partition and offset in the headers say
    that it is the same.

    Parameters
    ----------
    producer
        Appends to the topic.
    partitions
        How many the topic has.
    """

    def __init__(self, producer: Producer, partitions: int) -> None:
        self._producer = producer
        self._partitions = partitions
        self._unsent: list[_Letter] = []
        self._sent: list[tuple[Delivery, _Letter]] = []

    def write(self, record: Record, error: PermanentError, *, is_open: bool) -> None:
        """Keep a record with its reason; its body only where ``is_open``."""
        shown = is_open and len(record.value) < MAX_RECORD_BYTES
        body = record.value if shown else b""
        partition = record.partition % self._partitions
        self._unsent.append(_Letter(partition, _headers(record, error), body))
        self._send()

    def flush(self) -> None:
        """Wait until every letter is durable.

        Raises
        ------
        BusError
            If the bus does not take them in time; they are tried again.
        """
        self._send()
        if self._unsent:
            raise BusError(f"{len(self._unsent)} dead letters wait: the bus does not take them")
        while self._sent:
            delivery, letter = self._sent[0]
            try:
                delivery.result(_FLUSH_SECONDS)
            except BusError:
                if delivery.done:
                    self._sent.pop(0)
                    self._unsent.append(letter)
                raise
            self._sent.pop(0)

    def _send(self) -> None:
        while self._unsent:
            letter = self._unsent[0]
            try:
                delivery = self._producer.send(
                    DEAD_LETTERS_TOPIC,
                    letter.partition,
                    key=b"",
                    value=letter.body,
                    headers=letter.headers,
                )
            except BusError:
                return
            self._sent.append((delivery, self._unsent.pop(0)))


def _headers(record: Record, error: PermanentError) -> Headers:
    texts = {
        "stage": STAGE,
        "reason": error.reason,
        "message": str(error)[:_WORDS],
        "topic": record.topic,
        "partition": str(record.partition),
        "offset": str(record.offset),
        "size": str(len(record.value)),
        "sha256": hashlib.sha256(record.value).hexdigest(),
    }
    return tuple((name, text.encode("utf-8", "replace")) for name, text in texts.items())
