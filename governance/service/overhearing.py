"""Inference loggers at the door: CloudEvents in, paired, read and handed to the spool.

What waits for its partner is in memory only: bodies are raw, and raw data is never written to a
disk. So a 202 for the first half of an exchange means that it waits here, for the second that the
spool's files hold the events. How many wait is on disk: halves that die with the process are
counted by the next one as ``lost_crash``.
"""

from __future__ import annotations

import asyncio
import logging
import math
import mmap
import os
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from collectors.cloud_events.listening import Listening, half_of
from collectors.cloud_events.whose import Owners
from governance.clock import SECOND_US
from governance.errors import EvenhandError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from collectors.cloud_events.event import CloudEvent
    from collectors.cloud_events.halves import Exchanged
    from collectors.cloud_events.listening import Read
    from collectors.ingest import Desk
    from governance.clock import Clock
    from governance.component.key import ComponentKey
    from governance.event import EventBatch
    from governance.metrics import Metrics

    Take = Callable[[ComponentKey, Sequence[EventBatch]], Awaitable[None]]
    SendSums = Callable[[ComponentKey, Sequence[EventBatch], None], int]  # how many had no room

_AGAIN_SECONDS = 1.0  # after a spool that was full
_OWN = ("namespace", "component")
_SHORT = 16 * 1024  # bytes that are read faster than another thread is asked to
_WIDTH = 8  # bytes of a number on disk
_log = logging.getLogger(__name__)


class Heard(NamedTuple):
    """What became of some CloudEvents."""

    events: int  # that the spool holds now
    waiting: int  # halves of this component that wait for their partner


