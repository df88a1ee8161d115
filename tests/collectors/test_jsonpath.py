from typing import Any

import jsonpath_rfc9535
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.jsonpath import compile_path

PATHS = [
    "$",
    "$.a",
    "$['a','b']",
    "$.a[0]",
    "$.a[-1]",
    "$.a[*].b",
    "$[*]",
    "$[*][*]",
    "$.a[1:]",
    "$.a[-2:]",
    "$.a[::-1]",
    "$.a[::2].b",
    "$.a[5:1:-2]",
    "$[0,1]",
]
SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=2)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=20,
)


@given(st.sampled_from(PATHS), VALUES)
def test_the_walk_finds_what_the_library_finds(path: str, value: Any) -> None:
    """The fast walk is the library's, match for match and in its order."""
    assert compile_path(path).find(value) == jsonpath_rfc9535.find(path, value).values()


@pytest.mark.parametrize("path", ["a", "$..a", "$.a[?@.b]", "$.a[", ""])
def test_paths_that_selectors_may_not_hold_are_refused(path: str) -> None:
    """No filters, no descendants, no text that is no path."""
    with pytest.raises(ValueError, match=r"JSONPath|allowed"):
        compile_path(path)


@pytest.mark.parametrize(
    ("path", "name"), [("$.instances[*].age", "age"), ("$.a.b[0]", "b"), ("$[0]", None)]
)
def test_the_last_name_titles_a_column(path: str, name: str | None) -> None:
    """A feature that a path selects is called by its last name."""
    assert compile_path(path).last_name == name


def test_a_path_through_deep_nesting_does_not_recurse() -> None:
    """Ten thousand steps down are ten thousand steps of a loop."""
    deep: Any = 1
    for _ in range(10_000):
        deep = [deep]
    assert len(compile_path("$" + "[0]" * 50).find(deep)) == 1
