"""Drift of a modality's embedding: maximum mean discrepancy of Fourier sums (STATISTICS 2).

One more subject, ``embedding``, of its modality. What is added up are the features of the events'
vectors where they are in this process, else the sums that collectors made of them under the same
projection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.cells import sampling_weight
from detectors.drift.contents import looked_into
from detectors.drift.family import Members
from detectors.drift.subjects import Unbuilt
from detectors.drift.yardstick import declared_threshold
from detectors.embedding_reference import FEWEST_EMBEDDINGS
from detectors.ladder import Readings, trailing_sums, usable_windows
from detectors.reasons import NO_EVENTS
from detectors.reference import EMBEDDING, cut_otherwise, is_excluded, split_name
from detectors.stats.mmd import log_e_of, mmd_effect, tail_probability
from detectors.stats.overdispersion import LENGTHS, effective_size, make_deflation
from governance.algebra.bins import total_weight
from governance.algebra.fourier import SUM_SCALE
from governance.algebra.sums import (
    SQUARED_WEIGHT_SCALE,
    WEIGHT_SCALE,
    merge,
    squared_weighted_counts,
)
from governance.component.schema import Modality
from governance.embeddings import OWN
from governance.errors import ShapeError
from governance.event import sum_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detectors.base import WindowView
    from detectors.drift.coded import Coded
    from detectors.drift.family import Terms
    from detectors.embedding_reference import EmbeddingReference
    from detectors.reference import Reference
    from governance.algebra.sums import Sums
    from governance.component.schema import Component
    from governance.event import BatchSum
    from governance.finding import Verdict

    Floats = NDArray[np.float64]

TEST = "mmd"
THRESHOLD = 0.05  # grows with the replaced share: 27 % of tweets replaced by reviews
FEWEST_EFFECTIVE = 10.0  # effective events of the longest window

_NOUNS = {"text": "texts", "voice": "recordings", "image": "pictures"}


class Embedding:
    """Adds up the Fourier features of one modality, and measures them against a reference's."""

    subjects = ((EMBEDDING, TEST),)

    def __init__(self, component: Component, reference: Reference, modality: str) -> None:
        known = reference.embeddings[modality]
        self.modality = modality
        self.projection = known.projection
        self.sum_name = sum_name(modality, known.projection.hash)
        self._weights = f"{self.sum_name}.weights"
        self._mean, self._null = known.mean, known.null
        self._rows = np.array([float(known.rows)])
        self._deflation = make_deflation([known.ladder], self._rows)
        self.members = Members(
            thresholds=np.array([_threshold(component, modality)]),
            lengths=np.array([float(len(known.ladder) or len(LENGTHS))]),
            fewest=np.array([FEWEST_EFFECTIVE]),
            unfit=(_unfit(known, component, reference),),
            assumed=(not known.ladder,),
        )

    def add(self, coded: Coded) -> Sums:
        """The sums of one batch; nothing where none of its events has an embedding.

        Raises
        ------
        ShapeError
            If vectors, or a sum of the same projection, have another length than the reference's.
        """
        batch = coded.batch
        vectors, total = batch.vectors.get(self.modality), batch.sums.get(self.sum_name)
        parts = []
        if vectors is not None and self._is_own(vectors):
            asked = looked_into(batch)
            parts.append(self._of_vectors(asked.vectors[self.modality], sampling_weight(asked)))
        if total is not None:
            parts.append(self._of_sum(total))
        return merge(parts)

    def look(self, view: WindowView, lengths: Sequence[int]) -> EmbeddingLook:
        weights = trailing_sums(view, self._weights, lengths, 2)
        total, squared = weights[:, 0] / WEIGHT_SCALE, weights[:, 1] / SQUARED_WEIGHT_SCALE
        n = total**2 / np.where(squared > 0, squared, 1.0)
        sums = trailing_sums(view, self.sum_name, lengths, self.projection.size) / SUM_SCALE
        means = sums / np.where(total > 0, total, 1.0)[:, None]
        gap = ""
        newest = view.panes[-1]
        if self._weights not in newest.sums:
            gap = self._gap() if newest.events else NO_EVENTS
        return EmbeddingLook(self.modality, self._readings(means, n), (gap,))

    def _readings(self, means: Floats, n: Floats) -> Readings:
        size = np.where(n > 0, n, 1.0)
        rho = self._deflation.of(size)
        m = effective_size(rho, size[:, None], self._rows)
        squared = ((means - self._mean) ** 2).sum(axis=1, keepdims=True)
        usable = usable_windows(
            n, self._rows, self.members.lengths, np.array([not self.members.assumed[0]])
        )
        if self.members.unfit[0]:
            log_e = np.zeros_like(m)
        else:
            log_e = log_e_of(tail_probability(squared, m, self._null))
        return Readings(n, rho, m, log_e, mmd_effect(squared, m, self._null), usable)

    def _is_own(self, vectors: NDArray[np.generic]) -> bool:
        """Whether they are of the reference's embedding; a model may have changed its own."""
        name, width = self.projection.embedding, len(self.projection.scale)
        return name != OWN or vectors.shape[1] == width

    def _of_vectors(self, vectors: NDArray[np.generic], weight: Floats | None) -> Sums:
        if vectors.shape[1] != len(self.projection.scale):
            raise ShapeError(
                f"vectors {self.modality!r} have {vectors.shape[1]} coordinates, the reference's "
                f"{len(self.projection.scale)}"
            )
        kept = np.flatnonzero(self.projection.usable(vectors))
        if not len(kept):
            return {}
        own = None if weight is None else weight[kept]
        return self._arrays(
            self.projection.sums(vectors[kept], own),
            total_weight(len(kept), own),
            int(squared_weighted_counts(np.zeros(len(kept), dtype=np.intp), 1, own)[0]),
        )

    def _of_sum(self, total: BatchSum) -> Sums:
        if total.values.shape != (self.projection.size,):
            raise ShapeError(
                f"sum {self.sum_name!r} has shape {total.values.shape}, not "
                f"({self.projection.size},)"
            )
        n, weight = total.n, total.weight
        return self._arrays(
            total.values if weight == 1 else np.rint(total.values * weight).astype(np.int64),
            round(n * weight * WEIGHT_SCALE),
            round(n * weight**2 * SQUARED_WEIGHT_SCALE),
        )

    def _arrays(self, sums: NDArray[np.int64], weight: int, squared: int) -> Sums:
        return {self.sum_name: sums, self._weights: np.array([weight, squared])}

    def _gap(self) -> str:
        return (
            "no_embeddings: no event of the window carries an embedding under the reference's "
            f"projection {self.projection.hash}"
        )


