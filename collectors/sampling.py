"""Sampling by hash of the id: every pod and every restart keeps the same events.

The second half of the pseudonym decides, so that the choice is independent of whatever the label
join later decides by the first half.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from governance.algebra.sums import MAX_WEIGHT
from governance.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RANGE = 2**64


def check_sampling(probability: float) -> float:
    """The probability, if its weight can be counted; raises ConfigError if not."""
    if 0 < probability < 1 / MAX_WEIGHT:
        raise ConfigError(
            f"spec.capture.sampling: {probability:g} is below 1 in {MAX_WEIGHT:g}, the largest"
            " weight that an event can carry; write a larger share, or 0 to capture nothing"
        )
    return probability


def kept(event_ids: NDArray[np.void], probability: float) -> NDArray[np.bool_]:
    """Which events stay, shape (n,); each does with ``probability``, whoever asks."""
    if probability >= 1:
        return np.ones(len(event_ids), dtype=np.bool_)
    halves = np.frombuffer(event_ids.tobytes(), dtype="<u8").reshape(-1, 2)
    return np.asarray(halves[:, 1] < np.uint64(int(probability * _RANGE)))
