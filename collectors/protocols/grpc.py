"""gRPC on HTTP/2: how messages are framed, and what its status codes are in HTTP's numbers.

Source: gRPC, "gRPC over HTTP2"; google.rpc.Code for the HTTP numbers.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from collectors.body import inflated
from governance.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFIX = struct.Struct(">BI")
_OK, _UNKNOWN = 0, 500
_HTTP = {
    0: 200,
    1: 499,
    2: 500,
    3: 400,
    4: 504,
    5: 404,
    6: 409,
    7: 403,
    8: 429,
    9: 400,
    10: 409,
    11: 400,
    12: 501,
    13: 500,
    14: 503,
    15: 500,
    16: 401,
}


def http_status(status: int, headers: Mapping[str, str]) -> int:
    """The status of an answer; ``headers`` include its trailers."""
    code = headers.get("grpc-status", "").strip()
    if status != 200 or not headers.get("content-type", "").startswith("application/grpc"):
        return status
    if not code:
        return 0  # the answer was broken off before it said how it went
    return _HTTP.get(int(code), _UNKNOWN) if code.isdecimal() else _UNKNOWN


def unary_message(body: bytes | None, headers: Mapping[str, str]) -> bytes:
    """The one message of a body, without its compression.

    Raises
    ------
    CaptureError
        ``no_body``, or ``grpc`` if it is not exactly one whole message.
    """
    if not body:
        raise CaptureError("no_body", "the body is empty or was not copied")
    if len(body) < _PREFIX.size:
        raise CaptureError("grpc", f"{len(body)} bytes are no message")
    compressed, length = _PREFIX.unpack_from(body)
    message = body[_PREFIX.size :]
    if compressed not in {0, 1} or length != len(message):
        raise CaptureError("grpc", f"a message of {length} bytes is in a body of {len(message)}")
    return inflated(message, headers.get("grpc-encoding", "")) if compressed else message
