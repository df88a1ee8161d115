"""What one modality sees of an inference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from collectors.signals import Seen
    from governance.event import Column


class Look(NamedTuple):
    """What was seen of n instances.

    Columns are named ``<modality>.<feature>``, each of shape (n,). Vectors are embeddings by
    modality, shape (n, coordinates), where they are wanted. Counts are of what could not be seen,
    by reason.
    """

    columns: dict[str, Column]
    vectors: Mapping[str, NDArray[Any]] = {}
    counts: Mapping[str, int] = {}


class FeatureSource(Protocol):
    """What one modality makes of an inference.

    ``reads_contents`` tells whether it is dear, so that it may not be asked of every event.
    """

    @property
    def reads_contents(self) -> bool:
        """Whether its features are read out of texts, pictures or recordings."""

    def look(self, seen: Seen, asked: NDArray[np.bool_] | None = None) -> Look:
        """Features and embedding of each instance; raises CaptureError where they do not fit.

        ``asked``, shape (n,), marks the instances whose contents are to be looked into; of the
        others these features are missing. None = all.
        """
