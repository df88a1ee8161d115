"""Who sends a component's events, and how far each of them is.

Per source the highest sequence and the missing ranges are kept: what was seen is a duplicate,
what is missing when a window closes is lost. Watermarks say when a window is complete.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from governance.clock import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Mapping

    from governance.wire.headers import Stamp

GRACE_US = 15 * SECOND_US  # after its end a window stays open at least this long
SKEW_US = 60 * SECOND_US  # a clock that is off by more is corrected
MOST_SOURCES = 10_000  # pods of one component that are remembered
MOST_RANGES = 1_000  # of missing sequences per source
FORGET_US = 86_400 * SECOND_US  # a silent source is remembered at least this long
_FORGET_EVERY = 256  # sources: whenever there are so many more, silent ones are forgotten
GAP = "gap"  # the reason for which missing messages are lost
ACCEPTED = "accepted"
_NOT_LOST = frozenset({ACCEPTED, "published", "spooled", "sampled_out"})

Range = tuple[int, int]  # sequences, both ends included


@dataclass(slots=True)
class Source:
    """One process that numbers its messages; instants are on log time but for the watermark."""

    version: str = ""  # of its newest events
    heard_us: int = 0
    watermark_us: int | None = None  # shifted
    sends_events: bool = False
    bye: bool = False
    highest: int = -1
    missing: list[Range] = field(default_factory=list)
    missing_since_us: int = 0
    written_off: list[Range] = field(default_factory=list)  # declared lost
    messages: int = 0  # with events, duplicates left out
    received: int = 0  # events in them
    lost: dict[str, int] = field(default_factory=dict)  # cumulative, by reason
    shortfall: int | None = None  # sent as the source says - received; None = it does not say
    declared: int = 0  # events declared lost in gaps
    delay_since_us: int = 0
    delay_us: int | None = None  # least append time - sent since ``delay_since_us``
    delay_before_us: int | None = None  # ... and in the period before

    @property
    def shift_us(self) -> int:
        """What to add to its instants: 0, or the whole seconds by which its clock is off.

        A message may be late, never early: the least delay is the clock's. So a broker outage is
        not taken for a wrong clock.
        """
        delays = [d for d in (self.delay_us, self.delay_before_us) if d is not None]
        delay = min(delays, default=0)
        return round(delay / SECOND_US) * SECOND_US if abs(delay) > SKEW_US else 0

    def blocks(self, end_us: int) -> bool:
        """Whether events before ``end_us`` may still come from it."""
        if self.bye or not (self.sends_events or self.watermark_us is not None):
            return False
        return self.watermark_us is None or self.watermark_us < end_us


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a stamp says about the record that carries it."""

    duplicate: bool = False
    skewed: bool = False
    shift_us: int = 0
    recovered: int = 0  # events that were declared lost before
    lost: dict[str, int] = field(default_factory=dict)  # newly counted lost by the source
    version: str = ""  # that the source's losses belong to

    @property
    def is_plain(self) -> bool:
        """Whether it says no more than that its events are to be counted as they are."""
        return not (self.duplicate or self.skewed or self.recovered or self.lost)


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages of one source that never came."""

    version: str
    messages: int
    events: int  # below 0 where more had been declared lost than really was


class Sources:
    """All sources of one component.

    Parameters
    ----------
    lateness_us
        Longest wait for a source, on log time.
    anonymous_us
        How long a producer that numbers nothing is expected to come back.
    """

    def __init__(self, lateness_us: int, anonymous_us: int) -> None:
        self.lateness_us = lateness_us
        self.anonymous_us = anonymous_us
        self._sources: dict[str, Source] = {}
        self._anonymous_heard_us: int | None = None
        self._slowest: Source | None = None  # a witness that keeps windows open, found last

    def register(self, stamp: Stamp | None, now_us: int, events: tuple[str, int] | None) -> Arrival:
        """Note that a record came; ``events`` is its version and number of events, if any."""
        if stamp is None or not stamp.source:
            if events is not None:
                self._anonymous_heard_us = now_us
            return Arrival()
        source = self._sources.get(stamp.source) or self._welcome(stamp.source, now_us)
        source.heard_us = now_us
        source.bye = False
        if stamp.sent_us is not None:
            _measure_delay(source, now_us - stamp.sent_us, now_us, self.lateness_us)
        fresh, recovers = _see(source, stamp.sequence, now_us)
        lost = _count(source, stamp.counts)
        recovered = 0
        if events is not None and fresh:
            recovered = _receive(source, events, recovers=recovers)
        source.shortfall = _shortfall(source, stamp.counts)
        shift_us = source.shift_us
        return Arrival(not fresh, shift_us != 0, shift_us, recovered, lost, source.version)

    def progress(self, stamp: Stamp | None) -> None:
        """Let the record's watermark count."""
        if stamp is None or stamp.watermark_us is None or stamp.source not in self._sources:
            return
        source = self._sources[stamp.source]
        watermark_us = stamp.watermark_us + source.shift_us
        if source.watermark_us is None or watermark_us > source.watermark_us:
            source.watermark_us = watermark_us

    def bye(self, name: str) -> None:
        """A source has sent all it ever will."""
        if name in self._sources:
            self._sources[name].bye = True

    def all_bye(self) -> None:
        """Every source has, numbered or not."""
        for source in self._sources.values():
            source.bye = True
        self._anonymous_heard_us = None

    def due_us(self, end_us: int) -> int:
        """Log time at which a window with this end closes if nothing else comes."""
        latest = end_us + self.lateness_us
        if not self._sources:
            return latest
        due = end_us + min(GRACE_US, self.lateness_us)
        if self._anonymous_heard_us is not None:
            due = max(due, self._anonymous_heard_us + self.anonymous_us)
        for source in self._sources.values():
            if source.blocks(end_us) and source.heard_us + self.lateness_us > due:
                due = source.heard_us + self.lateness_us
                self._slowest = source
        return min(due, latest)

    def not_due(self, end_us: int, now_us: int) -> bool:
        """True where a glance shows that the window is not due yet."""
        if now_us < end_us + min(GRACE_US, self.lateness_us):
            return True
        slowest = self._slowest
        return (
            slowest is not None
            and slowest.blocks(end_us)
            and now_us < min(slowest.heard_us, end_us) + self.lateness_us
        )

    def frontier_us(self, now_us: int) -> int:
        """The latest end of a window that is due now."""
        latest = now_us - self.lateness_us
        anonymous = self._anonymous_heard_us
        if not self._sources or (anonymous is not None and now_us < anonymous + self.anonymous_us):
            return latest
        complete = now_us - min(GRACE_US, self.lateness_us)
        for source in self._sources.values():
            if now_us < source.heard_us + self.lateness_us and source.blocks(complete):
                complete = latest if source.watermark_us is None else source.watermark_us
        return max(latest, complete)

    def write_off(self, now_us: int, *, version: str | None = None, grace_us: int = 0) -> list[Gap]:
        """Declare lost what is missing now (of one version's sources, for ``grace_us`` or more)."""
        gaps = []
        for source in self._sources.values():
            if version is not None and source.version != version:
                continue
            if source.missing and source.missing_since_us + grace_us > now_us:
                continue
            gap = _write_off(source)
            if gap is not None:
                gaps.append(gap)
        return gaps

    def last_heard(self, now_us: int) -> tuple[int | None, bool]:
        """When one that has not said goodbye was heard, and whether such a one sends heartbeats."""
        there = [source for source in self._sources.values() if not source.bye]
        beating = [source.heard_us for source in there if source.watermark_us is not None]
        if beating:
            return max(beating), True
        heard = [source.heard_us for source in there if source.sends_events]
        anonymous = self._anonymous_heard_us
        if anonymous is not None and now_us < anonymous + self.anonymous_us:
            heard.append(anonymous)
        return max(heard, default=None), False

    def to_builtins(self) -> Any:
        """Everything, for the register."""
        return [self._anonymous_heard_us, msgspec.to_builtins(self._sources)]

    def restore(self, stored: Any) -> None:
        """Take over what ``to_builtins`` gave."""
        self._anonymous_heard_us, sources = stored
        self._sources = msgspec.convert(sources, dict[str, Source])

    def _welcome(self, name: str, now_us: int) -> Source:
        if self._sources and len(self._sources) % _FORGET_EVERY == 0:
            self._forget(now_us)
        source = self._sources[name] = Source(delay_since_us=now_us)
        return source

    def _forget(self, now_us: int) -> None:
        """Let go of sources that are silent for long, and of the oldest where they are too many."""
        kept_us = max(FORGET_US, 2 * self.lateness_us)
        known = {n: s for n, s in self._sources.items() if s.heard_us + kept_us >= now_us}
        if len(known) > MOST_SOURCES - _FORGET_EVERY:
            oldest_first = sorted(known, key=lambda name: (known[name].heard_us, name))
            known = {name: known[name] for name in oldest_first[_FORGET_EVERY:]}
        self._sources = known
        self._slowest = None


