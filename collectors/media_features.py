"""Features of pictures and recordings in bodies: found, decoded within limits, or refused.

Where ``spec.signals`` does not say which value it is, it is what the protocol calls one (a part of
a chat message, the file of a transcription), else the first input that can be nothing else (bytes,
``{"b64": ...}``, a ``data:`` URI); then a file that begins as one of another modality is none.

At most ``MOST`` media of one look are decoded, for at most ``SECONDS``; the others have no features
and are counted.
"""

from __future__ import annotations

import time
from collections import Counter
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from collectors.look import Look
from collectors.media_bytes import is_medium, media_bytes, modality_of
from collectors.modalities.media import UNDECODABLE
from collectors.signals import Place
from governance.errors import MediaError
from governance.event import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from collectors.modalities.media import Decoder
    from collectors.signals import Seen
    from governance.component.schema import FeatureSignal, Modality

MOST = 64  # media of one look; more are a batch job, not traffic
SECONDS = 2.0  # of CPU time for one look

_B64 = "b64"  # the column that V1 instances of {"b64": ...} make


class MediaFeatures:
    """``features.image`` and ``features.voice``."""

    reads_contents = True

    def __init__(
        self, modality: Modality, signal: FeatureSignal | None, decoder: Decoder, *, embed: bool
    ) -> None:
        self._modality = modality
        self._place = None if signal is None else Place(f"features.{modality}", signal.source)
        self._decoder = decoder
        self._embed = embed

    def look(self, seen: Seen, asked: NDArray[np.bool_] | None = None) -> Look:
        """Columns named ``<modality>.<feature>``; nothing where no instance has a medium."""
        values = self._values(seen)
        if values is None or all(value is None for value in values):
            return Look({})
        if asked is not None:
            values = [value if a else None for value, a in zip(values, asked.tolist(), strict=True)]
        return self._decoded(values)

    def _decoded(self, values: Sequence[Any]) -> Look:
        decoder, n = self._decoder, len(values)
        numbers = np.full((n, len(decoder.features)), np.nan)
        undecodable = np.full(n, np.nan)
        vectors = np.full((n, decoder.coordinates), np.nan, dtype=np.float32)
        counts: Counter[str] = Counter()
        until = time.process_time() + SECONDS
        tried = 0
        for row, value in enumerate(values):
            try:
                raw = media_bytes(value)
                if raw is None or self._is_other(raw):
                    continue
                if tried >= MOST or time.process_time() > until:
                    counts[f"not_decoded:{self._modality}"] += 1
                    continue
                tried += 1
                numbers[row], vectors[row] = decoder.decode(raw)
                undecodable[row] = 0.0
            except MediaError as error:
                undecodable[row] = 1.0
                counts[f"undecodable:{self._modality}:{error.reason}"] += 1
        columns = dict(zip(decoder.features, numbers.T, strict=True)) | {UNDECODABLE: undecodable}
        named = {f"{self._modality}.{name}": Column(column) for name, column in columns.items()}
        embedded = {self._modality.value: vectors} if self._embed else {}
        return Look(named, embedded, counts)

    def _is_other(self, raw: bytes) -> bool:
        """Whether a medium that nobody declared is one of another modality."""
        return self._place is None and modality_of(raw) not in {None, self._modality}

    def _values(self, seen: Seen) -> Sequence[Any] | None:
        """One value per instance; None where the exchange has none."""
        if self._place is not None:
            rows = self._place.rows(seen)
            if rows is None:
                return None
            return list(rows.reshape(len(rows)) if prod(rows.shape[1:]) == 1 else rows)
        said = [(one.media or {}).get(self._modality.value) for one in seen.inference.parsed]
        if any(value is not None for value in said):
            return [v for v, n in zip(said, seen.inference.sizes, strict=True) for _ in range(n)]
        for name, column in seen.columns.items():
            if column.dtype == object and (name == _B64 or any(map(is_medium, column))):
                return list(column)
        return None
