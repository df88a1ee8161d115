# ruff: noqa: RUF001 - other scripts have letters that look like Latin ones
from __future__ import annotations

import math
import random
import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.modalities.text.columns import Features, text_columns
from collectors.modalities.text.language import language_of
from collectors.modalities.text.non_words import non_words_of
from collectors.modalities.text.prose import LONGEST, Prose
from collectors.modalities.text.readability import readability_of
from collectors.modalities.text.refusal import refuses
from collectors.modalities.text.repetition import repetition_of
from collectors.modalities.text.script import script_of
from collectors.modalities.text.sentiment import sentiment_of
from collectors.modalities.text.toxicity import toxicity_of
from governance.vocabularies import LANGUAGES, PII_KINDS, SCRIPTS

SAID = {
    "en": "All human beings are born free and equal in dignity and rights.",
    "de": "Alle Menschen sind frei und gleich an Würde und Rechten geboren.",
    "fr": "Tous les êtres humains naissent libres et égaux en dignité et en droits.",
    "es": "Todos los seres humanos nacen libres e iguales, dotados como están de razón por la ley.",
    "it": "Tutti gli esseri umani sono liberi ed eguali in dignità; essi sono dotati di ragione.",
    "pt": "Todos nascem livres e iguais em dignidade e em direitos, e não há razão para isso.",
    "nl": "Alle mensen worden vrij en gelijk geboren. Zij zijn begiftigd met verstand en geweten.",
    "sv": "Alla är födda fria och lika i värde. De har utrustats med förnuft och bör handla så.",
    "pl": "Są oni obdarzeni rozumem i sumieniem i powinni postępować, jak to jest w prawie.",
    "tr": "Bütün insanlar hür doğarlar ve birbirlerine karşı kardeşlik ile bu bir hak",
    "ru": "Все люди рождаются свободными и равными в своем достоинстве, и это не все.",
    "uk": "Всі люди народжуються вільними і рівними у своїй гідності та правах, бо це їх право.",
    "ar": "ولد هذا في العالم على حق من كل ذلك",
    "el": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι",
    "he": "כל בני האדם נולדו בני חורין",
    "hi": "सभी मनुष्यों को गौरव",
    "th": "มนุษย์ทั้งหลายเกิดมามีอิสระ",
    "ko": "모든 인간은 태어날 때부터",
    "ja": "すべての人間は、生まれながらにして自由である。",
    "zh": "人人生而自由,在尊严和权利上一律平等。",
}


@pytest.mark.parametrize("language", SAID)
def test_languages_are_told(language: str) -> None:
    """A sentence of human rights in twenty languages."""
    prose = Prose.of(SAID[language])
    assert language_of(prose, script_of(prose)) == language


@pytest.mark.parametrize(
    "said", ["", "Meg Whitman", "12 34", "lorem ipsum dolor sit amet", "zzz in"]
)
def test_a_language_is_not_guessed(said: str) -> None:
    """Nothing, names, numbers, no language of the list: too little speaks for one."""
    assert language_of(Prose.of(said), "latin") == "unknown"


@pytest.mark.parametrize(
    ("said", "script"),
    [
        ("", "none"),
        ("12 + 3 = 😀 — “”", "none"),
        ("naïve", "latin"),
        ("Привет, world", "cyrillic"),
        ("漢字かな交じり文", "kana"),
        ("汉字 with a", "latin"),
        ("汉字汉字字 with", "han"),
        ("ሰላም", "other"),
    ],
)
def test_scripts(said: str, script: str) -> None:
    """Most letters decide; symbols are of no script."""
    assert script_of(Prose.of(said)) == script


def test_repetition_counts_what_came_before() -> None:
    """Of the five 3-grams of a b a b a b a, three are repeated; a short text repeats nothing."""
    assert repetition_of(Prose.of("a b a b a b a")) == pytest.approx(3 / 5)
    assert repetition_of(Prose.of("never again")) == 0


def test_readability_is_lix() -> None:
    """Two sentences, ten words, one of more than six letters: 5 + 10; no word, no value."""
    assert readability_of(Prose.of("The cat sat on a mat. It was really comfortable.")) == 15
    assert math.isnan(readability_of(Prose.of("42!")))


