"""Outcomes and groups: from the columns that signals name to what fairness counts.

Live capture, the door and replay read ``favourable``, ``names`` and ``others`` with this one
implementation; all comparisons are of canonical text.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from collectors.modalities.tabular import (
    category,
    category_text,
    number_of_text,
    numbers,
    recoded,
)
from governance.algebra.canonical import canonical_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from governance.component.schema import Favourable, GroupSignal, Signals
    from governance.event import Column

POOLED = "other"  # the group of the values that ``others: pool`` puts together
UNKNOWN = -1


def favourable_outcome(
    rule: Favourable | None, prediction: Column | None, score: Column | None, n: int
) -> NDArray[np.int8]:
    """Whether each outcome is favourable, shape (n,): 1, 0, or -1 for unknown.

    ``in`` compares the prediction; ``atLeast`` bounds the score, which is unknown where it is
    missing or not finite. Unknown throughout where nothing is declared or nothing was seen.
    """
    if rule is not None and rule.values is not None and prediction is not None:
        return _among(prediction, map(canonical_text, rule.values))
    if rule is not None and rule.at_least is not None and score is not None:
        return _at_least(score, rule.at_least)
    return np.full(n, UNKNOWN, dtype=np.int8)


def favourable_label(signals: Signals, label: Column) -> NDArray[np.int8]:
    """Whether each label is favourable, shape (n,): 1, 0, or -1 for unknown.

    The label's own ``favourable`` wins; else the prediction's ``in``; else, beside ``atLeast``,
    a label is favourable if it is 1 or true. Where these are numbers or true and false, a label
    that is neither ("maybe", "n/a") says nothing: it is no unfavourable outcome.
    """
    own = signals.label.favourable if signals.label is not None else None
    if own is not None:
        return favourable_outcome(own, label, label, len(label.values))
    if signals.favourable is None:
        return np.full(len(label.values), UNKNOWN, dtype=np.int8)
    listed = signals.favourable.values
    texts = ("1", "true") if listed is None else tuple(map(canonical_text, listed))
    return _of_kind(_among(label, texts), label, texts)


def group_column(signal: GroupSignal, source: Column) -> Column:
    """The groups of an attribute, shape (n,), as texts; -1 = in no group (missing or dropped).

    A value that is one of the declared names already, and no code, is that group.
    """
    coded = category(source.values) if source.dictionary is None else source
    names = {name: name for name in signal.names.values()}
    names |= {canonical_text(code): name for code, name in signal.names.items()}
    texts = [category_text(text) for text in coded.dictionary or ()]
    groups = [None if t is None else names.get(t, _unnamed(signal, t)) for t in texts]
    return recoded(groups, coded.values)


def as_category(column: Column) -> Column:
    """The column as canonical texts, each once in the dictionary; the missing stay missing."""
    if column.dictionary is None:
        return category(column.values)
    return recoded([category_text(text) for text in column.dictionary], column.values)


def _among(column: Column, favourable: Iterable[str]) -> NDArray[np.int8]:
    coded = category(column.values) if column.dictionary is None else column
    listed = frozenset(favourable)
    texts = [category_text(text) for text in coded.dictionary or ()]
    verdicts = [*(UNKNOWN if text is None else text in listed for text in texts), UNKNOWN]
    return np.asarray(verdicts, dtype=np.int8).take(coded.values)  # code -1 reads the last one


def _of_kind(found: NDArray[np.int8], label: Column, listed: Iterable[str]) -> NDArray[np.int8]:
    """The verdicts, those on words unknown where the listed outcomes are all numbers."""
    if not all(map(_is_number, listed)) or label.dictionary is None:
        return found
    words = [text is not None and not _is_number(text) for text in label.dictionary]
    is_word = np.array([*words, False]).take(label.values)
    return np.where(is_word, UNKNOWN, found).astype(np.int8)


def _is_number(text: str) -> bool:
    """Whether a canonical text is a finite number, or true or false."""
    if text in {"true", "false"}:
        return True
    try:
        return math.isfinite(number_of_text(text)) if text else False
    except ValueError:
        return False


def _at_least(column: Column, bound: float) -> NDArray[np.int8]:
    values = column.values
    if column.dictionary is not None:
        texts: NDArray[Any] = np.array([*column.dictionary, None], dtype=object)
        parsed = numbers(texts[values])
        values = np.full(len(values), np.nan) if parsed is None else parsed
    return np.where(np.isfinite(values), values >= bound, UNKNOWN).astype(np.int8)


def _unnamed(signal: GroupSignal, text: str) -> str | None:
    if signal.others == "pool":
        return POOLED
    return text if signal.others == "keep" else None