def _measure_delay(source: Source, delay_us: int, now_us: int, period_us: int) -> None:
    """Keep the least delay of this period and of the one before."""
    if now_us >= source.delay_since_us + period_us:
        recent = now_us < source.delay_since_us + 2 * period_us
        source.delay_before_us = source.delay_us if recent else None
        source.delay_us, source.delay_since_us = None, now_us
    source.delay_us = delay_us if source.delay_us is None else min(source.delay_us, delay_us)


def _see(source: Source, sequence: int, now_us: int) -> tuple[bool, bool]:
    """Whether a sequence is new, and whether it had been declared lost."""
    if sequence < 0:
        return True, False
    if sequence > source.highest:
        if sequence > source.highest + 1:
            source.missing_since_us = source.missing_since_us if source.missing else now_us
            source.missing.append((source.highest + 1, sequence - 1))
            if len(source.missing) > MOST_RANGES:
                source.written_off.append(source.missing.pop(0))
        source.highest = sequence
        return True, False
    if _fill(source.missing, sequence):
        return True, False
    recovers = _fill(source.written_off, sequence)
    return recovers, recovers


def _fill(ranges: list[Range], sequence: int) -> bool:
    """Take a sequence out of the ranges that miss it; False if none does."""
    for place, (first, last) in enumerate(ranges):
        if first <= sequence <= last:
            rest = [(first, sequence - 1), (sequence + 1, last)]
            ranges[place : place + 1] = [(low, high) for low, high in rest if low <= high]
            return True
    return False


