"""Alibi Detect's side: MMD of a window of embeddings with one permutation, PyTorch, one thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from alibi_detect.cd import MMDDrift

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PACKAGE = "alibi-detect"


def embedding(folder: Path) -> Callable[[], dict[str, float]]:
    """Distance and p-value; one permutation is the least that it accepts."""
    torch.set_num_threads(1)
    reference, window = np.load(folder / "reference.npy"), np.load(folder / "window.npy")
    detector = MMDDrift(reference, backend="pytorch", n_permutations=1, device="cpu")

    def run() -> dict[str, float]:
        said = detector.predict(window)["data"]
        return {"mmd": float(said["distance"]), "p": float(said["p_val"])}

    return run


WORKS = {"embedding": embedding}
