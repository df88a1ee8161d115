"""The checkpoint: all that a partition's owner remembers, written in one transaction.

An owner first claims an epoch, *then* loads, then seeks to the stored offset. Whoever writes
under an older epoch is ``Fenced``. Offsets, registers, panes, pending segments and findings of one
checkpoint become visible together or not at all, so a restart repeats work and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine

    from governance.component.key import ComponentKey
    from governance.finding import Finding


@dataclass(frozen=True, slots=True)
class Claim:
    """What an owner got: its epoch, and where the partition stands."""

    partition: int
    epoch: int
    next_offset: int
    log_time_us: int


@dataclass(frozen=True, slots=True)
class PaneRow:
    """One packed pane; ``kind`` is ``sums`` or ``outcomes``; an empty blob deletes the row."""

    component: ComponentKey
    version: str
    pane: int
    kind: str
    blob: bytes


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """One append-only segment of pending ids, at most 4 MiB; an empty blob deletes the row."""

    component: ComponentKey
    segment: int
    blob: bytes


@dataclass(frozen=True, slots=True)
class RegisterRow:
    """Everything small that a component's state needs besides panes and segments, as one blob."""

    component: ComponentKey
    blob: bytes


@dataclass(frozen=True, slots=True)
class GenerationRow:
    """One recorded spec of a component, and the offset from which it acts.

    A replay of the log takes the recorded generations, so it repeats every decision.
    """

    component: ComponentKey
    generation: int
    from_offset: int
    spec: str  # canonical JSON of the component document
    commit: str | None = None  # Git commit it came from, where known


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What changed since the last checkpoint; registers, panes and segments are upserts."""

    next_offset: int
    log_time_us: int
    registers: Sequence[RegisterRow] = ()
    panes: Sequence[PaneRow] = ()
    segments: Sequence[SegmentRow] = ()
    generations: Sequence[GenerationRow] = ()
    findings: Sequence[Finding] = ()


@dataclass(frozen=True, slots=True)
class PartitionState:
    """All stored rows of one partition."""

    registers: Sequence[RegisterRow]
    panes: Sequence[PaneRow]
    segments: Sequence[SegmentRow]
    generations: Sequence[GenerationRow]


class Checkpoints:
    """The port: claim, load, commit. Raises StoreError when the database is away.

    State is per worker group: a second group with its own database (or its own group name in the
    same database) computes everything again from the same log.
    """

    def __init__(self, engine: Engine, group: str = "evenhand") -> None: ...

    def claim(self, partition: int, owner: str) -> Claim:
        """Raise the partition's epoch by one and return it with the stored position."""

    def load(self, claim: Claim) -> PartitionState:
        """All rows of the claimed partition, in a fixed order."""

    def commit(self, claim: Claim, checkpoint: Checkpoint) -> None:
        """Write the checkpoint under the claim's epoch, in one transaction.

        Findings are inserted with ``evaluated_at`` null; a finding (id, revision) that is there
        already is left alone.

        Raises
        ------
        Fenced
            If another owner has claimed the partition since.
        """
