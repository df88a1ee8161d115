"""Texts, recordings and pictures of a row file: their features as columns, and their embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from collectors.modalities.image import ImageDecoder
from collectors.modalities.media import read_media
from collectors.modalities.text.columns import text_columns
from collectors.modalities.text.schema_validity import SchemaValidity
from collectors.modalities.text.trigrams import trigram_counts
from collectors.modalities.voice import VoiceDecoder
from collectors.own_embeddings import MOST_COORDINATES, vectors_of
from collectors.rows.values import whole_texts
from governance.component.schema import Modality
from governance.errors import ConfigError
from governance.event import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from collectors.modalities.media import Decoder
    from collectors.rows.places import RowPlaces
    from collectors.rows.table import LeftOut, Table
    from governance.component.schema import Signals

    Seen = tuple[dict[str, Column], NDArray[Any]]

_DECODERS: Final[Mapping[Modality, Callable[[], Decoder]]] = {
    Modality.VOICE: VoiceDecoder,
    Modality.IMAGE: ImageDecoder,
}


class Contents:
    """Reads what is no table out of tables.

    Raises
    ------
    ConfigError
        If a library that is needed for a declared modality is not installed.
    """

    def __init__(self, signals: Signals, places: RowPlaces, left_out: LeftOut) -> None:
        self._validity = SchemaValidity(signals)
        self._places = places
        self._left_out = left_out
        self._widths: dict[Modality, int] = {}
        self._decoders: Mapping[Modality, Decoder] = {
            modality: _DECODERS[modality]() for modality in places.contents if modality in _DECODERS
        }

    def read(self, table: Table) -> tuple[dict[str, Column], dict[str, NDArray[Any]]]:
        """Columns ``<modality>.<feature>``, and vectors by modality, n rows each."""
        columns: dict[str, Column] = {}
        vectors: dict[str, NDArray[Any]] = {}
        for modality, name in self._places.contents.items():
            texts = whole_texts(table.columns[name])
            seen, vectors[modality.value] = (
                self._texts(texts, table)
                if modality is Modality.TEXT
                else self._media(modality, texts)
            )
            columns |= {f"{modality.value}.{name}": column for name, column in seen.items()}
        for modality, name in self._places.embeddings.items():
            vectors[modality.value] = self._own(modality, table.columns[name])
        return columns, vectors

    def _own(self, modality: Modality, cells: Column | NDArray[Any]) -> NDArray[Any]:
        """The model's own embeddings, as wide as the first of the file."""
        rows = np.array(whole_texts(cells), dtype=object) if isinstance(cells, Column) else cells
        found = vectors_of(rows)
        if found is None and modality not in self._widths:
            raise ConfigError(
                f"spec.signals.embeddings.{modality.value}: of the first {len(rows)} rows none has "
                f"an embedding: lists of 1 to {MOST_COORDINATES:,} numbers are one"
            )
        width = self._widths.setdefault(modality, 0 if found is None else found.shape[1])
        if found is None or found.shape[1] != width:
            return np.full((len(rows), width), np.nan, dtype=np.float32)
        return found

    def _texts(self, texts: list[str | None], table: Table) -> Seen:
        nothing: list[str | None] = [None] * len(texts)
        place = self._places.answer
        answers = nothing if place is None else whole_texts(table.columns[place])
        columns = text_columns(texts, answers, nothing) | self._validity.columns(answers)
        return columns, trigram_counts(texts)

    def _media(self, modality: Modality, names: list[str | None]) -> Seen:
        rows = read_media(names, self._places.folder, self._decoders[modality])
        for name, error in rows.refused:
            self._left_out.undecodable(modality.value, error.reason, f"{name!r}: {error}")
        return {name: Column(values) for name, values in rows.columns.items()}, rows.vectors
