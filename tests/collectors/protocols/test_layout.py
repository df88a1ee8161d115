"""What tells that tensors of several requests can be read as one."""

from __future__ import annotations

from typing import Any

import pytest

from collectors.protocols.layout import tensors_layout


def tensors(shape: Any, *, rows: int = 1) -> list[dict[str, Any]]:
    return [{"name": "age", "datatype": "FP64", "shape": shape, "data": [1.5] * rows}]


def test_a_layout_is_all_but_the_rows() -> None:
    """Names, types and widths; the number of rows stands beside it."""
    one, two = tensors_layout(tensors([1, 1])), tensors_layout(tensors([2, 1], rows=2))
    assert one is not None
    assert two is not None
    assert (one[0], one[1], two[1]) == (two[0], 1, 2)


@pytest.mark.parametrize(
    "shape",
    [[True, 1], [1.0, 1], [-1, 1], [], [[1]], "1", None, {"1": 1}, [1, 10**9], [1] * 33, [2, 1]],
)
def test_other_shapes_are_read_alone(shape: Any) -> None:
    """Also where Python calls them equal to a shape that was seen before."""
    assert tensors_layout(tensors([1, 1])) is not None
    assert tensors_layout(tensors(shape)) is None


def test_what_is_deep_or_endless_is_not_remembered() -> None:
    """Nesting without end and a million axes cost nothing later."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert tensors_layout(tensors(deep)) is None
    assert tensors_layout(tensors([1] * 1_000_000)) is None
    while deep:  # taken apart by hand: the interpreter would recurse
        deep = deep[0]
