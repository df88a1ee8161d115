import numpy as np
import pytest

from collectors.outcome import favourable_label, favourable_outcome, group_column
from governance.component.schema import Favourable, GroupSignal, Signals
from governance.event import Column

LISTED = Favourable.model_validate({"in": ["1", "approved"]})
BOUND = Favourable.model_validate({"atLeast": 0.5})


def numeric(*values: float) -> Column:
    return Column(np.array(values, dtype=np.float64))


def test_listed_outcomes_are_compared_as_canonical_text() -> None:
    """The number 1.0, the text 1 and the text 1.0 are one outcome; missing is unknown."""
    numbers = favourable_outcome(LISTED, numeric(1.0, 0.0, np.nan), None, 3)
    texts = favourable_outcome(LISTED, Column.encode(["1.0", "refused", None, "approved"]), None, 4)
    assert numbers.tolist() == [1, 0, -1]
    assert texts.tolist() == [1, 0, -1, 1]


def test_booleans_are_listed_as_yaml_writes_them() -> None:
    """``in: [true]`` meets the category true, not the number 1."""
    rule = Favourable.model_validate({"in": [True]})
    assert favourable_outcome(rule, Column.encode(["true", "false"]), None, 2).tolist() == [1, 0]
    assert favourable_outcome(rule, numeric(1.0), None, 1).tolist() == [0]


def test_a_bound_judges_the_score_and_never_an_unknown_one() -> None:
    """A score at the bound is favourable; a missing or infinite score is unknown."""
    score = numeric(0.5, 0.49, np.nan, np.inf)
    assert favourable_outcome(BOUND, numeric(0, 1, 1, 1), score, 4).tolist() == [1, 0, -1, -1]


@pytest.mark.parametrize("rule", [None, LISTED, BOUND])
def test_without_rule_or_columns_every_outcome_is_unknown(rule: Favourable | None) -> None:
    """Nothing declared or nothing seen: unknown, never a guess."""
    assert favourable_outcome(rule, None, None, 2).tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("signals", "expected"),
    [
        ({"favourable": {"in": ["1"]}}, [1, 0, 0, -1]),
        ({"favourable": {"atLeast": 0.5}}, [1, 0, 1, -1]),
        ({"label": {"from": "column:y", "favourable": {"in": ["0"]}}}, [0, 1, 0, -1]),
        ({}, [-1, -1, -1, -1]),
    ],
)
def test_a_label_is_judged_by_its_own_rule_first(
    signals: dict[str, object], expected: list[int]
) -> None:
    """Own rule, then the prediction's list, then 1 or true beside a bound; else unknown."""
    label = Column.encode(["1", "0", "true", None])
    assert favourable_label(Signals.model_validate(signals), label).tolist() == expected


def test_a_word_among_numbers_is_no_unfavourable_label() -> None:
    """Beside outcomes that are numbers "maybe" says nothing; beside words it is another outcome."""
    label = Column.encode(["1", "0", "2", "true", "maybe", "n/a", None])
    numbers = Signals.model_validate({"favourable": {"in": ["1"]}})
    words = Signals.model_validate({"favourable": {"in": ["1", "approved"]}})
    assert favourable_label(numbers, label).tolist() == [1, 0, 0, 0, -1, -1, -1]
    assert favourable_label(words, label).tolist() == [1, 0, 0, 0, 0, 0, -1]
    bound = Signals.model_validate({"favourable": {"atLeast": 0.5}})
    assert favourable_label(bound, label).tolist() == [1, 0, 0, 1, -1, -1, -1]


def test_a_label_of_numbers_may_have_its_own_bound() -> None:
    """``label: {favourable: {atLeast}}`` bounds the label itself, also when it came as text."""
    signals = Signals.model_validate(
        {"label": {"from": "column:y", "favourable": {"atLeast": 2}}, "favourable": {"in": ["1"]}}
    )
    assert favourable_label(signals, numeric(1, 2)).tolist() == [0, 1]
    assert favourable_label(signals, Column.encode(["3", "1", None])).tolist() == [1, 0, -1]


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ("keep", ["white", "black", "9", None]),
        ("pool", ["white", "black", "other", None]),
        ("drop", ["white", "black", None, None]),
    ],
)
def test_others_are_kept_pooled_or_dropped(others: str, expected: list[str | None]) -> None:
    """Named codes get their names; the rest follows ``others``; missing is in no group."""
    signal = GroupSignal.model_validate(
        {"from": "column:race", "names": {"1": "white", "2": "black"}, "others": others}
    )
    for source in (numeric(1, 2, 9, np.nan), Column.encode(["1.0", "2", "9", None])):
        column = group_column(signal, source)
        assert column.dictionary is not None
        texts = [None if code < 0 else column.dictionary[code] for code in column.values]
        assert texts == expected


def test_two_codes_may_share_one_name() -> None:
    """Codes that are given the same name are one group."""
    signal = GroupSignal.model_validate({"from": "column:r", "names": {"1": "a", "2": "a"}})
    column = group_column(signal, numeric(1, 2))
    assert column.values.tolist() == [0, 0]
    assert column.dictionary == ("a",)


def test_a_declared_name_is_its_own_group() -> None:
    """A producer may send the name itself; a code that looks like a name stays a code."""
    signal = GroupSignal.model_validate(
        {"from": "column:r", "names": {"1": "a", "2": "b", "b": "c"}, "others": "drop"}
    )
    column = group_column(signal, Column.encode(["a", "2", "b", "x"]))
    assert column.dictionary is not None
    assert [column.dictionary[code] for code in column.values[:3]] == ["a", "b", "c"]
    assert column.values[3] == -1
