"""Templates and their variants."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from governance.errors import ConfigError
from governance.service.counterfactual.templates import Variant, read_variants
from tests.detectors.scenes import shared_folder

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = Path(__file__).parents[4] / "examples" / "counterfactual"
WORDS = "attribute,group,word\norigin,african american,african american\norigin,american,american\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    def written(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return written


def test_slots_are_filled_group_by_group(write: Callable[[str, str], Path]) -> None:
    """Every slot of a template takes the same group's words, also none."""
    text = 'attribute,template\ngender,"The {f: wo|m:}man said, {m: he|f: she} knew."\n'
    assert read_variants(write("t.csv", text)).texts == (
        Variant("gender", "The wo/man said, he/she knew.", "f", "The woman said, she knew."),
        Variant("gender", "The wo/man said, he/she knew.", "m", "The man said, he knew."),
    )


def test_json_lines_and_names_of_templates(write: Callable[[str, str], Path]) -> None:
    """An ``id`` names a template; without ``attribute`` it is called group."""
    path = write("t.jsonl", '{"id": "greeting", "template": "{a: Hi|b: Yo|c: Oi}!"}\n\n')
    texts = read_variants(path).texts
    assert [(v.attribute, v.template, v.group, v.text) for v in texts] == [
        ("group", "greeting", "a", "Hi!"),
        ("group", "greeting", "b", "Yo!"),
        ("group", "greeting", "c", "Oi!"),
    ]


def test_pairs_written_out(write: Callable[[str, str], Path]) -> None:
    """One row a variant, in any order; tabs separate in .tsv."""
    path = write("t.tsv", "template\tgroup\ttext\n1\ta\tHi, A\n2\tb\tYo, B\n1\tb\tHi, B\n")
    assert read_variants(path).texts[2] == Variant("group", "1", "b", "Hi, B")


def test_words_of_a_list(write: Callable[[str, str], Path]) -> None:
    """Whole words in any case, the longest first; texts with none or several are counted."""
    rows = "text\nAn African American cook\nAn AMERICAN cook\nAmericans\namerican american\n"
    variants = read_variants(write("t.csv", rows), write("w.csv", WORDS))
    assert variants.texts == (
        Variant("origin", "An ___ cook", "african american", "An African American cook"),
        Variant("origin", "An ___ cook", "american", "An AMERICAN cook"),
    )
    assert [line.partition(": ")[2] for line in variants.left_out] == [
        "1 texts left out: they hold no word of the list",
        "1 texts left out: they hold several words of the list",
    ]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("t.csv", "template\nno slot\n", "columns template are no layout of templates"),
        ("t.csv", "a,b\n1,2\n", "columns a, b are no layout of templates"),
        ("t.csv", "template\n{she|he} left\n", "line 2: slot {she|he} does not say which group"),
        ("t.csv", "template\n{f: she} left\n", "every slot must name the same two or more groups"),
        ("t.csv", "template\n{f: A|m: B} and {f: C|x: D}\n", "found f, m and f, x"),
        ("t.csv", "template\n{f: A|f: B} left\n", "names 'f' twice"),
        ("t.csv", "template\n{f: A|m: B}\nplain\n", "line 3: has no slot"),
        ("t.csv", "template,group,text\n1,a,Hi\n", "no template has variants of two groups"),
        ("t.csv", "template,group,text\n1,,Hi\n", "line 2: group is empty"),
        ("t.csv", "template,group,text\n1,a,Hi, A\n", "line 2: has 4 cells, the header 3"),
        ("t.csv", "template\n", "holds no row"),
        ("t.csv", "", "holds no row"),
        ("t.txt", "template\n", "is none of .csv, .tsv, .jsonl"),
        ("t.jsonl", "[1]\n", "line 1: is a JSON list, not an object"),
        ("t.jsonl", '{"template": 1}\n', "line 1: 'template' is no text"),
        ("t.jsonl", '{"template": "\\ud800{a: x|b: y}"}\n', "line 1: 'template' is no text"),
        ("t.jsonl", "{oh\n", "line 1: is no JSON"),
        ("t.tsv", "sentid\tsentence\na.b\tHi\n", "is not occupation.participant.answer.gender"),
    ],
)
def test_what_cannot_be_read_says_where_and_why(
    write: Callable[[str, str], Path], name: str, text: str, words: str
) -> None:
    """File, line, and what to write."""
    with pytest.raises(ConfigError) as error:
        read_variants(write(name, text))
    assert words in str(error.value)
    assert name in str(error.value)


def test_a_word_list_must_be_one(write: Callable[[str, str], Path]) -> None:
    """Columns, empty cells and repeated words are said with their line."""
    texts = write("t.csv", "text\na cook\n")
    for words, message in (
        ("word\nx\n", "has the columns attribute, group, word"),
        (WORDS + "origin,us,American\n", "line 4: a cell is empty, or 'American' stands twice"),
    ):
        with pytest.raises(ConfigError, match=message):
            read_variants(texts, write("w.csv", words))


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    """No traceback for a typing error."""
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_variants(tmp_path / "none.csv")


def test_our_own_templates() -> None:
    """72 templates in two genders, no text twice."""
    texts = read_variants(EXAMPLES / "gender.csv").texts
    assert Counter(v.group for v in texts) == {"female": 72, "male": 72}
    assert len({v.text for v in texts}) == len(texts)


def test_winogender_sentences() -> None:
    """120 templates in three genders; "the customer" and "someone" are wordings of one template."""
    path = shared_folder() / "data" / "text_bias_winogender" / "all_sentences.tsv"
    texts = read_variants(path).texts
    assert len(texts) == 720
    assert Counter((v.attribute, v.group) for v in texts) == {
        ("gender", "male"): 240,
        ("gender", "female"): 240,
        ("gender", "neutral"): 240,
    }
    assert len({v.template for v in texts}) == 120


def test_identity_phrases() -> None:
    """The columns template, toxicity, phrase with our word list: most phrases are used."""
    path = shared_folder() / "data" / "text_identity_templates" / "sentences_20000.csv"
    variants = read_variants(path, EXAMPLES / "identity-words.csv")
    assert len(variants.texts) > 17_000
    assert {v.attribute for v in variants.texts} >= {"religion", "gender", "age", "orientation"}
    religions = {v.group for v in variants.texts if v.template == "Being ___ is fun"}
    assert {"christian", "muslim"} & religions
