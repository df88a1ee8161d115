"""Names under ``spec.monitoring.drift.features`` that nothing in the reference is called by.

A name that is written wrongly would silently leave its feature at the general threshold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.reference import EMBEDDING, JOINT, OUTPUTS, is_excluded, split_name
from governance.component.nearest import did_you_mean
from governance.component.schema import Modality

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detectors.reference import Reference
    from governance.component.schema import Component

_LISTED = 8


def unmatched(component: Component, reference: Reference) -> dict[str, str]:
    """What is wrong with each name that nothing is called by, in words; empty if nothing is."""
    declared = component.spec.monitoring.drift.features
    if not declared:
        return {}
    known = dict.fromkeys(_subjects(component, reference))
    return {
        name: f"no column of the reference is called {name!r}{did_you_mean(name, known)}"
        for name in declared
        if name not in known
    }


def remark(component: Component, reference: Reference) -> str:
    """The same as one remark on a finding."""
    names = list(unmatched(component, reference))
    if not names:
        return ""
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    listed = ", ".join(names[:_LISTED])
    return f"not_seen: {listed}{more} of spec.monitoring.drift.features: the reference has no such"


def _subjects(component: Component, reference: Reference) -> Iterator[str]:
    """Every name by which settings may call what is compared."""
    yield from OUTPUTS
    modalities = component.spec.model.modality
    for column in reference.inputs:
        modality, bare = split_name(column)
        if modality in modalities and not is_excluded(column, component):
            yield from (bare, column)
    for modality in modalities:
        whole = JOINT if modality is Modality.TABULAR else EMBEDDING
        yield from (whole, f"{modality.value}.{whole}")
