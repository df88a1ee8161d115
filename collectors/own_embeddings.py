"""A model's own embeddings, which ``spec.signals.embeddings`` names: they take the place of ours.

One vector per event: a tensor's row, a list of numbers in a body or a column, or that list written
as JSON (a cell of a CSV file). What is none, or has another width than the first, is missing.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from collectors.look import Look
from collectors.signals import Place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from collectors.signals import Seen
    from governance.component.schema import Modality
    from governance.component.selector import Selector

MOST_COORDINATES: Final = 4_096  # of an embedding: its projection takes 8 kB for each

_decode = msgspec.json.Decoder(list[float]).decode


class OwnEmbedding:
    """The embedding of one modality, in live inferences.

    Raises
    ------
    ConfigError
        If the selector's JSONPath cannot be used.
    """

    reads_contents = True  # the vector is there, but adding it up is dear

    def __init__(self, modality: Modality, selector: Selector) -> None:
        self._modality = modality
        self._place = Place(f"embeddings.{modality}", selector)

    def look(self, seen: Seen, asked: NDArray[np.bool_] | None = None) -> Look:
        """The vectors; nothing where the exchange has none. Raises CaptureError as ``Place``."""
        rows = self._place.rows(seen)
        vectors = None if rows is None else vectors_of(rows)
        if vectors is None:
            return Look({})
        if asked is not None:
            vectors[~asked] = np.nan
        return Look({}, {self._modality.value: vectors})


def vectors_of(rows: NDArray[Any]) -> NDArray[np.float32] | None:
    """Vectors, shape (n, coordinates), NaN where a row has none; None where no row has one."""
    if rows.dtype.kind in "iuf" and rows.ndim > 1:
        width = prod(rows.shape[1:])
        return _finite(rows.reshape(len(rows), width)) if _fits(width) else None
    return _of_lists([_list(row) for row in rows.tolist()])


def _of_lists(rows: Sequence[list[float] | None]) -> NDArray[np.float32] | None:
    width = next((len(row) for row in rows if row), 0)
    if not _fits(width):
        return None
    nothing = [np.nan] * width
    return _finite(np.array([row if row and len(row) == width else nothing for row in rows]))


def _list(value: object) -> list[float] | None:
    """The numbers of a list, or of a text that writes one; None where it is neither."""
    try:
        if isinstance(value, str):
            return _decode(value)
        return msgspec.convert(value, list[float]) if isinstance(value, list) else None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _fits(width: int) -> bool:
    return 0 < width <= MOST_COORDINATES


def _finite(rows: NDArray[Any]) -> NDArray[np.float32]:
    """As 32-bit floats; a number beyond them makes its vector no embedding."""
    with np.errstate(over="ignore"):
        return rows.astype(np.float32)
