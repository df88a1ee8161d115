"""What waits for the next checkpoint, also after one that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.store.checkpoints import Checkpoint, PaneRow, RegisterRow, SegmentRow

if TYPE_CHECKING:
    from detectors.state_rows import StateRows
    from governance.component.key import ComponentKey
    from governance.finding import Finding
    from governance.store.checkpoints import GenerationRow


class Unwritten:
    """Rows and findings that no transaction has taken yet; newer rows replace older ones.

    ``nbytes`` is the size of all blobs.
    """

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.generations: list[GenerationRow] = []
        self._registers: dict[ComponentKey, RegisterRow] = {}
        self._panes: dict[tuple[ComponentKey, str, int, str], bytes] = {}
        self._segments: dict[tuple[ComponentKey, int], bytes] = {}
        self.nbytes = 0

    def take(self, key: ComponentKey, rows: StateRows) -> None:
        """Add what has changed of a component."""
        self._registers[key] = RegisterRow(key, rows.register, rows.presence)
        for (version, slot, kind), blob in rows.panes.items():
            self._panes[key, version, slot, kind] = blob
        for number, blob in rows.segments.items():
            self._segments[key, number] = blob
        blobs = [row.blob for row in self._registers.values()]
        blobs += [*self._panes.values(), *self._segments.values()]
        self.nbytes = sum(map(len, blobs))

    def checkpoint(self, next_offset: int, log_time_us: int) -> Checkpoint:
        """All of it, at a place in the log."""
        return Checkpoint(
            next_offset,
            log_time_us,
            registers=tuple(self._registers.values()),
            panes=[PaneRow(*place, blob) for place, blob in self._panes.items()],
            segments=[SegmentRow(*place, blob) for place, blob in self._segments.items()],
            generations=tuple(self.generations),
            findings=tuple(self.findings),
        )
