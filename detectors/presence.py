"""What a component's owner tells those who look by the wall clock: is anybody there.

Alerting says ``blind`` and ``idle`` from this and its own clock, also when the owner is dead: it
is stored with each checkpoint, and grows old by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.store.presence import Presence

if TYPE_CHECKING:
    from detectors.memory import Memory


def presence_of(memory: Memory) -> Presence:
    """Who is expected to send, when one of them was last heard, and when a window is due."""
    sources = memory.sources
    heard_us, beating = sources.last_heard(memory.log_time_us)
    due = [
        pane.end_us
        for era in memory.eras
        if era.spec.monitoring.windows.kind == "every"
        for panes in era.versions.values()
        for pane in panes.open.values()
    ]
    due_us = min(due) + sources.lateness_us if due else None
    return Presence(heard_us=heard_us, beating=beating, due_us=due_us)
