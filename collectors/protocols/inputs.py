"""Inputs and outputs in the forms that model servers accept: tensors, rows, columns.

Every function returns named arrays with one row per instance, shape (n, ...). One row serves all
instances where another array has n. Nothing is refused that has one reading.
"""

from __future__ import annotations

from itertools import chain
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from collectors.arrays import MAX_AXES, array_of, flat_array, flatten
from governance.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]

DATATYPES = frozenset(
    [
        *("BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64"),
        *("FP16", "BF16", "FP32", "FP64", "BYTES"),
    ]
)
MAX_COLUMNS = 4_096  # keys of objects; more are no table


def read_batch(value: object, name: str) -> tuple[int, Arrays]:
    """Columns, rows or one unnamed tensor: the values of ``inputs`` or ``outputs``.

    Returns
    -------
    tuple
        n, and the arrays; a tensor without a name is called ``name``.

    Raises
    ------
    CaptureError
        ``ragged``, ``nesting``, ``no_inputs``.
    """
    if isinstance(value, dict):
        return _aligned(_columns(value))
    if not isinstance(value, list):
        return 1, {name: array_of([value])}
    if value and all(isinstance(item, dict) for item in value):
        return _objects(value)
    if value and all(_is_list_of_objects(item) for item in value):
        return read_rows([row for item in value for row in _rows(item)], name)
    return read_rows(value, name)


def read_rows(rows: Sequence[Any], name: str) -> tuple[int, Arrays]:
    """Rows: scalars, lists, or objects that hold one value per column.

    A key that a row lacks is missing there. Returns and raises as ``read_batch``.
    """
    if not rows or not any(isinstance(row, dict) for row in rows):
        return len(rows), {name: array_of(rows)}
    if not all(isinstance(row, dict) for row in rows):
        odd = next(i for i, row in enumerate(rows) if not isinstance(row, dict))
        raise CaptureError("ragged", f"{name}[{odd}] is no object, others are")
    keys = dict.fromkeys(chain.from_iterable(rows))
    if len(keys) > MAX_COLUMNS:
        raise CaptureError("ragged", f"{name} has {len(keys)} keys: more than {MAX_COLUMNS}")
    return len(rows), {key: _cells([row.get(key) for row in rows]) for key in keys}


def read_tensors(tensors: Sequence[Mapping[str, Any]], name: str) -> tuple[int, Arrays]:
    """V2 tensors; one without a name is called ``name-<index>``.

    Raises
    ------
    CaptureError
        ``datatype``, ``element_count``, ``shape``, ``ragged``, ``no_data`` or ``binary``.
    """
    arrays: Arrays = {}
    for index, tensor in enumerate(tensors):
        title = tensor.get("name")
        title = title if isinstance(title, str) and title else f"{name}-{index}"
        try:
            arrays[title] = _tensor(tensor)
        except CaptureError as error:
            place = f"{name}[{index}] ({title[:40]!r})"
            raise CaptureError(error.reason, f"{place}: {error}") from None
    return _aligned(arrays)


def _objects(items: Sequence[dict[str, Any]]) -> tuple[int, Arrays]:
    """A list of objects is columns if no key occurs twice, else rows."""
    if any(isinstance(value, list | dict) for item in items for value in item.values()):
        tables = [_aligned(_columns(item)) for item in items]
        return _stacked(tables) if _keys_repeat(items) else _aligned(_united(tables))
    if len(items) > 1 and not _keys_repeat(items):
        return _aligned(_columns(_merged(items)))
    return read_rows(items, "inputs")


def _columns(value: Mapping[str, Any]) -> Arrays:
    return {name: _column(column) for name, column in value.items()}


def _column(value: object) -> NDArray[Any]:
    if isinstance(value, dict):  # {"0": 5.1, "1": 4.9}, as pandas writes a column
        return array_of(list(value.values()))
    return array_of(value if isinstance(value, list) else [value])


def _cells(values: list[Any]) -> NDArray[Any]:
    """One column of rows; lists of different lengths stay what they are, in an object array."""
    try:
        return array_of(values)
    except CaptureError:
        return flat_array(values)


