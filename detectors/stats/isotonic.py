"""A rising curve through counted shares: what a score means, learned from labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def rising_shares(favourable: Floats, total: Floats, prior: Floats) -> Floats:
    """Share of favourable labels per bin of the score, never falling; shape (bins,), in [0, 1].

    Parameters
    ----------
    favourable, total
        Weight of favourable labels and of all labels per bin, shape (bins,).
    prior
        What the share is thought to be without a label (the score itself), in [0, 1]; it counts
        as one event.

    Notes
    -----
    Isotonic regression by pooling adjacent violators (Ayer et al. 1955; Zadrozny & Elkan 2002 use
    it to calibrate scores), weighted by events.
    """
    weight = total + 1
    blocks: list[tuple[float, float, int]] = []  # mean, weight, bins
    for mean, size in zip(((favourable + prior) / weight).tolist(), weight.tolist(), strict=True):
        block = (mean, size, 1)
        while blocks and blocks[-1][0] >= block[0]:
            block = _pooled(blocks.pop(), block)
        blocks.append(block)
    means, _, bins = zip(*blocks, strict=True)
    return np.asarray(np.clip(np.repeat(means, bins), 0.0, 1.0))


def _pooled(
    left: tuple[float, float, int], right: tuple[float, float, int]
) -> tuple[float, float, int]:
    weight = left[1] + right[1]
    return (left[0] * left[1] + right[0] * right[1]) / weight, weight, left[2] + right[2]
