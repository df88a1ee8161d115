"""From batches to records on the bus: numbered, stamped, in order, never silently lost.

::

    publish ─► Pending ─────────────────────► Spool ─► one thread, Courier ─► bus
               until 500 events, 256 KiB, 1 s  FIFO    again until acknowledged

One message is on its way at a time, so that what arrives is in order also across retries: a
watermark never overtakes the events that it speaks for. A retry may double a message, with the same
sequence number, by which its reader knows it.
"""

from __future__ import annotations

import logging
import math
import random
import threading
from typing import TYPE_CHECKING

from collectors.batches import size_of
from collectors.courier import Courier
from collectors.ledger import Ledger, MemoryLedger
from collectors.pending import Limits, Pending
from collectors.sidecar.spool import Parcel, Spool
from governance.clock import SystemClock
from governance.component.key import ComponentKey
from governance.errors import EvenhandError, Full, PermanentError
from governance.event import EventBatch, MessageType
from governance.wire.headers import Stamp
from governance.wire.message import encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from collectors.batches import Batch
    from collectors.pending import Ready
    from governance.bus.ports import Bus
    from governance.clock import Clock

_MIN_BACKOFF_SECONDS = 0.1
_MAX_BACKOFF_SECONDS = 5.0
_LAST_SECONDS = 1.0  # beyond a deadline, for what is already under way

_log = logging.getLogger(__name__)


