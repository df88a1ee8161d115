"""From exchanges to inferences: one alone, or several of one layout as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from collectors.base import Inference
from governance.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from collectors.base import Exchange, InferenceProtocol, Parsed

    Arrays = dict[str, NDArray[Any]]

_EXACT = 2.0**53  # integers below it are the same as floats


def decode(protocol: InferenceProtocol, exchange: Exchange) -> Inference:
    """Read one exchange; raises CaptureError as the protocol does."""
    return read(protocol, protocol.parse(exchange))


def read(protocol: InferenceProtocol, parsed: Parsed) -> Inference:
    """The values of one exchange.

    An answer that does not fit its request costs the outputs and no more.

    Raises
    ------
    CaptureError
        If the inputs have no one reading.
    """
    n, inputs = (1, {}) if parsed.inputs is None else protocol.inputs(parsed.inputs)
    outputs: Arrays = {}
    refused = parsed.refused
    if parsed.outputs is not None:
        try:
            size, outputs = protocol.outputs(parsed.outputs)
            _same_size(size, n)
        except CaptureError as error:
            outputs, refused = {}, error
    return Inference((parsed,), (n,), inputs, outputs, refused)


def read_together(protocol: InferenceProtocol, parsed: Sequence[Parsed]) -> Inference:
    """The values of several exchanges of one layout, each as it would be read alone.

    Raises
    ------
    CaptureError
        If they cannot be read as one: read each alone.
    """
    sizes = tuple(one.rows for one in parsed)
    n = sum(sizes)
    inputs: Arrays = {}
    outputs: Arrays = {}
    if parsed[0].inputs is not None:
        inputs = _joined(n, *protocol.inputs(protocol.join([one.inputs for one in parsed])))
    if parsed[0].outputs is not None:
        outputs = _joined(n, *protocol.outputs(protocol.join([one.outputs for one in parsed])))
    return Inference(tuple(parsed), sizes, inputs, outputs)


def _same_size(size: int, n: int) -> None:
    if size != n:
        raise CaptureError(
            "instances", f"the response has {size} outputs, the request {n} instances"
        )


def _joined(n: int, size: int, arrays: Arrays) -> Arrays:
    _same_size(size, n)
    if not all(map(_is_of_one_kind, arrays.values())):
        raise CaptureError("layout", "values of different kinds: each exchange is read alone")
    return arrays


def _is_of_one_kind(array: NDArray[Any]) -> bool:
    """Whether each part of the array would have given the same values alone."""
    if array.dtype == object:
        return set(map(type, array.flat)) == {str}
    if array.dtype == np.float64:  # integers beside floats are exact up to here
        return not (np.abs(array) >= _EXACT).any()
    return True
