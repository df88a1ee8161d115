"""The binary tensor extension of V2: a JSON head, and behind it the bytes of tensors.

The header ``Inference-Header-Content-Length`` says how long the head is; a tensor that has
``parameters.binary_data_size`` has so many bytes, little endian, in the order of the tensors.
Elements of BYTES are each preceded by their length in 4 bytes; those that are no UTF-8 stay bytes.

Source: KServe, "Binary tensor data extension" (Open Inference Protocol).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from collectors.body import json_value
from governance.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

HEADER = "inference-header-content-length"

_DTYPES = {
    "BOOL": "?",
    "INT8": "<i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "UINT8": "<u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
    "BF16": "<u2",
}
_LENGTH = struct.Struct("<I")
_MOST_DIGITS = 10


def split_body(body: bytes, headers: Mapping[str, str]) -> tuple[Any, bytes]:
    """The parsed JSON head, and what is behind it.

    Raises
    ------
    CaptureError
        ``binary``, if the header is no length of a part of the body; ``not_json``.
    """
    digits = headers[HEADER].strip()
    if not digits.isdecimal() or len(digits) > _MOST_DIGITS or int(digits) > len(body):
        raise CaptureError("binary", f"{HEADER} is {digits[:20]!r}, the body has {len(body)} bytes")
    return json_value(body[: int(digits)]), body[int(digits) :]


def with_data(tensors: Any, rest: bytes) -> Any:
    """The tensors, those with a binary part with their values as ``data``.

    Raises
    ------
    CaptureError
        ``binary``, if the parts are not as long as the tensors say.
    """
    if not isinstance(tensors, list):
        return tensors
    filled = []
    for tensor in tensors:
        size = _size(tensor)
        if size is not None:
            if size > len(rest):
                raise CaptureError("binary", f"a tensor wants {size} bytes, {len(rest)} are left")
            tensor = {**tensor, "data": values_of(rest[:size], tensor.get("datatype"))}  # noqa: PLW2901
            rest = rest[size:]
        filled.append(tensor)
    if rest:
        raise CaptureError("binary", f"{len(rest)} bytes are behind the last tensor")
    return filled


def _size(tensor: Any) -> int | None:
    parameters = tensor.get("parameters") if isinstance(tensor, dict) else None
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is None:
        return None
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise CaptureError("binary", f"binary_data_size {size!r:.20} is no number of bytes")
    return size


def values_of(raw: bytes, datatype: object) -> list[Any]:
    """The elements of a binary part; raises CaptureError (``binary``, ``datatype``)."""
    if datatype == "BYTES":
        return _texts(raw)
    dtype = _DTYPES.get(datatype) if isinstance(datatype, str) else None
    if dtype is None:
        raise CaptureError("datatype", f"datatype {datatype!r:.40} has no binary form")
    if len(raw) % np.dtype(dtype).itemsize:
        raise CaptureError("binary", f"{len(raw)} bytes are no whole number of {datatype}")
    array: NDArray[Any] = np.frombuffer(raw, dtype=dtype)
    if datatype == "BF16":  # the upper half of a float32
        array = (array.astype(np.uint32) << 16).view(np.float32)
    values: list[Any] = array.tolist()
    return values


def _texts(raw: bytes) -> list[str | bytes]:
    texts: list[str | bytes] = []
    at = 0
    while at < len(raw):
        if at + _LENGTH.size > len(raw):
            raise CaptureError("binary", "an element of BYTES has no length")
        (length,) = _LENGTH.unpack_from(raw, at)
        at += _LENGTH.size
        if at + length > len(raw):
            raise CaptureError("binary", f"an element of BYTES wants {length} bytes")
        texts.append(_text(raw[at : at + length]))
        at += length
    return texts


def _text(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw
