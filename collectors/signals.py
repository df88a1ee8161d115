"""``spec.signals`` on a live inference: where a signal is, as one value per instance.

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
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from collectors.arrays import array_of, flat_array
from collectors.jsonpath import JsonPath, compile_path
from governance.component.selector import Selector, SelectorKind
from governance.errors import CaptureError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from collectors.base import Exchange, Inference

    Arrays = dict[str, NDArray[Any]]

MAX_WIDTH = 1_000  # columns of one tensor; a wider one is an image or an embedding, not a table

_BODIES = frozenset({SelectorKind.REQUEST, SelectorKind.RESPONSE})


@dataclass(frozen=True, slots=True)
class Seen:
    """An exchange, what its protocol read, and its inputs as named columns, each of shape (n,)."""

    exchange: Exchange
    inference: Inference
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)


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
        found = self._found(seen)
        if found is None or not len(found):
            return None
        n = seen.inference.n
        if len(found) == n:
            return found
        if len(found) == 1:
            return np.repeat(found, n, axis=0)
        raise CaptureError(
            "selector",
            f"spec.signals.{self.signal}: {self.selector} selects {len(found)} values for {n}"
            " instances: it must select one, or one per instance",
        )

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

    def found(self, seen: Seen) -> list[Any]:
        """What the path selects in the body, as parsed; only for request: and response:."""
        response = self.selector.kind is SelectorKind.RESPONSE
        root = seen.inference.response if response else seen.inference.request
        return [] if root is None or self._path is None else self._path.find(root)

    def _found(self, seen: Seen) -> NDArray[Any] | None:
        name = self.selector.argument
        match self.selector.kind:
            case SelectorKind.HEADER:
                return _header(seen.exchange, name.lower())
            case SelectorKind.INPUT:
                return tensor(seen.inference.inputs, name)
            case SelectorKind.OUTPUT:
                return tensor(seen.inference.outputs, name)
            case SelectorKind.COLUMN:
                return _column(seen, name)
        return loose_array(self.found(seen))


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


def _titles(name: str, width: int, names: tuple[str, ...]) -> Sequence[str]:
    if len(names) == width:
        return names
    return [name] if width == 1 else [f"{name}[{k}]" for k in range(width)]


def _header(exchange: Exchange, name: str) -> NDArray[Any] | None:
    text = exchange.request_headers.get(name) or exchange.response_headers.get(name)
    return None if text is None else array_of([text])


def _column(seen: Seen, name: str) -> NDArray[Any] | None:
    if name in seen.columns:
        return seen.columns[name]
    found = tensor(seen.inference.inputs, name)
    return tensor(seen.inference.outputs, name) if found is None else found
