import math

import numpy as np
import pytest

from collectors.arrays import array_of
from collectors.modalities.tabular import MAX_CATEGORY, column_of, number_of_text, tabular_columns
from governance.event import Column


def texts_of(column: Column | None) -> list[str | None]:
    assert column is not None
    assert column.dictionary is not None
    return [None if code < 0 else column.dictionary[code] for code in column.values]


@pytest.mark.parametrize("values", [[1, 2], [1.0, 2.0], ["1", "2.0"], ["1", 2], [" 1", "2e0"]])
def test_numbers_and_texts_that_parse_are_numeric(values: list[object]) -> None:
    """One column, whether the client sent numbers or their text."""
    column = column_of(array_of(values), categorical=False)
    assert column is not None
    assert column.dictionary is None
    assert column.values.tolist() == [1.0, 2.0]


def test_empty_is_missing_and_not_finite_is_infinite() -> None:
    """Empty text and null are NaN; nan and inf in any form are infinities."""
    column = column_of(array_of(["", None, "nan", "inf", math.nan, 1]), categorical=False)
    assert column is not None
    assert np.isnan(column.values).tolist() == [True, True, False, False, False, False]
    assert column.values[2:].tolist() == [math.inf, math.inf, math.inf, 1.0]


@pytest.mark.parametrize("values", [[3, 1, 3], [3.0, 1.0, 3.0], ["3", "1.0", "3.0"]])
def test_declared_categories_are_canonical_text(values: list[object]) -> None:
    """A category reads the same from an integer, a float and a text."""
    assert texts_of(column_of(array_of(values), categorical=True)) == ["3", "1", "3"]


def test_one_text_that_is_no_number_makes_categories() -> None:
    """Without a declaration a single word is enough; numbers beside it are canonical text."""
    assert texts_of(column_of(array_of([1.0, "high", None]), categorical=False)) == [
        "1",
        "high",
        None,
    ]


def test_booleans_are_categories() -> None:
    """True and false are never the numbers 1 and 0, also with gaps."""
    assert texts_of(column_of(array_of([True, False]), categorical=False)) == ["true", "false"]
    assert texts_of(column_of(array_of([True, None]), categorical=False)) == ["true", None]


def test_a_missing_category_has_no_code() -> None:
    """Null in a column of declared codes is missing."""
    assert texts_of(column_of(array_of([1, None]), categorical=True)) == ["1", None]


def test_documents_are_cut() -> None:
    """A text longer than a category can be is cut, so that a batch stays bounded."""
    (text,) = texts_of(column_of(array_of(["x" * 10_000]), categorical=False))
    assert text is not None
    assert len(text) == MAX_CATEGORY


def test_nested_values_are_no_column() -> None:
    """Objects and lists of scalars are not tabular; their neighbours are not affected."""
    arrays = {"a": array_of([{"x": 1}, {"x": 2}]), "b": array_of([1, 2])}
    assert list(tabular_columns(arrays)) == ["b"]


@pytest.mark.parametrize("text", ["1_000", "0x10", "one", "1,5"])
def test_only_decimal_numbers_are_numbers(text: str) -> None:
    """What only a programming language calls a number is a category."""
    with pytest.raises(ValueError, match=text):
        number_of_text(text)