@pytest.mark.parametrize(
    ("said", "share"),
    [
        ("Well-known words, aren't they?", 0),
        ("fix a8f3 at 10:42 in log/x9", 3 / 6),
        ("qwrtzp is noise", 1 / 3),
        ("सभी มนุษย์ 人人生而自由", 0),
        ("x" * 50, 1),
    ],
)
def test_non_words(said: str, share: float) -> None:
    """Codes, numbers and noise are no words; other scripts are."""
    assert non_words_of(Prose.of(said)) == pytest.approx(share)


def test_sentiment_has_a_sign_and_negation_turns_it() -> None:
    """Good is good, not good is not; silence is 0."""
    good, bad, not_good, nothing = (
        sentiment_of(Prose.of(said))
        for said in ("a great day", "a terrible day", "this is not great", "the table")
    )
    assert nothing == 0 < good
    assert max(bad, not_good) < -0.4


def test_sentiment_agrees_with_vader_where_only_words_count() -> None:
    """The same sum, the same curve: plain sentences have VADER's own compound score."""
    from vaderSentiment.vaderSentiment import (  # noqa: PLC0415 - slow to load
        SentimentIntensityAnalyzer,
    )

    vader = SentimentIntensityAnalyzer()
    for said in ("the food is good", "an awful and sad story", "people love it"):
        compound = vader.polarity_scores(said)["compound"]
        assert sentiment_of(Prose.of(said)) == pytest.approx(compound, abs=1e-4)


def test_toxicity_is_a_share() -> None:
    """Two words of four; a pair of words counts as two; a word inside a word is none."""
    assert toxicity_of(Prose.of("you stupid damn thing")) == 0.5
    assert toxicity_of(Prose.of("Shut up now, please")) == 0.5
    assert toxicity_of(Prose.of("Scunthorpe classics")) == 0


@pytest.mark.parametrize(
    "answer",
    [
        "I'm sorry, but I can't help with that.",
        "I’m unable to provide medical advice.",
        "As an AI language model, I cannot browse.",
        "I must decline. This is against my guidelines.",
        "Unfortunately, I will not write that.",
    ],
)
def test_refusals_by_wording(answer: str) -> None:
    """How models decline."""
    assert refuses(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "Sure, here is a poem.",
        "Sorry for the delay: your parcel is on its way.",
        "You can't provide two keys to this function.",
        "Paris." + " More." * 60 + " I can't help with that.",
    ],
)
def test_what_is_no_refusal(answer: str) -> None:
    """Politeness, the word can't, and what comes late in an answer."""
    assert not refuses(answer)


def test_columns_of_texts_and_answers() -> None:
    """Missing texts have missing features; alignment is known where both languages are."""
    columns = text_columns(
        [SAID["en"], None, SAID["en"]], [SAID["de"], SAID["en"], None], [None] * 3
    )
    same, ratio = columns["same_language"].values, columns["response_ratio"].values
    assert same[0] == 0
    assert np.isnan(same[1:]).all()
    assert ratio[0] == pytest.approx(len(SAID["de"]) / len(SAID["en"]))
    assert np.isnan(ratio[1:]).all()
    assert columns["language"].values.tolist() == [0, -1, 0]
    assert np.isnan(columns["characters"].values).tolist() == [False, True, False]
    assert np.isnan(columns["response_toxicity"].values).tolist() == [False, False, True]


def test_nothing_known_is_no_column() -> None:
    """A component without texts has no columns of texts."""
    assert text_columns([None], [None], [None]) == {}


@given(st.text(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_text_has_features_of_known_kinds(said: str) -> None:
    """Vocabularies are closed, shares are shares, nothing is infinite."""
    seen = Features.of(said)
    assert seen.script in SCRIPTS
    assert seen.language in LANGUAGES
    assert seen.pii_kind in PII_KINDS
    non_words, sentiment, toxicity, repetition, readability = seen.numbers
    for share in (non_words, toxicity, repetition):
        assert math.isnan(share) or 0 <= share <= 1
    assert -1 <= sentiment <= 1
    assert math.isnan(readability) or readability >= 1


def test_long_texts_are_looked_at_to_a_limit() -> None:
    """Only lengths see more than the first 50,000 characters."""
    head = "".join(random.Random(1).choices(string.ascii_lowercase + " .", k=LONGEST))
    short, long = Features.of(head), Features.of(head + " 4111 1111 1111 1111 fuck" * 9)
    assert long[2:] == short[2:]
    assert long.characters > short.characters
    assert long.words > short.words
