"""What comes and nobody compares: features that the reference lacks, modalities not declared.

Both are counted beside what is compared, and named in the verdict on the component, so that nobody
takes silence about them for calm; so are settings for features that are nowhere.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from detectors.drift.unmatched import remark
from detectors.reference import is_excluded, split_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from detectors.base import Pane
    from detectors.reference import Reference
    from governance.algebra.sums import Sums
    from governance.component.schema import Component
    from governance.event import EventBatch

NOT_COMPARED = "drift.not_compared."
NOT_DECLARED = "drift.not_declared."
MOST_NAMES = 16  # that are counted of one batch; of more those whose checksums are smallest
_LISTED = 8


class Strangers:
    """Counts what is not compared; immutable.

    The arrays are named by feature (``drift.not_compared.tabular.age``) or modality, and hold the
    events of the batches that carried it.
    """

    def __init__(self, component: Component, reference: Reference | None) -> None:
        self._component = component
        self._declared = frozenset(modality.value for modality in component.spec.model.modality)
        self._known = None if reference is None else frozenset(reference.inputs)
        self._unmatched = "" if reference is None else remark(component, reference)

    def add(self, batch: EventBatch) -> Sums:
        """The events of a batch by each stranger; without a reference every feature is known."""
        if batch.n == 0:
            return {}
        found = [*self._not_compared(batch.columns), *self._not_declared(batch)]
        return {name: np.array([batch.n], dtype=np.int64) for name in found}

    def remarks(self, panes: Sequence[Pane], modality: str, *, on_all: bool) -> list[str]:
        """What the newest pane held of a modality that is not compared, in words.

        ``on_all`` adds the modalities that are not declared, and settings for what is nowhere.
        """
        counts = panes[-1].sums
        features = _counted(counts, f"{NOT_COMPARED}{modality}.")
        remarks = [_features(modality, features)] if features else []
        if not on_all:
            return remarks
        modalities = _counted(counts, NOT_DECLARED)
        words = _modalities(modalities) if modalities else ""
        return [part for part in (*remarks, words, self._unmatched) if part]

    def _not_compared(self, columns: Iterable[str]) -> list[str]:
        if self._known is None:
            return []
        names = [
            name
            for name in columns
            if name not in self._known
            and split_name(name)[0] in self._declared
            and not is_excluded(name, self._component)
        ]
        return [f"{NOT_COMPARED}{name}" for name in _few(names)]

    def _not_declared(self, batch: EventBatch) -> set[str]:
        seen = {split_name(name)[0] for name in batch.columns} | set(batch.vectors)
        return {f"{NOT_DECLARED}{modality}" for modality in seen - self._declared - {""}}


def _few(names: list[str]) -> list[str]:
    if len(names) <= MOST_NAMES:
        return names
    return sorted(names, key=lambda name: (zlib.crc32(name.encode()), name))[:MOST_NAMES]


def _counted(counts: Mapping[str, NDArray[np.int64]], prefix: str) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for name in sorted(counts):
        if name.startswith(prefix):
            found[name.removeprefix(prefix)] += int(counts[name][0])
    return found


def _features(modality: str, events: Mapping[str, int]) -> str:
    return (
        f"not_compared: {_told(events)}, which the reference lacks: measure it again with "
        f"`evenhand baseline`, or exclude it in spec.signals.features.{modality}"
    )


def _modalities(events: Mapping[str, int]) -> str:
    return f"not_declared: {_told(events)}, which spec.model.modality does not list"


def _told(events: Mapping[str, int]) -> str:
    """Names with their events, the most frequent first."""
    ranked = sorted(events.items(), key=lambda item: (-item[1], item[0]))
    told = [f"{name} ({count} events)" for name, count in ranked[:_LISTED]]
    more = [f"{len(ranked) - _LISTED} more"] if len(ranked) > _LISTED else []
    return ", ".join([*told, *more])
