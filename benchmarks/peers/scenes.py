"""The rows that both sides of a contest read: ``.npz`` files, one array a column.

Numbers are float64, categories texts. 25 columns: 16 features of the census with prediction and
score, and seven of Elec2 beside them, which independent draws stand in for where that data set is
not here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.embeddings import rows as embedded
from benchmarks.tables.populations import Absent, elec2, everyday

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from governance.event import Column, EventBatch

    Arrays = dict[str, NDArray[Any]]

REFERENCE_ROWS, WINDOW_ROWS = 50_000, 10_000
DECISIONS = 1_000_000
SEED = 31


def elec2_is_here() -> bool:
    """Whether the seven columns beside the census are Elec2's."""
    try:
        elec2()
    except Absent:
        return False
    return True


def drift(folder: Path, *, reference_rows: int = REFERENCE_ROWS, rows: int = WINDOW_ROWS) -> None:
    """``reference.npz`` and ``window.npz``: rows of one population."""
    rng = np.random.default_rng(SEED)
    for name, n in (("reference", reference_rows), ("window", rows)):
        picked = everyday().take(rng.integers(everyday().n, size=n))
        save(folder / f"{name}.npz", arrays(picked) | _stand_in(rng, n))


def decisions(folder: Path, *, rows: int = DECISIONS) -> None:
    """``decisions.npz``: attributes a (2 values) and b (5), prediction, label; 0 or 1."""
    rng = np.random.default_rng(SEED)
    a, b = rng.integers(0, 2, rows), rng.choice(5, rows, p=[0.5, 0.25, 0.15, 0.08, 0.02])
    label = rng.random(rows) < 0.25 + 0.05 * a
    prediction = rng.random(rows) < 0.15 + 0.45 * label + 0.04 * a + 0.01 * b
    columns = {"a": a, "b": b, "prediction": prediction, "label": label}
    save(folder / "decisions.npz", {n: c.astype(np.int8) for n, c in columns.items()})


def embeddings(folder: Path) -> None:
    """``reference.npy`` and ``window.npy``: 1,000 unit vectors of 384 coordinates, moved a bit."""
    np.save(folder / "reference.npy", embedded(0).astype(np.float32))
    np.save(folder / "window.npy", embedded(1, shift=0.5).astype(np.float32))


def arrays(events: EventBatch) -> Arrays:
    """Columns as peers want them: without the modality's prefix, categories as texts."""
    return {name.removeprefix("tabular."): _plain(c) for name, c in events.columns.items()}


def save(path: Path, columns: Arrays) -> None:
    """One array a column."""
    np.savez(path, allow_pickle=False, **columns)


def _plain(column: Column) -> NDArray[Any]:
    if column.dictionary is None:
        return column.values
    texts: NDArray[Any] = np.array(column.dictionary)[column.values]
    return texts


def _stand_in(rng: np.random.Generator, n: int) -> Arrays:
    if elec2_is_here():
        return {}
    numbers: Arrays = {f"x{place}": rng.normal(size=n) for place in range(6)}
    return numbers | {"class": rng.choice(np.array(["UP", "DOWN"]), n)}
