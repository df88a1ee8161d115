"""How every component stands now: its declaration, whether it is in sight, what is gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alerting.declared import Declared
from alerting.sight import Sight, retired, sight_of
from governance.store.presence import NOBODY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from governance.component.key import ComponentKey
    from governance.store.components import Components, ComponentSummary
    from governance.store.presence import Presences


@dataclass(frozen=True, slots=True)
class Standing:
    """One component; ``judged_us`` is when the newest window of each version was judged."""

    declared: Declared
    sight: Sight
    judged_us: Mapping[str, int]

    def retired(self, version: str, now_us: int) -> str | None:
        """Why a version is gone; None where it is not."""
        monitoring = self.declared.component.spec.monitoring
        return retired(self.judged_us.get(version), self.sight, monitoring, now_us)


class Standings:
    """Reads them all at once; a specification is parsed once a generation."""

    def __init__(self, components: Components, presences: Presences) -> None:
        self._components = components
        self._presences = presences
        self._declared: dict[ComponentKey, Declared] = {}

    def read(self, now_us: int) -> dict[ComponentKey, Standing]:
        """Every component of which a generation is recorded; raises StoreError."""
        presences = self._presences.find()
        found = {summary.component: summary for summary in self._components.find()}
        self._declared = {key: self._parsed(summary) for key, summary in found.items()}
        return {
            key: Standing(
                declared := self._declared[key],
                sight_of(presences.get(key, NOBODY), declared.component.spec.monitoring, now_us),
                {one.version: one.judged_us for one in summary.versions},
            )
            for key, summary in found.items()
        }

    def _parsed(self, summary: ComponentSummary) -> Declared:
        known = self._declared.get(summary.component)
        if known is not None and known.generation == summary.generation:
            return known
        return Declared.read(summary)