class Publisher:
    """One source's way to the bus; may be called from several threads.

    Parameters
    ----------
    bus
        May be away, also at the start.
    source
        ``evh-source``.
    ledger, spool
        Counts, and what waits; by default both live in memory only.
    partitions
        Of the events topic, where it has to be created.
    limits
        Size and age of messages.
    clock
        Time of ``evh-sent`` and of waits.
    """

    def __init__(  # noqa: PLR0913 - a source is described by these
        self,
        bus: Bus,
        source: str,
        *,
        ledger: Ledger | None = None,
        spool: Spool | None = None,
        partitions: int | None = None,
        limits: Limits | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._source = source
        self._ledger = ledger or MemoryLedger()
        self._spool = spool or Spool(None)
        self._limits = limits or Limits()
        self._clock = clock or SystemClock()
        self._pending = Pending(self._limits)
        self._courier = Courier(bus, partitions)
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._deadline = math.inf
        self._farewell = True
        self._watermark_us: int | None = None
        self._announced: set[ComponentKey] = set()
        self._spoken: dict[ComponentKey, float] = {}  # when each component's last message was made
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        self._thread.start()

    @property
    def waiting_bytes(self) -> int:
        """Bytes of messages that wait for the bus."""
        return self._spool.size

    def connect(self) -> None:
        """Reach the bus now; raises ConfigError if it can never work, BusError if it is away."""
        self._courier.connect()

    def announce(self, component: ComponentKey) -> None:
        """Speak for this component also while it has no events."""
        with self._changed:
            self._announced.add(component)
            self._changed.notify()

    def publish(self, component: ComponentKey, batch: Batch) -> None:
        """Take a batch; it will be sent once a message is full or the linger time is over.

        Raises
        ------
        Full
            If as much waits as may; nothing of the batch was taken or counted.
        """
        size = size_of(batch)
        with self._changed:
            room = self._spool.has_room(self._pending.size + size)
            if self._stopping.is_set() or not room:
                raise Full(f"{self._spool.size} bytes wait for the bus: try again later")
            self._ledger.count(component, "accepted", _events(batch))
            idle = not self._pending.events
            now = self._clock.monotonic()
            made = self._make(self._pending.add(component, batch, size, now))
            if idle or made:
                self._changed.notify()

    def take(self, component: ComponentKey, batches: Iterable[Batch]) -> None:
        """Take batches, and have their messages in the spool on return.

        Raises
        ------
        Full
            If as much waits as may. Where the disk said so part of the batches may have been
            taken: to offer them again is harmless, ids tell.
        """
        pending = Pending(self._limits)
        ready: list[Ready] = []
        for batch in batches:
            ready += pending.add(component, batch, size_of(batch), 0.0)
        ready += pending.everything()
        with self._changed:
            room = self._spool.has_room(sum(size_of(batch) for _, batch in ready))
            if self._stopping.is_set() or not room:
                raise Full(f"{self._spool.size} bytes wait for the bus: try again later")
            for _, batch in ready:
                self._append(component, _type_of(batch), encode(batch), _events(batch))
                self._ledger.count(component, "accepted", _events(batch))
            self._changed.notify()

    def send_sums(
        self, component: ComponentKey, batches: Iterable[EventBatch], before_us: int | None
    ) -> int:
        """Send sums, one message each; how many found no room.

        All events before ``before_us`` were published and go first, and the watermark of the
        messages says so: it tells to which window the sums belong. It must not be before the last
        ``advance``. Without it the sums go first and their events right behind them, so that these
        cannot close a counted window before their sum is in it.
        """
        with self._changed:
            if before_us is not None:
                self._make(self._pending.everything())
                self._watermark_us = max(self._watermark_us or before_us, before_us)
            left_out = sum(not self._put_sum(component, encode(batch)) for batch in batches)
            if before_us is None:
                self._make(self._pending.everything())
            self._changed.notify()
        return left_out

    def advance(self, watermark_us: int) -> None:
        """All events that happened before this instant were published, or are counted lost."""
        with self._changed:
            self._watermark_us = max(self._watermark_us or watermark_us, watermark_us)

    def close(self, timeout_seconds: float, *, bye: bool = True) -> bool:
        """Send what waits, leave the rest in the spool; whether nothing was left.

        Without ``bye`` the source lives on: a successor will speak for it.
        """
        self._farewell = bye
        self._deadline = self._clock.monotonic() + timeout_seconds
        self._stopping.set()
        with self._changed:
            self._changed.notify()
        self._thread.join(timeout_seconds + _LAST_SECONDS)
        with self._changed:
            left = self._spool.head() is not None
            self._spool.close()
        self._courier.close(0.0 if left else _LAST_SECONDS)
        return not left

    def _put_sum(self, component: ComponentKey, value: bytes) -> bool:
        try:
            if self._spool.has_room(self._pending.size + len(value)):
                self._append(component, MessageType.EVENTS, value)
                return True
        except Full:
            pass  # the disk says so
        return False

    def _make(self, ready: Iterable[Ready]) -> bool:
        """Make messages of what is ready; whether there were any."""
        made = False
        for component, batch in ready:
            made = True
            try:
                self._append(component, _type_of(batch), encode(batch), _events(batch))
            except (Full, PermanentError) as error:
                _log.warning("%d rows of %s are dropped: %s", batch.n, component, error)
                outcome = "spool_full" if isinstance(error, Full) else "refused"
                self._ledger.count(component, outcome, _events(batch))
        return made

    def _append(
        self, component: ComponentKey, type_: MessageType, value: bytes = b"", events: int = 0
    ) -> None:
        parcel = Parcel(
            type=type_.value,
            component=str(component),
            source=self._source,
            sequence=self._ledger.sequence(component),
            watermark_us=self._watermark_of(component),
            events=events,
            value=value,
        )
        self._spool.append(parcel)
        self._ledger.use_sequence(component)
        self._spoken[component] = self._clock.monotonic()

    def _watermark_of(self, component: ComponentKey) -> int | None:
        mark, waiting = self._watermark_us, self._pending.oldest_us(component)
        return mark if mark is None or waiting is None else min(mark, waiting)

    def _run(self) -> None:
        backoff = _MIN_BACKOFF_SECONDS
        while (parcel := self._next()) is not None:
            component = ComponentKey.parse(parcel.component)
            try:
                self._courier.deliver(parcel, self._stamp(component, parcel), self._is_late)
            except PermanentError as error:
                _log.warning("the bus refuses %d events: %s", parcel.events, error)
                self._settle(component, parcel, "refused")
            except EvenhandError as error:  # away, or set up in a way that an operator must change
                if backoff == _MIN_BACKOFF_SECONDS:
                    _log.warning("events wait for the bus: %s", error)
                self._rest(backoff * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load
                backoff = min(2 * backoff, _MAX_BACKOFF_SECONDS)
            else:
                if backoff > _MIN_BACKOFF_SECONDS:
                    _log.warning("the bus takes events again")
                backoff = _MIN_BACKOFF_SECONDS
                self._settle(component, parcel, "published")

    def _next(self) -> Parcel | None:
        """Wait for the next message to send; None when there will be none."""
        with self._changed:
            while not self._is_late():
                now = self._clock.monotonic()
                stopping = self._stopping.is_set()
                self._make(self._pending.everything() if stopping else self._pending.due(now))
                parcel = self._spool.head()
                if parcel is not None:
                    return parcel
                if stopping and not self._say_bye():
                    return None
                if not stopping and not self._beat(now):
                    self._changed.wait(self._idle_seconds(now))
            return None

    def _beat(self, now: float) -> bool:
        """Speak for the components that were silent for long; whether there were any."""
        silent = now - self._limits.heartbeat_seconds
        quiet = [c for c in self._announced if self._spoken.get(c, silent) <= silent]
        for component in quiet:
            self._append(component, MessageType.HEARTBEAT)
        return bool(quiet)

    def _say_bye(self) -> bool:
        """Make the last messages, once; whether there were any."""
        leaving = self._announced | set(self._spoken) if self._farewell else set()
        for component in leaving:
            self._append(component, MessageType.BYE)
        self._announced.clear()
        self._spoken.clear()
        return bool(leaving)

    def _idle_seconds(self, now: float) -> float:
        beat = self._limits.heartbeat_seconds
        moments = [self._spoken.get(c, now) + beat for c in self._announced]
        due = self._pending.next_due()
        return max(0.0, min([now + beat, *moments, *([] if due is None else [due])]) - now)

    def _is_late(self) -> bool:
        return self._clock.monotonic() >= self._deadline

    def _stamp(self, component: ComponentKey, parcel: Parcel) -> Stamp:
        return Stamp(
            type=MessageType(parcel.type),
            component=component,
            source=parcel.source,
            sequence=parcel.sequence,
            sent_us=self._clock.now_us(),
            watermark_us=parcel.watermark_us,
            counts=self._counts(component, parcel),
        )

    def _counts(self, component: ComponentKey, parcel: Parcel) -> Mapping[str, int]:
        """As they will be once this message has arrived."""
        if parcel.source != self._source:
            return {}
        counts = dict(self._ledger.counts(component))
        counts["spooled"] -= parcel.events
        return counts

    def _settle(self, component: ComponentKey, parcel: Parcel, outcome: str) -> None:
        with self._changed:
            self._spool.pop()
            if parcel.source == self._source:  # a predecessor's are in its own counts
                self._ledger.count(component, outcome, parcel.events)

    def _rest(self, seconds: float) -> None:
        if self._stopping.is_set():
            left = max(0.0, self._deadline - self._clock.monotonic())
            threading.Event().wait(min(seconds, left))
        else:
            self._stopping.wait(seconds)


def _type_of(batch: Batch) -> MessageType:
    return MessageType.EVENTS if isinstance(batch, EventBatch) else MessageType.LABELS


def _events(batch: Batch) -> int:
    """What a batch adds to the counts: ``accepted`` and its parts are events, never labels."""
    return batch.n if isinstance(batch, EventBatch) else 0
