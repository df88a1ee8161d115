"""The publisher's counts, in the file that pump and reader share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collectors.sidecar.counters import Reader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collectors.sidecar.counters import Counters
    from governance.component.key import ComponentKey


class FileLedger:
    """A ``collectors.ledger.Ledger`` of one component."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self.requests = 1  # whose events are accepted next

    def count(self, _: ComponentKey, outcome: str, events: int) -> None:
        if outcome == "accepted":
            self._counters.add(
                (Reader.CAPTURED_EVENTS, events),
                (Reader.CAPTURED_REQUESTS, self.requests),
                (Reader.SPOOLED, events),
            )
        else:
            self._counters.add((Reader[outcome.upper()], events), (Reader.SPOOLED, -events))

    def sequence(self, _: ComponentKey) -> int:
        return self._counters.reader(Reader.SEQUENCE)

    def use_sequence(self, _: ComponentKey) -> None:
        self._counters.add((Reader.SEQUENCE, 1))

    def counts(self, _: ComponentKey) -> Mapping[str, int]:
        outcomes = self._counters.outcomes()
        accepted = sum(outcomes.values())
        del outcomes["published"]
        return {"accepted": accepted, **outcomes}
