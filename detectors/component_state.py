"""The state of one component: a pure function of its partition's log and its recorded specs.

No I/O and no clock: what comes in are the records of the log, one by one in their order, each
with its position; what comes out are findings. The same records give the same findings, byte for
byte, however they were fetched and wherever the state was written down and read back in between.

Order within one record: log time advances (and closes what it alone closes), then the source is
registered, then the events or labels are counted, then the record's watermark counts (and closes
what watermarks close). Every method returns the findings that its input caused, in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from detectors.base import Detector
    from detectors.reference import Reference
    from governance.component.schema import Component
    from governance.event import EventBatch, LabelBatch
    from governance.finding import Finding
    from governance.wire.headers import Stamp


@dataclass(frozen=True, slots=True)
class Position:
    """Where a record stands in the log: its offset and its append time."""

    offset: int
    append_time_us: int


class ComponentState:
    """All that is remembered about one component.

    Parameters
    ----------
    component
        The spec that acts from now on.
    reference
        What drift is measured against; None = there is none.
    make
        Makes the detectors of a spec; ``detectors.catalog.make_detectors`` in production.
    generation
        Number of the recorded spec, from 1.
    """

    def __init__(
        self,
        component: Component,
        reference: Reference | None,
        make: Callable[[Component, Reference | None], tuple[Detector, ...]],
        *,
        generation: int = 1,
    ) -> None:
        raise NotImplementedError

    def events(self, batch: EventBatch, at: Position, stamp: Stamp | None = None) -> list[Finding]:
        """Count a batch of events; a batch whose sequence was seen is skipped and counted.

        Raises
        ------
        PermanentError
            If the batch cannot be counted (dead-letter it); the state is as before.
        """
        raise NotImplementedError

    def labels(self, batch: LabelBatch, at: Position, stamp: Stamp | None = None) -> list[Finding]:
        """Join labels with the events that wait for them; raises as ``events``."""
        raise NotImplementedError

    def heartbeat(self, stamp: Stamp, at: Position) -> list[Finding]:
        """A source says that it lives and how far it is."""
        raise NotImplementedError

    def bye(self, stamp: Stamp, at: Position) -> list[Finding]:
        """A source says that it has sent all it ever will."""
        raise NotImplementedError

    def advance(self, log_time_us: int) -> list[Finding]:
        """Log time has reached ``log_time_us`` (another record of the partition, a tick)."""
        raise NotImplementedError

    def finish(self) -> list[Finding]:
        """The log has ended, for ``replay`` and ``gate``.

        Every source says bye, open panes close (the newest as ``partial``), and log time moves
        past the label horizon, so that every window is judged on all labels that came.
        """
        raise NotImplementedError
