"""The embedding of a text: counts of its character 3-grams, hashed into 512 bins.

Its projection brings it to length 1. Case counts, runs of white space are one space, and a space
stands before and after the text, so that a single character has a 3-gram. A missing text gives no
embedding.

Cost: about 80 µs per kB of text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from collectors.modalities.text.prose import LONGEST
from governance.embeddings import TRIGRAM_BINS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

_CHARACTERS_AT_ONCE = 1_000_000
_BASE = np.uint64(0x1000003)
_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: spreads sums over the high bits
_SHIFT = np.uint64(64 - (TRIGRAM_BINS - 1).bit_length())


def trigram_counts(texts: Sequence[str | None]) -> NDArray[np.uint16]:
    """How often each hashed character 3-gram is in each text, shape (n, 512).

    All zero where a text is missing or nothing but white space. Only the first ``LONGEST``
    characters count, so that a count fits 16 bits.
    """
    counts = np.zeros((len(texts), TRIGRAM_BINS), dtype=np.uint16)
    for start, padded in _batches(texts):
        lengths = np.array([len(text) for text in padded])
        owner = np.repeat(np.arange(len(padded)), lengths)
        raw = "".join(padded).encode("utf-32-le", "surrogatepass")
        letters = np.frombuffer(raw, dtype="<u4").astype(np.uint64)
        whole = owner[:-2] == owner[2:]  # three letters of one text
        bins = ((letters[:-2] * _BASE + letters[1:-1]) * _BASE + letters[2:]) * _MIX >> _SHIFT
        keys = (owner[:-2] * TRIGRAM_BINS + bins.astype(np.intp))[whole]
        found = np.bincount(keys, minlength=len(padded) * TRIGRAM_BINS)
        counts[start : start + len(padded)] = found.reshape(len(padded), TRIGRAM_BINS)
    return counts


def _batches(texts: Sequence[str | None]) -> Iterator[tuple[int, list[str]]]:
    """Padded texts, so many together that their letters stay few; with the number of the first."""
    batch: list[str] = []
    start = letters = 0
    for number, text in enumerate(texts):
        plain = " ".join((text or "")[:LONGEST].split())
        batch.append(f" {plain} " if plain else "")
        letters += len(batch[-1])
        if letters >= _CHARACTERS_AT_ONCE or number == len(texts) - 1:
            if letters:
                yield start, batch
            batch, start, letters = [], number + 1, 0
