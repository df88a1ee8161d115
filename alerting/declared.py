"""A component's declaration in force, with where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from governance.audit import Cause
from governance.component.schema import Component

if TYPE_CHECKING:
    from governance.store.components import ComponentSummary


@dataclass(frozen=True, slots=True)
class Declared:
    """A component with its generation and the Git commit that declared it."""

    component: Component
    generation: int = 0
    commit: str | None = None

    @classmethod
    def read(cls, found: ComponentSummary) -> Declared:
        """The declaration as the store keeps it."""
        component = Component.model_validate_json(found.spec)
        return cls(component, found.generation, found.commit)

    @property
    def audited(self) -> bool:
        """Whether the component keeps an audit trail."""
        return self.component.spec.governance.audit_trail.enabled

    def cause(self, reason: str) -> Cause:
        """The ground of a decision that follows from this declaration."""
        return Cause(reason, generation=self.generation, commit=self.commit)
