from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.modalities.text import trigrams
from collectors.modalities.text.columns import text_columns
from collectors.modalities.text.prose import LONGEST
from collectors.modalities.text.trigrams import trigram_counts

if TYPE_CHECKING:
    import pytest

TEXTS = ["Yay. Another good phone interview.", None, "", "  \n ", "é", "日本語のテキスト", "aaaaaa"]


def slow(plain: str | None) -> dict[int, int]:
    """The bins of one text, 3-gram by 3-gram in Python's integers."""
    words = " ".join((plain or "")[:LONGEST].split())
    padded = f" {words} " if words else ""
    counts: dict[int, int] = {}
    for letters in zip(padded, padded[1:], padded[2:], strict=False):
        first, second, third = map(ord, letters)
        mixed = ((first * 0x1000003 + second) * 0x1000003 + third) * 0x9E3779B97F4A7C15
        place = (mixed % 2**64) >> 55
        counts[place] = counts.get(place, 0) + 1
    return counts


@given(st.lists(st.one_of(st.none(), st.text(st.characters(), max_size=40)), max_size=8))
@settings(max_examples=80, deadline=None)
def test_counts_agree_with_a_slow_twin(texts: list[str | None]) -> None:
    """Any characters, lone surrogates among them; no 3-gram spans two texts."""
    for row, plain in zip(trigram_counts(texts), texts, strict=True):
        assert {int(place): int(row[place]) for place in np.flatnonzero(row)} == slow(plain)


def test_how_many_texts_come_at_once_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that is cut into many counts the same."""
    whole = trigram_counts(TEXTS)
    monkeypatch.setattr(trigrams, "_CHARACTERS_AT_ONCE", 5)
    assert np.array_equal(trigram_counts(TEXTS), whole)


def test_what_has_no_embedding() -> None:
    """Missing, empty and white texts count nothing; one letter has one 3-gram."""
    assert trigram_counts(TEXTS).sum(axis=1).tolist() == [34, 0, 0, 0, 1, 8, 6]


def test_white_space_and_case() -> None:
    """Line breaks are as spaces; capitals are other letters."""
    same, other, capital = trigram_counts(["a  b\n", " a b", "A b"])
    assert np.array_equal(same, other)
    assert not np.array_equal(same, capital)


def test_a_very_long_text_is_read_to_a_limit() -> None:
    """So that no count exceeds its 16 bits; its length is told in full."""
    texts = ["a" * (LONGEST + 9_999), "a" * LONGEST]
    long, limit = trigram_counts(texts)
    assert np.array_equal(long, limit)
    assert long.max() == LONGEST - 2
    assert text_columns(texts, [None] * 2, [None] * 2)["characters"].values[0] == LONGEST + 9_999


def test_no_texts() -> None:
    """An empty table has no rows."""
    assert trigram_counts([]).shape == (0, 512)
