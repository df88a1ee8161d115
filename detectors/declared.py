"""What a worker knows of a component before it reads the log: its spec, and what to judge by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from detectors.era import Spec
from detectors.profile import parse_profile, profile_text
from governance.component.load import read_canonical
from governance.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from detectors.era import Make
    from detectors.reference import Reference
    from governance.component.key import ComponentKey
    from governance.component.schema import Component
    from governance.store.checkpoints import GenerationRow
    from governance.store.references import References


@dataclass(frozen=True, slots=True)
class Declared:
    """A component as it is declared now; ``canonical`` is the text that a generation records."""

    component: Component
    canonical: str
    reference: Reference | None
    make: Make

    @property
    def key(self) -> ComponentKey:
        """``namespace/name``."""
        return self.component.key

    @property
    def is_open(self) -> bool:
        """Whether its data may be shown as they are."""
        return self.component.spec.governance.data_privacy.level == "open"

    def spec(self, generation: int) -> Spec:
        """The declaration under a number."""
        return Spec(generation, self.component, self.reference, self.make)

    def check(self) -> None:
        """Raises ConfigError if no detectors can be made of it."""
        self.spec(1).detectors(self.component.spec.model.version)

    def keep_reference(self, references: References) -> None:
        """Store the reference under its hash, so that later generations can be judged by it."""
        if self.reference is not None:
            references.put(self.reference.id, profile_text(self.reference).encode())


def recorded_specs(
    declared: Declared,
    rows: Mapping[int, GenerationRow],
    references_of: Mapping[int, str | None],
    references: References,
) -> dict[int, Spec]:
    """The recorded specs that a stored state still needs, by generation.

    Parameters
    ----------
    declared
        The component as it is declared now.
    rows
        Recorded generations by number.
    references_of
        Generations that are needed, with the hash of the reference that each was judged by.

    Raises
    ------
    ConfigError
        If a reference is neither the declared one nor in the store, or a recorded spec cannot be
        read.
    """
    return {
        generation: Spec(
            generation,
            _recorded(declared, rows[generation]),
            _reference(declared, wanted, references),
            declared.make,
        )
        for generation, wanted in references_of.items()
    }


def _recorded(declared: Declared, row: GenerationRow) -> Component:
    try:
        return read_canonical(row.spec)
    except ValueError as error:
        raise ConfigError(
            f"{declared.key}: generation {row.generation}, recorded by another build of Evenhand, "
            f"cannot be read by this one: {error}"
        ) from None


def _reference(declared: Declared, wanted: str | None, references: References) -> Reference | None:
    now = declared.reference
    if wanted is None or (now is not None and now.id == wanted):
        return None if wanted is None else now
    profile = references.get(wanted)
    if profile is None:
        raise ConfigError(
            f"{declared.key} was judged by reference {wanted}, which the database does not hold: "
            "restore the table references"
        )
    return parse_profile(profile, f"reference {wanted}")