def _aligned(arrays: Arrays) -> tuple[int, Arrays]:
    n = max(map(len, arrays.values()), default=0)
    for name, array in arrays.items():
        if len(array) == 1 < n:
            arrays[name] = np.repeat(array, n, axis=0)
        elif len(array) != n:
            raise CaptureError("ragged", f"{name[:40]!r} has {len(array)} rows, others have {n}")
    return n, arrays


def _united(tables: Sequence[tuple[int, Arrays]]) -> Arrays:
    return {name: array for _, arrays in tables for name, array in arrays.items()}


def _stacked(tables: Sequence[tuple[int, Arrays]]) -> tuple[int, Arrays]:
    names = dict.fromkeys(name for _, arrays in tables for name in arrays)
    parts = {
        name: [arrays[name].tolist() if name in arrays else [None] * n for n, arrays in tables]
        for name in names
    }
    columns = {name: array_of(list(chain.from_iterable(part))) for name, part in parts.items()}
    return sum(n for n, _ in tables), columns


def _tensor(tensor: Mapping[str, Any]) -> NDArray[Any]:
    datatype = tensor.get("datatype", "BYTES")
    if not isinstance(datatype, str) or datatype not in DATATYPES:
        known = ", ".join(sorted(DATATYPES))
        raise CaptureError("datatype", f"datatype {datatype!r:.40} is not one of {known}")
    if "data" not in tensor:
        raise _no_data(tensor)
    shape = _shape(tensor.get("shape"))
    values = tensor["data"] if isinstance(tensor["data"], list) else [tensor["data"]]
    flat, nesting, kinds = _flat(values, shape)
    layout = _layout(len(flat), shape, nesting)
    array = flat_array(flat, kinds)
    return array if array.shape == layout else array.reshape(layout)


def _no_data(tensor: Mapping[str, Any]) -> CaptureError:
    parameters = tensor.get("parameters")
    if isinstance(parameters, dict) and "binary_data_size" in parameters:
        return CaptureError("binary", "a tensor has a binary part, and the body has none")
    return CaptureError("no_data", "a tensor needs data")


def _shape(shape: object) -> tuple[int, ...]:
    """The declared shape; empty where the tensor declares none. Negative sizes are unknown."""
    sizes = shape if isinstance(shape, list) else [] if shape is None else [shape]
    if not set(map(type, sizes)) <= {int} or len(sizes) > MAX_AXES:
        raise CaptureError(
            "shape", f"shape {shape!r:.60} is not a list of up to {MAX_AXES} whole numbers"
        )
    return tuple(sizes)


def _flat(
    values: list[Any], shape: tuple[int, ...]
) -> tuple[Sequence[Any], tuple[int, ...], set[type]]:
    try:
        return flatten(values)
    except CaptureError as error:
        if error.reason != "ragged" or not shape or min(shape) < 0:
            raise
    leaves = _leaves(values)
    return leaves, (), set(map(type, leaves))


def _leaves(values: list[Any]) -> list[Any]:
    flat: list[Any] = []
    open_lists = [iter(values)]
    while open_lists:
        for value in open_lists[-1]:
            if isinstance(value, list):
                open_lists.append(iter(value))
                break
            flat.append(value)
        else:
            open_lists.pop()
    return flat


def _layout(count: int, shape: tuple[int, ...], nesting: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of ``count`` elements: as declared, completed where one size is unknown."""
    if not shape:
        return nesting
    if min(shape) >= 0:
        if prod(shape) != count:
            wanted = f"shape {list(shape)} wants {prod(shape)} elements"
            raise CaptureError("element_count", f"{wanted}, data has {count}")
        return shape
    known = [size for size in shape if size >= 0]
    if len(known) == len(shape) - 1 and count and prod(known) and count % prod(known) == 0:
        return tuple(count // prod(known) if size < 0 else size for size in shape)
    return nesting


def _is_list_of_objects(item: object) -> bool:
    return isinstance(item, list) and bool(item) and all(isinstance(x, dict) for x in item)


def _rows(objects: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """Objects with different keys are the columns of one row; with equal keys they are rows."""
    return objects if _keys_repeat(objects) else [_merged(objects)]


def _merged(objects: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {key: value for item in objects for key, value in item.items()}


def _keys_repeat(items: Sequence[Mapping[str, Any]]) -> bool:
    return len(_merged(items)) < sum(map(len, items))
