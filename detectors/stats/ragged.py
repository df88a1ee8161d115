"""Features of different numbers of bins side by side in one axis.

Statistics of many features are computed in one pass: their bins lie one after another in the last
axis of an array, and a ``Ragged`` says where each feature begins. A single feature is a ``Ragged``
of one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ragged:
    """The last axis of arrays as F features of ``sizes`` bins; every feature has at least one."""

    sizes: tuple[int, ...]
    starts: NDArray[np.intp] = field(init=False, repr=False, compare=False)  # shape (F,)
    owner: NDArray[np.intp] = field(init=False, repr=False, compare=False)  # shape (bins,)

    def __post_init__(self) -> None:
        sizes = np.array(self.sizes, dtype=np.intp)
        object.__setattr__(self, "starts", np.cumsum(sizes) - sizes)
        object.__setattr__(self, "owner", np.repeat(np.arange(len(sizes)), sizes))

    def slice(self, feature: int) -> slice:
        """Where the bins of one feature are."""
        start = int(self.starts[feature])
        return slice(start, start + self.sizes[feature])

    def places(self, features: Sequence[int]) -> NDArray[np.intp]:
        """Indices of the bins of some features, in their order."""
        parts = [np.arange(self.slice(f).start, self.slice(f).stop) for f in features]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.intp)

    def sum(self, bins: NDArray[Any]) -> NDArray[Any]:
        """Sum per feature: (..., bins) to (..., F)."""
        return np.add.reduceat(bins, self.starts, axis=-1)

    def max(self, bins: NDArray[Any]) -> NDArray[Any]:
        """Largest per feature: (..., bins) to (..., F)."""
        return np.maximum.reduceat(bins, self.starts, axis=-1)

    def min(self, bins: NDArray[Any]) -> NDArray[Any]:
        """Smallest per feature: (..., bins) to (..., F)."""
        return np.minimum.reduceat(bins, self.starts, axis=-1)

    def spread(self, features: NDArray[Any]) -> NDArray[Any]:
        """One number per feature to each of its bins: (..., F) to (..., bins)."""
        return features[..., self.owner]

    def cumsum(self, bins: NDArray[Any]) -> NDArray[Any]:
        """Running sum within each feature, the own bin included."""
        running = np.cumsum(bins, axis=-1)
        before = running[..., self.starts] - bins[..., self.starts]
        within: NDArray[Any] = running - self.spread(before)
        return within