@dataclass(frozen=True, slots=True)
class EmbeddingLook:
    """What was measured of an embedding; one column."""

    modality: str
    readings: Readings
    gaps: tuple[str, ...]

    def moved(self, member: int, row: int) -> str:
        distance = self.readings.effect.value[row, member]
        return f"{_NOUNS.get(self.modality, 'rows')} as a whole, MMD {distance:.2f}"

    def quality(self, terms: Terms) -> list[Verdict]:  # noqa: ARG002 - sums tell of nothing else
        return []


def is_measured(component: Component, reference: Reference, modality: str) -> bool:
    """Whether the reference has the embedding that the component's events carry."""
    known = reference.embeddings.get(modality)
    if known is None:
        return False
    is_own = known.projection.embedding == OWN
    return is_own == (Modality(modality) in component.spec.signals.embeddings)


def unmeasured(component: Component, reference: Reference, modality: str) -> tuple[Unbuilt, ...]:
    """The embedding of a modality of which the reference has features, but no embedding."""
    expected = Modality(modality) in component.spec.signals.embeddings or any(
        split_name(name)[0] == modality for name in reference.inputs
    )
    if (
        modality == Modality.TABULAR
        or not expected
        or is_measured(component, reference, modality)
        or is_excluded(f"{modality}.{EMBEDDING}", component)
    ):
        return ()
    own = Modality(modality) in component.spec.signals.embeddings
    reason = (
        f"reference: it holds no {'projection of the own ' if own else ''}embedding of {modality}: "
        "measure it again with `evenhand baseline`, from rows that can be read and are not all "
        "alike"
    )
    return (Unbuilt(EMBEDDING, _threshold(component, modality), reason),)


def _threshold(component: Component, modality: str) -> float:
    names = (f"{modality}.{EMBEDDING}", EMBEDDING)
    return declared_threshold(names, component.spec.monitoring.drift, THRESHOLD)


def _unfit(known: EmbeddingReference, component: Component, reference: Reference) -> str:
    if known.ladder and (cut := cut_otherwise(component, reference)):
        return cut
    if known.rows < FEWEST_EMBEDDINGS:
        return f"it has {known.rows} embeddings, at least {FEWEST_EMBEDDINGS} are needed"
    return "all its embeddings are equal" if known.constant else ""
