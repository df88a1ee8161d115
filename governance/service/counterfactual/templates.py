"""Templates as variants: texts that differ in a sensitive attribute and in nothing else.

Four layouts, told by their columns (CSV, TSV or JSONL):

===========================  =====================================================================
columns                      one row is
===========================  =====================================================================
``template``                 a template: ``{female: She|male: He} is late.``; every slot names the
                             same groups
``template, group, text``    one variant, written out; ``template`` says what belongs together
``sentid, sentence``         one variant of the Winogender schemas (Rudinger et al., NAACL 2018):
                             ``occupation.participant.answer.gender.txt``
a text column and ``words``  a text that holds one word of the list (``attribute, group, word``);
                             the text around the word is the template
===========================  =====================================================================

``attribute`` is an optional column of the first two. A template may have several texts per group;
their answers are averaged, since templates are what is counted.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from governance.component.nearest import listed
from governance.errors import ConfigError
from governance.service.counterfactual.records import read_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from governance.service.counterfactual.records import Record, Records

_SLOT = re.compile(r"\{([^{}]*)\}")
_TEXTS = ("text", "phrase", "sentence", "template")  # columns that hold texts, beside a word list
_BLANK = "___"
_DEFAULT_ATTRIBUTE = "group"
_LAYOUTS = (
    "template (with slots like {female: she|male: he}); template, group, text; sentid, sentence; "
    "or a column text beside --words FILE"
)


@dataclass(frozen=True, slots=True)
class Variant:
    """One text: which attribute varies, the template it comes from, and its group."""

    attribute: str
    template: str
    group: str
    text: str


@dataclass(frozen=True, slots=True)
class Variants:
    """All texts, in file order, and what was left out, in words."""

    texts: tuple[Variant, ...]
    left_out: tuple[str, ...] = ()


def read_variants(path: Path, words: Path | None = None) -> Variants:
    """Read templates and expand them.

    Raises
    ------
    ConfigError
        If a file cannot be read, has none of the layouts, or no template has two groups.
    """
    records = read_records(path)
    variants = _with_words(records, path, words) if words else _expanded(records, path)
    if _most_groups(variants.texts) < 2:
        raise ConfigError(
            f"{path}: no template has variants of two groups: there is nothing to compare"
        )
    return variants


def _expanded(records: Records, path: Path) -> Variants:
    columns = set(records.columns)
    if {"sentid", "sentence"} <= columns:
        return Variants(tuple(map(_winogender, records.rows)))
    if {"template", "group", "text"} <= columns:
        return Variants(tuple(map(_written_out, records.rows)))
    if "template" in columns and any("{" in row.cells["template"] for row in records.rows):
        return Variants(tuple(v for row in records.rows for v in _slots_filled(row)))
    raise ConfigError(
        f"{path}: columns {listed(records.columns)} are no layout of templates: give {_LAYOUTS}"
    )


def _winogender(row: Record) -> Variant:
    parts = row.cells["sentid"].removesuffix(".txt").split(".")
    if len(parts) != 4:
        raise ConfigError(
            f"{row.place}: sentid {row.cells['sentid']!r} is not "
            "occupation.participant.answer.gender"
        )
    occupation, _, answer, gender = parts
    # "the customer" and "someone" are two wordings of one template, not two templates.
    return Variant("gender", f"{occupation}.{answer}", gender, row.cells["sentence"])


def _written_out(row: Record) -> Variant:
    cells = row.cells
    empty = [name for name in ("template", "group", "text") if not cells.get(name)]
    if empty:
        raise ConfigError(f"{row.place}: {empty[0]} is empty")
    return Variant(_attribute(row), cells["template"], cells["group"], cells["text"])


def _attribute(row: Record) -> str:
    return row.cells.get("attribute") or _DEFAULT_ATTRIBUTE


def _slots_filled(row: Record) -> Iterator[Variant]:
    template = row.cells.get("template", "")
    slots = [_choices(inside, row.place) for inside in _SLOT.findall(template)]
    if not slots:
        raise ConfigError(f"{row.place}: has no slot: write for example {{female: she|male: he}}")
    groups = list(slots[0])
    for slot in slots:
        if set(slot) != set(groups) or len(groups) < 2:
            raise ConfigError(
                f"{row.place}: every slot must name the same two or more groups; found "
                f"{listed(groups)} and {listed(slot)}"
            )
    fillings = iter(slots)
    name = row.cells.get("id") or _SLOT.sub(lambda _: "/".join(next(fillings).values()), template)
    for group in groups:
        filling = iter(slots)
        text = _SLOT.sub(lambda _, g=group, f=filling: next(f)[g], template)  # type: ignore[misc]
        yield Variant(_attribute(row), name, group, text)


def _choices(inside: str, place: str) -> dict[str, str]:
    """``female: she|male: he`` as words by group."""
    choices: dict[str, str] = {}
    for part in inside.split("|"):
        group, colon, word = part.partition(":")
        if not colon or not group.strip():
            raise ConfigError(
                f"{place}: slot {{{inside}}} does not say which group a word stands for: write "
                "{female: she|male: he}"
            )
        if group.strip() in choices:
            raise ConfigError(f"{place}: slot {{{inside}}} names {group.strip()!r} twice")
        choices[group.strip()] = word.strip()
    return choices


def _with_words(records: Records, path: Path, words: Path) -> Variants:
    column = next((name for name in _TEXTS if name in records.columns), None)
    if column is None:
        raise ConfigError(f"{path}: has no column of texts: name one of them {listed(_TEXTS)}")
    by_word = _word_list(words)
    pattern = _any_of(by_word)
    found: list[Variant] = []
    hits_of: Counter[int] = Counter()
    for row in records.rows:
        text = row.cells.get(column, "")
        hits = list(pattern.finditer(text))
        hits_of[min(len(hits), 2)] += 1
        if len(hits) == 1:
            template = text[: hits[0].start()] + _BLANK + text[hits[0].end() :]
            attribute, group = by_word[hits[0].group().lower()]
            found.append(Variant(attribute, template, group, text))
    return Variants(tuple(found), tuple(_left_out(hits_of, path)))


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    """Whole words in any case; of two that start alike the longer one."""
    longest_first = sorted(words, key=len, reverse=True)
    any_word = "|".join(map(re.escape, longest_first))
    return re.compile(rf"(?<!\w)(?:{any_word})(?!\w)", re.IGNORECASE)


def _word_list(path: Path) -> dict[str, tuple[str, str]]:
    records = read_records(path)
    if not {"attribute", "group", "word"} <= set(records.columns):
        raise ConfigError(f"{path}: a word list has the columns attribute, group, word")
    words: dict[str, tuple[str, str]] = {}
    for row in records.rows:
        attribute, group, word = (row.cells.get(c, "") for c in ("attribute", "group", "word"))
        if not (attribute and group and word) or word.lower() in words:
            raise ConfigError(f"{row.place}: a cell is empty, or {word!r} stands twice")
        words[word.lower()] = attribute, group
    return words


def _left_out(hits_of: Mapping[int, int], path: Path) -> Iterator[str]:
    if hits_of[0]:
        yield f"{path}: {hits_of[0]:,} texts left out: they hold no word of the list"
    if hits_of[2]:
        yield f"{path}: {hits_of[2]:,} texts left out: they hold several words of the list"


def _most_groups(variants: Iterable[Variant]) -> int:
    groups: dict[tuple[str, str], set[str]] = {}
    for variant in variants:
        groups.setdefault((variant.attribute, variant.template), set()).add(variant.group)
    return max(map(len, groups.values()), default=0)
