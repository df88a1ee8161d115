"""The JSON value of an HTTP body, whatever the body is.

RFC 8259 with four allowances: the tokens NaN, Infinity and -Infinity, which Python clients send;
numbers beyond any float, which are infinite; a byte order mark; gzip and deflate, also without
their header. NaN is read as infinity, which is not finite either: null is what is missing, and on
the wire NaN means missing.
"""

from __future__ import annotations

import json
import math
import zlib
from typing import TYPE_CHECKING, Any

import msgspec

from governance.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_INFLATED_BYTES = 32 * 1024 * 1024  # what the reader may hold of all bodies together

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_TOKENS = {"NaN": math.inf, "Infinity": math.inf, "-Infinity": -math.inf}
_GZIP_MAGIC = b"\x1f\x8b"  # no JSON text starts like this
_decode = msgspec.json.Decoder().decode


def json_body(body: bytes | None, headers: Mapping[str, str]) -> Any:
    """Parse a body; ``headers`` in lower case, only ``content-encoding`` is read.

    Raises
    ------
    CaptureError
        ``no_body``, ``content_encoding`` (not gzip or deflate, broken, or more than
        ``MAX_INFLATED_BYTES``) or ``not_json`` (also invalid UTF-8 and nesting without end).
    """
    if not body:
        raise CaptureError("no_body", "the body is empty or was not copied")
    return json_value(inflated(body, headers.get("content-encoding", "")))


def json_value(text: bytes) -> Any:
    """Parse a text with the allowances above; raises CaptureError (``not_json``)."""
    text = text.removeprefix(_BYTE_ORDER_MARK)
    try:
        return _decode(text)
    except RecursionError:
        raise _nested() from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _allowing(text, error)


def inflated(body: bytes, encoding: str) -> bytes:
    """The body without its content encoding; raises CaptureError (``content_encoding``)."""
    encoding = encoding.strip().lower()
    if body.startswith(_GZIP_MAGIC):
        return _inflate(body, zlib.MAX_WBITS | 16)
    if encoding == "deflate":
        return _inflate(body, zlib.MAX_WBITS)
    if encoding in {"", "identity", "gzip"}:  # gzip: a proxy has taken it off, not its header
        return body
    raise CaptureError(
        "content_encoding", f"content-encoding {encoding[:40]!r} is not gzip, deflate or identity"
    )


def _inflate(body: bytes, wbits: int) -> bytes:
    stream = zlib.decompressobj(wbits)
    try:
        text = stream.decompress(body, MAX_INFLATED_BYTES + 1)
    except zlib.error as error:
        raise CaptureError("content_encoding", f"the compressed body is broken: {error}") from None
    if len(text) > MAX_INFLATED_BYTES:
        raise CaptureError(
            "content_encoding", f"the body inflates to more than {MAX_INFLATED_BYTES} bytes"
        )
    if not stream.eof:
        raise CaptureError("content_encoding", "the compressed body is cut off")
    return text


def _allowing(text: bytes, error: Exception) -> Any:
    """Parse again with the allowances; slower, so only where the strict parser gave up."""
    try:
        value = json.loads(text.decode(), parse_int=_integer, parse_constant=_TOKENS.__getitem__)
        if b"\\u" in text:
            # A lone surrogate has no UTF-8: it could be neither keyed nor sent later.
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise _nested() from None
    except ValueError:  # JSONDecodeError, UnicodeDecodeError, UnicodeEncodeError
        raise CaptureError("not_json", f"the body is not JSON: {error}") from None
    return value


def _integer(digits: str) -> float:
    try:
        return int(digits)
    except ValueError:  # more digits than Python converts
        return -math.inf if digits.startswith("-") else math.inf


def _nested() -> CaptureError:
    return CaptureError("not_json", "the body is nested deeper than can be read")
