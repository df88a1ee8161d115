"""Where a source of events keeps its counts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from governance.component.key import ComponentKey

_NO_LOSS = {"accepted", "published"}


class Ledger(Protocol):
    """Counts by component; a sidecar's outlive its process.

    Outcomes, in events: ``accepted``, ``published``, ``refused`` (the bus will never take it),
    ``spool_full``; what is accepted and none of the others waits for the bus.
    """

    def count(self, component: ComponentKey, outcome: str, events: int, /) -> None:
        """Add to an outcome."""

    def sequence(self, component: ComponentKey, /) -> int:
        """The number of the component's next message."""

    def use_sequence(self, component: ComponentKey, /) -> None:
        """That number is given away."""

    def counts(self, component: ComponentKey, /) -> Mapping[str, int]:
        """``evh-counts``: accepted, spooled, and lost by reason."""


class MemoryLedger:
    """Counts of a source that ends with its process: the door."""

    def __init__(self) -> None:
        self.totals: dict[ComponentKey, Counter[str]] = {}
        self._sequences: Counter[ComponentKey] = Counter()

    def count(self, component: ComponentKey, outcome: str, events: int) -> None:
        self.totals.setdefault(component, Counter())[outcome] += events

    def sequence(self, component: ComponentKey) -> int:
        return self._sequences[component]

    def use_sequence(self, component: ComponentKey) -> None:
        self._sequences[component] += 1

    def counts(self, component: ComponentKey) -> Mapping[str, int]:
        totals = self.totals.get(component, Counter())
        lost = {reason: n for reason, n in totals.items() if reason not in _NO_LOSS}
        spooled = totals["accepted"] - totals["published"] - sum(lost.values())
        return {"accepted": totals["accepted"], "spooled": spooled, **lost}