class Overhearing:
    """The loggers of all components of a door; used from one event loop."""

    def __init__(
        self,
        desks: Mapping[ComponentKey, Desk],
        state: Path,
        clock: Clock,
        metrics: Metrics,
        send_sums: SendSums,
    ) -> None:
        self._send_sums = send_sums
        self.owners = Owners(desk.component for desk in desks.values())
        self._desks = desks
        self._folder = state / "halves"
        self._clock = clock
        self._listening: dict[ComponentKey, _Ear] = {}
        self._halves = metrics.counter(
            "evenhand_door_halves_total", "Requests and responses of loggers.", (*_OWN, "outcome")
        )
        self._exchanges = metrics.counter(
            "evenhand_door_exchanges_total", "Exchanges of loggers.", (*_OWN, "outcome")
        )
        self._waiting = metrics.gauge(
            "evenhand_door_halves_waiting", "Halves that wait for their partner.", _OWN
        )
        self._unsummed = metrics.counter(
            "evenhand_door_unsummed_total",
            "Events in no sum of embeddings, and sums that found no room.",
            (*_OWN, "reason"),
        )
        for key in desks:
            self._count_lost(key)

    async def hear(self, key: ComponentKey, events: Sequence[CloudEvent], take: Take) -> Heard:
        """Take the CloudEvents of one component.

        Raises
        ------
        Full
            If too many wait, or the spool takes no more: all may be sent again.
        ConfigError
            If the component's signals cannot be followed.
        """
        ear = self._ear(key)
        now, now_us = self._clock.monotonic(), self._clock.now_us()
        halves = [half_of(event, now, now_us) for event in events]
        whole = ear.listening.halves.offer([half for half in halves if half is not None])
        self._tell(key, ear)
        count = await self._pass_on(key, ear, whole, take)
        if ear.sweeping is None or ear.sweeping.done():
            ear.sweeping = asyncio.create_task(self._sweep(key, ear, take))
        elif ear.listening.halves.size > ear.listening.halves.waiting_bytes:
            ear.crowded.set()
        return Heard(count, ear.listening.halves.waiting)

    def finish(self, take: Callable[[ComponentKey, Sequence[EventBatch]], None]) -> None:
        """Give up all that waits, at the end of the process; requests become events."""
        for key, ear in self._listening.items():
            alone = ear.listening.halves.due(math.inf)
            read = ear.listening.read(alone)
            try:
                take(key, read.batches)
            except EvenhandError:
                ear.listening.halves.give_back(alone)  # the next process counts them as lost
            else:
                self._confirm(key, ear, alone, read.counts)
                self._send(key, ear, [*ear.listening.add_up(read), *ear.listening.rest()])
            ear.close()

    async def _pass_on(
        self, key: ComponentKey, ear: _Ear, exchanged: list[Exchanged], take: Take
    ) -> int:
        if not exchanged:
            return 0
        try:
            async with ear.reading:  # a capture is no thread's but one at a time
                read = await _read(ear.listening, exchanged)
            if read.batches:
                await take(key, read.batches)
        except BaseException:
            ear.listening.halves.give_back(exchanged)
            self._tell(key, ear)
            raise
        self._confirm(key, ear, exchanged, read.counts)
        await self._add_up(key, ear, read)
        return sum(batch.n for batch in read.batches)

    async def _add_up(self, key: ComponentKey, ear: _Ear, read: Read) -> None:
        """Sum the embeddings of events that were taken: never before, they might come again."""
        if not any(captured.vectors for _, captured in read.seen):
            return
        async with ear.reading:
            sums = await asyncio.to_thread(ear.listening.add_up, read)
            await asyncio.to_thread(self._send, key, ear, sums)
        if ear.summing is None or ear.summing.done():
            ear.summing = asyncio.create_task(self._send_ended(key, ear))

    async def _send_ended(self, key: ComponentKey, ear: _Ear) -> None:
        """Send the sums of windows in time as these are over, until none is open."""
        while (end_us := ear.listening.sums.next_end_us()) is not None:
            due_us = end_us + ear.listening.settle_us
            await asyncio.sleep(max(0.0, (due_us - self._clock.now_us()) / SECOND_US))
            async with ear.reading:
                sums = ear.listening.ended(self._clock.now_us())
                await asyncio.to_thread(self._send, key, ear, sums)

    def _send(self, key: ComponentKey, ear: _Ear, sums: Sequence[EventBatch]) -> None:
        own, counts = (key.namespace, key.name), ear.listening.sums.counts
        if sums:
            counts["sum_spool_full"] += self._send_sums(key, sums, None)
        for reason, n in counts.items():
            self._unsummed.labels(*own, reason).inc(n)
        counts.clear()

    async def _sweep(self, key: ComponentKey, ear: _Ear, take: Take) -> None:
        """Give up what waited for too long, until nothing waits."""
        halves = ear.listening.halves
        while (due := halves.next_due()) is not None:
            await ear.until(due - self._clock.monotonic())
            try:
                await self._pass_on(key, ear, halves.due(self._clock.monotonic()), take)
            except EvenhandError as error:  # the halves wait on
                _log.warning("what loggers of %s sent has to wait: %s", key, error)
                await asyncio.sleep(_AGAIN_SECONDS)

    def _ear(self, key: ComponentKey) -> _Ear:
        if key not in self._listening:
            self._listening[key] = _Ear(self._desks[key].listening(), self._folder / str(key))
        return self._listening[key]

    def _confirm(
        self, key: ComponentKey, ear: _Ear, exchanged: Iterable[Exchanged], counts: Counter[str]
    ) -> None:
        ear.listening.halves.confirm(exchanged)
        for outcome, exchanges in counts.items():
            self._exchanges.labels(key.namespace, key.name, outcome).inc(exchanges)
        self._tell(key, ear)

    def _tell(self, key: ComponentKey, ear: _Ear) -> None:
        counts, own = ear.listening.halves.counts, (key.namespace, key.name)
        for outcome, n in counts.items():
            self._halves.labels(*own, outcome).inc(n - ear.told[outcome])
        ear.told = counts.copy()
        self._waiting.labels(*own).set(ear.listening.halves.waiting)
        ear.note(ear.listening.halves.waiting)

    def _count_lost(self, key: ComponentKey) -> None:
        path = self._folder / str(key)
        if not path.exists():
            return
        lost = int.from_bytes(path.read_bytes()[:_WIDTH], "little")
        self._halves.labels(key.namespace, key.name, "lost_crash").inc(lost)
        path.unlink()


async def _read(listening: Listening, exchanged: Sequence[Exchanged]) -> Read:
    """Read what is short here, the rest on another thread."""
    if sum(half.size for one in exchanged for half in one.halves) <= _SHORT:
        return listening.read(exchanged)
    return await asyncio.to_thread(listening.read, exchanged)


class _Ear:
    """One component's halves, and the file that says how many wait."""

    def __init__(self, listening: Listening, file: Path) -> None:
        self.listening = listening
        self.told = Counter[str]()
        self.reading = asyncio.Lock()
        self.crowded = asyncio.Event()
        self.sweeping: asyncio.Task[None] | None = None
        self.summing: asyncio.Task[None] | None = None
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        opened = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.ftruncate(opened, _WIDTH)
        self._waiting = mmap.mmap(opened, _WIDTH)  # outlives the process, without a call each time
        os.close(opened)

    def note(self, waiting: int) -> None:
        self._waiting[:] = waiting.to_bytes(_WIDTH, "little")

    def close(self) -> None:
        self._waiting.close()

    async def until(self, seconds: float) -> None:
        """Wait so long, or until too many halves wait."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self.crowded.wait()
        except TimeoutError:
            pass
        self.crowded.clear()