def _count(source: Source, counts: Mapping[str, int]) -> dict[str, int]:
    """Take over cumulative counts; what was newly lost, by reason."""
    lost = {}
    for reason, total in counts.items():
        new = total - source.lost.get(reason, 0)
        if reason not in _NOT_LOST and new > 0:
            lost[reason] = new
            source.lost[reason] = total
    return lost


def _shortfall(source: Source, counts: Mapping[str, int]) -> int | None:
    """Events that were sent, as the source says, and did not come; as before if it says nothing."""
    if not counts:
        return source.shortfall
    accepted = counts.get(ACCEPTED, sum(counts.values()))
    kept_back = counts.get("sampled_out", 0) + counts.get("spooled", 0)
    return accepted - kept_back - sum(source.lost.values()) - source.received


def _receive(source: Source, events: tuple[str, int], *, recovers: bool) -> int:
    """Count a message with events; returns how many of them had been declared lost."""
    source.version, n = events
    source.sends_events = True
    source.messages += 1
    source.received += n
    recovered = min(n, source.declared) if recovers else 0
    source.declared -= recovered
    return recovered


def _write_off(source: Source) -> Gap | None:
    messages = sum(last - first + 1 for first, last in source.missing)
    if source.shortfall is None:
        events = round(messages * source.received / max(1, source.messages))
    else:
        events = max(0, source.shortfall) - source.declared
        # Between messages the shortfall is rough: only the last word takes something back.
        events = events if source.bye else max(0, events)
    if not messages and not (source.bye and events):
        return None
    source.written_off = [*source.written_off, *source.missing][-MOST_RANGES:]
    source.missing = []
    source.declared += events
    return Gap(source.version, messages, events)
