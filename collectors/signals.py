"""``spec.signals`` on live inferences: where a signal is, as one value per instance.

=================  =============================================================================
selector           value
=================  =============================================================================
``request:PATH``   what the JSONPath selects in the request body
``response:PATH``  the same in the response body
``header:NAME``    the request's header, else the response's
``input:TENSOR``   an input; ``TENSOR[k]`` is column k of a tensor of shape [n, d]
``output:TENSOR``  an output, likewise
``column:NAME``    the input column of that name, else the output of that name
=================  =============================================================================

One value serves all instances, else there are exactly n values. Nothing selected is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from collectors.arrays import array_of, flat_array
from collectors.jsonpath import JsonPath, compile_path
from governance.component.selector import Selector, SelectorKind
from governance.errors import CaptureError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import DTypeLike, NDArray

    from collectors.base import Exchange, Inference, Parsed

    Arrays = dict[str, NDArray[Any]]

MAX_WIDTH = 1_000  # columns of one tensor; a wider one is an image or an embedding, not a table

_BODIES = frozenset({SelectorKind.REQUEST, SelectorKind.RESPONSE})


@dataclass(frozen=True, slots=True)
class Seen:
    """Exchanges, what their protocol read, and the inputs as named columns, each of shape (n,)."""

    exchanges: Sequence[Exchange]
    inference: Inference
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Instances of all exchanges."""
        return self.inference.n

    def each(self, values: Sequence[Any], dtype: DTypeLike = object) -> NDArray[Any]:
        """One value per exchange, or a tuple of one per instance, as one per instance, (n,)."""
        if any(type(value) is tuple for value in values):
            sized = zip(values, self.inference.sizes, strict=True)
            spread = [v if type(v) is tuple else (v,) * size for v, size in sized]
            values = list(chain.from_iterable(spread))
        array = np.empty(len(values), dtype=dtype)
        array[:] = values
        return array if len(array) == self.n else np.repeat(array, self.inference.sizes)


class Place:
    """The compiled selector of one signal.

    Raises
    ------
    ConfigError
        If the selector's JSONPath cannot be used.
    """

    def __init__(self, signal: str, selector: Selector) -> None:
        self.signal = signal
        self.selector = selector
        self._path: JsonPath | None = None
        if selector.kind in _BODIES:
            try:
                self._path = compile_path(selector.argument)
            except ValueError as error:
                raise ConfigError(f"spec.signals.{signal}: {error}") from None

    def rows(self, seen: Seen) -> NDArray[Any] | None:
        """One row per instance, shape (n, ...); None where the exchange does not have it.

        Raises
        ------
        CaptureError
            ``selector``, if neither one nor n values are selected.
        """
        if self._path is not None:
            return self._selected(seen)
        found = self._found(seen)
        return None if found is None or not len(found) else self._spread(found, seen.n)

    def values(self, seen: Seen) -> NDArray[Any] | None:
        """One scalar per instance, shape (n,); raises as ``rows``, also for rows of several."""
        rows = self.rows(seen)
        if rows is None:
            return None
        flat = scalars(rows)
        if flat is None:
            raise CaptureError(
                "selector",
                f"spec.signals.{self.signal}: {self.selector} selects lists or objects, not one"
                " value per instance",
            )
        return flat

    @property
    def title(self) -> str:
        """What a column from here is called: its own name, or the last name of the path."""
        if self._path is None:
            return self.selector.argument
        return self._path.last_name or self.selector.kind.value

    @property
    def reads_bodies(self) -> bool:
        """Whether it is a path into a body: request: or response:."""
        return self._path is not None

    def found(self, parsed: Parsed) -> list[Any]:
        """What the path selects in a body, as parsed; only for request: and response:."""
        response = self.selector.kind is SelectorKind.RESPONSE
        root = parsed.response if response else parsed.request
        return [] if root is None or self._path is None else self._path.find(root)

    def _selected(self, seen: Seen) -> NDArray[Any] | None:
        """What the path selects in the bodies; missing where it selects nothing in one of many."""
        parts = [
            self._spread(loose_array(found), size) if found else None
            for parsed, size in zip(seen.inference.parsed, seen.inference.sizes, strict=True)
            for found in [self.found(parsed)]
        ]
        if len(parts) == 1:
            return parts[0]
        return _end_to_end(parts, seen.inference.sizes)

    def _spread(self, found: NDArray[Any], n: int) -> NDArray[Any]:
        if len(found) == n:
            return found
        if len(found) == 1:
            return np.repeat(found, n, axis=0)
        raise CaptureError(
            "selector",
            f"spec.signals.{self.signal}: {self.selector} selects {len(found)} values for {n}"
            " instances: it must select one, or one per instance",
        )

    def _found(self, seen: Seen) -> NDArray[Any] | None:
        name = self.selector.argument
        match self.selector.kind:
            case SelectorKind.HEADER:
                return _header(seen, name.lower())
            case SelectorKind.INPUT:
                return tensor(seen.inference.inputs, name)
            case SelectorKind.OUTPUT:
                return tensor(seen.inference.outputs, name)
        return _column(seen, name)


