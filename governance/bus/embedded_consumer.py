"""The embedded bus's consumer: a member of a group that reads files."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from governance.bus.assignment import Assignment
from governance.bus.log.membership import Membership
from governance.clock import SystemClock
from governance.errors import BusError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from governance.bus.log.reader import Reader
    from governance.bus.ports import Record

_LOOK_SECONDS = 0.2  # how often the group's members are looked up
_PAUSE_SECONDS = 0.01  # between two looks for records: nothing in a file wakes a reader


class EmbeddedConsumer:
    """Reads the partitions that fall to it; a dead member's fall to the others within 0.2 s."""

    def __init__(
        self,
        group_folder: Path,
        partitions_of: Callable[[str], int | None],
        open_reader: Callable[[str, int], Reader],
    ) -> None:
        self._group_folder = group_folder
        self._partitions_of = partitions_of
        self._open_reader = open_reader
        self._clock = SystemClock()  # waits are real, whatever clock stamps the records
        self._topic = ""
        self._partitions = 0
        self._membership: Membership | None = None
        self._assignment: Assignment | None = None
        self._readers: dict[int, Reader] = {}
        self._turn = 0
        self._next_look = 0.0

    def subscribe(
        self,
        topic: str,
        on_assign: Callable[[Sequence[int]], Mapping[int, int]],
        on_revoke: Callable[[Sequence[int]], None],
    ) -> None:
        count = self._partitions_of(topic)
        if count is None:
            raise ConfigError(f"topic {topic} does not exist; start what creates it first")
        self._topic, self._partitions = topic, count
        self._assignment = Assignment(on_assign, on_revoke)
        try:
            self._membership = Membership(self._group_folder / topic)
        except OSError as error:
            raise BusError(f"cannot join the group in {self._group_folder}: {error}") from None

    def poll(self, max_records: int, timeout_seconds: float) -> list[Record]:
        deadline = self._clock.monotonic() + timeout_seconds
        while True:
            try:
                self._rebalance()
                records = self._read(max_records)
            except OSError as error:
                raise BusError(f"topic {self._topic} cannot be read: {error}") from None
            left = deadline - self._clock.monotonic()
            if records or left <= 0:
                return records
            time.sleep(min(left, _PAUSE_SECONDS))

    def seek(self, partition: int, offset: int) -> None:
        try:
            self._reader(partition).seek(offset)
        except OSError as error:
            raise BusError(f"topic {self._topic} cannot be read: {error}") from None

    def pause(self, partitions: Sequence[int]) -> None:
        self._assigned().paused.update(partitions)

    def resume(self, partitions: Sequence[int]) -> None:
        self._assigned().paused.difference_update(partitions)

    def end_offsets(self, partitions: Sequence[int]) -> dict[int, int]:
        try:
            return {partition: self._end_offset(partition) for partition in partitions}
        except OSError as error:
            raise BusError(f"topic {self._topic} cannot be read: {error}") from None

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Nothing: no lag tool looks here."""

    def close(self) -> None:
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()
        if self._membership is not None:
            self._membership.leave()
            self._membership = None

    def _rebalance(self) -> None:
        assignment, now = self._assigned(), self._clock.monotonic()
        if now >= self._next_look:
            self._next_look = now + _LOOK_SECONDS
            self._look(assignment)
        assignment.tell(self.seek)

    def _look(self, assignment: Assignment) -> None:
        membership = self._member()
        share = membership.share(self._partitions)
        lost = assignment.held - share
        if lost:
            try:
                assignment.revoke(lost)
            finally:
                for partition in lost:
                    self._readers.pop(partition).close()
                    membership.give(partition)
        gained = [p for p in sorted(share - assignment.held) if membership.take(p)]
        for partition in gained:
            self._readers[partition] = self._open_reader(self._topic, partition)
        assignment.gain(gained)

    def _read(self, max_records: int) -> list[Record]:
        """From each partition in turn, so that a busy one does not starve the others."""
        ready = self._assigned().readable()
        records: list[Record] = []
        self._turn += 1
        for index in range(len(ready)):
            partition = ready[(self._turn + index) % len(ready)]
            records += self._readers[partition].read(max_records - len(records))
            if len(records) >= max_records:
                break
        return records

    def _end_offset(self, partition: int) -> int:
        reader = self._readers.get(partition)
        if reader is not None:
            return reader.end_offset()
        reader = self._open_reader(self._topic, partition)
        try:
            return reader.end_offset()
        finally:
            reader.close()

    def _reader(self, partition: int) -> Reader:
        if partition not in self._readers:
            raise BusError(f"partition {partition} of {self._topic} is not ours now")
        return self._readers[partition]

    def _member(self) -> Membership:
        if self._membership is None:
            raise BusError("the consumer has not subscribed, or is closed")
        return self._membership

    def _assigned(self) -> Assignment:
        self._member()
        if self._assignment is None:
            raise BusError("the consumer has not subscribed")
        return self._assignment
