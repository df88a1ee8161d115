"""Features of texts and of the answers to them, as columns.

=====================  ==========================================================================
feature                what it is
=====================  ==========================================================================
``characters``         of the whole text; ``words`` likewise, between white space
``script``             of most letters
``language``           by small words; ``unknown`` where too little tells
``non_words``          share of tokens that are words in no language
``sentiment``          -1 to 1, by a lexicon; only with the extra ``text``
``toxicity``           share of words of a small lexicon
``pii_count``          personal data found, of any kind; ``pii_kind`` says which
``repetition``         share of word 3-grams that were there before
``readability``        LIX
=====================  ==========================================================================

Those of an answer are called ``response_...``. Where both are known there are ``response_ratio``,
its characters for each of the text's, and ``same_language``, 1 or 0. Only lengths look at more than
the first ``LONGEST`` characters. A missing text gives missing features.

Cost: about 0.2 ms per kB of text (``python -m benchmarks modalities``).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from collectors.modalities.text.language import language_of
from collectors.modalities.text.non_words import non_words_of
from collectors.modalities.text.pii import pii_counts, pii_kind
from collectors.modalities.text.prose import Prose
from collectors.modalities.text.readability import readability_of
from collectors.modalities.text.repetition import repetition_of
from collectors.modalities.text.script import script_of
from collectors.modalities.text.sentiment import lexicon, sentiment_of
from collectors.modalities.text.toxicity import toxicity_of
from governance.event import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

RESPONSE = "response_"

NUMBERS: Final[Mapping[str, Callable[[Prose], float]]] = {
    "non_words": non_words_of,
    "sentiment": sentiment_of,
    "toxicity": toxicity_of,
    "repetition": repetition_of,
    "readability": readability_of,
}


class Lengths(NamedTuple):
    """What is seen of a text that is not looked into."""

    characters: int
    words: int

    @classmethod
    def of(cls, text: str) -> Lengths:
        return cls(len(text), len(text.split()))


class Features(NamedTuple):
    """What is seen of one text."""

    characters: int
    words: int
    script: str
    language: str
    pii_count: int
    pii_kind: str
    numbers: tuple[float, ...]  # in the order of ``NUMBERS``

    @classmethod
    def of(cls, text: str) -> Features:
        prose = Prose.of(text)
        script = script_of(prose)
        found = pii_counts(prose.text)
        return cls(
            len(text),
            len(prose.tokens) if len(prose.text) == len(text) else len(text.split()),
            script,
            language_of(prose, script),
            sum(found.values()),
            pii_kind(found),
            tuple(measure(prose) for measure in NUMBERS.values()),
        )


Seen = Features | Lengths | None


def text_columns(
    texts: Sequence[str | None],
    answers: Sequence[str | None],
    finish_reasons: Sequence[str | None],
    asked: NDArray[np.bool_] | None = None,
) -> dict[str, Column]:
    """Columns of n texts with their answers; families that nothing is known of are left out.

    Where ``asked``, shape (n,), is False only lengths are made; None = it is True throughout.
    """
    said = _seen(texts, asked)
    answered = _seen(answers, asked)
    columns = _family("", said) | _family(RESPONSE, answered)
    if any(a is not None and b is not None for a, b in zip(said, answered, strict=True)):
        columns |= _alignment(said, answered)
    if any(reason is not None for reason in finish_reasons):
        columns["finish_reason"] = Column.encode(list(finish_reasons))
    return columns


def _seen(texts: Sequence[str | None], asked: NDArray[np.bool_] | None) -> list[Seen]:
    if asked is None:
        return [None if text is None else Features.of(text) for text in texts]
    return [
        None if text is None else Features.of(text) if is_asked else Lengths.of(text)
        for text, is_asked in zip(texts, asked.tolist(), strict=True)
    ]


def _family(prefix: str, seen: Sequence[Seen]) -> dict[str, Column]:
    if all(one is None for one in seen):
        return {}
    columns = {}
    for name in ("characters", "words"):
        columns[name] = _numbers([None if one is None else getattr(one, name) for one in seen])
    whole = [one if isinstance(one, Features) else None for one in seen]
    columns["pii_count"] = _numbers([None if one is None else one.pii_count for one in whole])
    for name in ("script", "language", "pii_kind"):
        columns[name] = Column.encode([one and getattr(one, name) for one in whole])
    for i, name in enumerate(NUMBERS):
        columns[name] = _numbers([None if one is None else one.numbers[i] for one in whole])
    if not lexicon():
        del columns["sentiment"]
    return {f"{prefix}{name}": column for name, column in columns.items()}


def _alignment(said: Sequence[Seen], answered: Sequence[Seen]) -> dict[str, Column]:
    ratios: list[float | None] = []
    same: list[float | None] = []
    for question, answer in zip(said, answered, strict=True):
        if question is None or answer is None:
            ratios.append(None)
            same.append(None)
            continue
        ratios.append(answer.characters / max(1, question.characters))
        same.append(_same_language(question, answer))
    return {f"{RESPONSE}ratio": _numbers(ratios), "same_language": _numbers(same)}


def _same_language(question: Features | Lengths, answer: Features | Lengths) -> float | None:
    if not isinstance(question, Features) or not isinstance(answer, Features):
        return None
    if "unknown" in {question.language, answer.language}:
        return None
    return float(question.language == answer.language)


def _numbers(values: Sequence[float | None]) -> Column:
    return Column(np.array([math.nan if v is None else v for v in values], dtype=np.float64))
