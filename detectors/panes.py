"""One pane of one version, from its first event until no verdict can read it any more."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from detectors.base import Pane
from governance.algebra.packed import PackedSums, pack, unpack

if TYPE_CHECKING:
    from collections.abc import Callable

    from governance.algebra.sums import Sums
    from governance.event import EventBatch


UNUSABLE = "unusable"  # the reason for which events that no detector can add are lost


@dataclass(slots=True)
class Said:
    """The newest revision of a finding, a digest of what it says, whether labels may change it."""

    revision: int
    digest: bytes
    provisional: bool


_PACKED: Sums = {}  # in the place of what a closed pane has packed; one for all, never changed


@dataclass(slots=True)
class PaneState:
    """A pane while it is open, and after.

    ``slot`` names it within the component, over versions and generations. ``opened_us`` and
    ``heard_us`` are the log times of its first and newest event; ``mature_us`` is the log time
    from which labels no longer count. ``base_revision`` is above 0 where a pane of an earlier
    generation had the same number.
    """

    slot: int
    number: int
    start_us: int
    end_us: int
    opened_us: int
    heard_us: int
    base_revision: int = 0
    events: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    closed: bool = False
    partial: bool = False
    mature_us: int = 0
    final: bool = False  # no revision will follow
    dirty: bool = False  # labels came since it was judged
    said: dict[str, Said] = field(default_factory=dict)
    sums: Sums = field(default_factory=dict)
    packed: bytes = b""  # the sums, once closed
    outcomes: Sums = field(default_factory=dict)
    packed_outcomes: bytes = b""  # the outcomes, once closed
    waiting: list[EventBatch] = field(default_factory=list)  # counted, not yet added up
    labelled: list[Any] = field(default_factory=list)  # outcomes not yet added up
    sums_changed: bool = True  # since they were last written
    outcomes_changed: bool = True

    @property
    def waiting_events(self) -> int:
        """Events that are counted and not yet added up."""
        return sum(part.n for part in self.waiting)

    @property
    def lost_share(self) -> float:
        """Lost part of what was accepted, in [0, 1]."""
        lost = sum(self.lost.values())
        return lost / (self.events + lost) if lost else 0.0

    def close(self, *, partial: bool, mature_us: int) -> None:
        """No further event: pack the sums."""
        self.closed, self.partial, self.mature_us = True, partial, mature_us
        self.events -= self.lost.get(UNUSABLE, 0)
        self.packed, self.packed_outcomes = pack(self.sums), pack(self.outcomes)
        self.sums = self.outcomes = _PACKED
        self.sums_changed = self.outcomes_changed = True

    def change_outcomes(self, change: Callable[[Sums], Sums]) -> None:
        """Add or take away labelled events; those of a closed pane are packed again."""
        if self.closed:
            self.packed_outcomes = pack(change(unpack(self.packed_outcomes)))
        else:
            self.outcomes = change(self.outcomes)

    def lose(self, reason: str, n: int) -> None:
        """Count events that should have been in this pane."""
        self.lost[reason] = self.lost.get(reason, 0) + n
        self.sums_changed = True

    def view(self) -> Pane:
        """As detectors see it: read from the packed form."""
        return Pane(
            self.number,
            self.start_us,
            self.end_us,
            self.events,
            PackedSums(self.packed) if self.packed else {},
            PackedSums(self.packed_outcomes) if self.packed_outcomes else self.outcomes,
            self.lost_share,
            self.partial,
        )


_SUMS_FIELDS = (
    "number",
    "start_us",
    "end_us",
    "opened_us",
    "heard_us",
    "base_revision",
    "events",
    "lost",
    "closed",
    "partial",
    "mature_us",
)


def sums_blob(pane: PaneState, started: int) -> bytes:
    """Row ``sums``: what the pane is and its sums; ``started`` names the ladder's generation."""
    fields = [getattr(pane, name) for name in _SUMS_FIELDS]
    return msgspec.msgpack.encode([started, fields, pane.packed or pack(pane.sums)])


def outcomes_blob(pane: PaneState) -> bytes:
    """Row ``outcomes``: its labelled sums and what was said of it."""
    said = [(id_, s.revision, s.digest, s.provisional) for id_, s in pane.said.items()]
    return msgspec.msgpack.encode(
        [pane.final, pane.dirty, said, pane.packed_outcomes or pack(pane.outcomes)]
    )


def read_pane(slot: int, sums: bytes, outcomes: bytes | None) -> tuple[int, PaneState]:
    """The generation that started the pane's ladder, and the pane."""
    started, fields, packed = msgspec.msgpack.decode(sums)
    known = dict(zip(_SUMS_FIELDS, fields, strict=True))
    pane = PaneState(slot=slot, sums_changed=False, outcomes_changed=False, **known)
    if pane.closed:
        pane.packed = packed
    else:
        pane.sums = unpack(packed)
    if outcomes is not None:
        pane.final, pane.dirty, said, labelled = msgspec.msgpack.decode(outcomes)
        pane.said = {id_: Said(*rest) for id_, *rest in said}
        if pane.closed:
            pane.packed_outcomes = labelled
        else:
            pane.outcomes = unpack(labelled)
    return started, pane