def named_columns(inputs: Mapping[str, NDArray[Any]], names: tuple[str, ...] = ()) -> Arrays:
    """Tensors as columns of shape (n,), named by ``names`` or ``TENSOR[0]``, ``TENSOR[1]``, ...

    Columns that already have a name keep it; a tensor wider than ``MAX_WIDTH`` gives none.

    Raises
    ------
    CaptureError
        ``feature_names``, if names are declared and no tensor has as many columns.
    """
    columns: Arrays = {}
    for name, array in inputs.items():
        if array.ndim == 1 and not names:
            columns[name] = array
            continue
        width = prod(array.shape[1:])
        if width > MAX_WIDTH:
            continue
        flat = array.reshape(len(array), width)
        titles = _titles(name, width, names if width > 1 or len(inputs) == 1 else ())
        columns |= {title: flat[:, k] for k, title in enumerate(titles)}
    if inputs and names and not any(name in columns for name in names):
        shapes = {name: list(array.shape) for name, array in list(inputs.items())[:5]}
        raise CaptureError(
            "feature_names",
            f"spec.signals.features.tabular.names lists {len(names)} columns, but no input has"
            f" that many: {shapes}",
        )
    return columns


def scalars(rows: NDArray[Any]) -> NDArray[Any] | None:
    """Rows of one scalar each as shape (n,); None where rows hold several, lists or objects."""
    if prod(rows.shape[1:]) != 1:
        return None
    flat = rows.reshape(len(rows))
    nested = flat.dtype == object and not {list, dict}.isdisjoint(map(type, flat))
    return None if nested else flat


def tensor(arrays: Mapping[str, NDArray[Any]], name: str) -> NDArray[Any] | None:
    """The tensor of that name, or column k of one for ``NAME[k]``."""
    if name in arrays:
        return arrays[name]
    base, bracket, index = name.removesuffix("]").rpartition("[")
    if not bracket or not index.isdecimal() or base not in arrays:
        return None
    array = arrays[base]
    flat = array.reshape(len(array), prod(array.shape[1:]))
    return flat[:, int(index)] if int(index) < flat.shape[1] else None


def loose_array(values: Sequence[Any]) -> NDArray[Any]:
    """Values as an array; lists of different lengths stay lists, in an object array."""
    try:
        return array_of(values)
    except CaptureError:
        return flat_array(values)


def _end_to_end(parts: Sequence[NDArray[Any] | None], sizes: Sequence[int]) -> NDArray[Any] | None:
    """Selections of several exchanges as one; raises CaptureError (``layout``) if kinds differ."""
    if all(part is None for part in parts):
        return None
    rows: list[Any] = []
    for part, size in zip(parts, sizes, strict=True):
        rows += [None] * size if part is None else part.tolist()
    kinds = set(map(type, rows)) - {type(None)}
    if not (kinds <= {int, float} or len(kinds) == 1) or not kinds.isdisjoint({list, dict}):
        raise CaptureError("layout", "values of several kinds: each exchange is read alone")
    return loose_array(rows)


def _titles(name: str, width: int, names: tuple[str, ...]) -> Sequence[str]:
    if len(names) == width:
        return names
    return [name] if width == 1 else [f"{name}[{k}]" for k in range(width)]


def _header(seen: Seen, name: str) -> NDArray[Any] | None:
    texts = [
        exchange.request_headers.get(name) or exchange.response_headers.get(name)
        for exchange in seen.exchanges
    ]
    return None if all(text is None for text in texts) else seen.each(texts)


def _column(seen: Seen, name: str) -> NDArray[Any] | None:
    if name in seen.columns:
        return seen.columns[name]
    found = tensor(seen.inference.inputs, name)
    return tensor(seen.inference.outputs, name) if found is None else found
