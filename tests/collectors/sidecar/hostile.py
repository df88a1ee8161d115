"""Requests that clients should not send, and what capture says about each.

``says`` is ``opaque`` (the connection is no HTTP that has one reading), ``read`` (an event like any
other), else the counted reason.
"""

from __future__ import annotations

import base64
import io
import json
import struct
import zlib
from typing import NamedTuple

from tests.collectors.modalities.sounds import noise, sound

POST = b"POST /v2/models/loans/infer HTTP/1.1\r\nHost: m\r\nContent-Type: application/json\r\n"
PREDICT = POST.replace(b"/v2/models/loans/infer", b"/v1/models/loans:predict")
TEN_HOURS = 10 * 3_600
SIDE = 100_000  # pixels


class Hostile(NamedTuple):
    """A request as it is sent; ``path`` and ``body`` for ``--explain``, where the body is bad."""

    wire: bytes
    says: str
    path: str = ""
    body: bytes = b""


def sized(body: bytes, head: bytes = POST) -> bytes:
    """A request with its length."""
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def tensor(shape: list[int], data: bytes = b"[1]") -> bytes:
    """A V2 body of one tensor."""
    return b'{"inputs": [{"name": "a", "datatype": "INT64", "shape": %s, "data": %s}]}' % (
        json.dumps(shape).encode(),
        data,
    )


def long_recording() -> bytes:
    """A WAV of a tenth of a second whose header claims ten hours."""
    raw = bytearray(sound(noise(0.1)))
    claimed = TEN_HOURS * 32_000
    struct.pack_into("<I", raw, 4, claimed + 36)
    struct.pack_into("<I", raw, raw.index(b"data") + 4, claimed)
    return bytes(raw)


def long_flac() -> bytes:
    """The same as FLAC: 36 bits of its STREAMINFO are the number of samples."""
    raw = bytearray(sound(noise(0.1), kind="FLAC"))
    at = raw.index(b"fLaC") + 8 + 13  # after rate, channels and depth
    raw[at] = raw[at] & 0xF0
    struct.pack_into(">I", raw, at + 1, TEN_HOURS * 16_000)
    return bytes(raw)


def vast_picture() -> bytes:
    """A PNG of a few bytes whose header claims 100,000 x 100,000 pixels."""
    file = io.BytesIO(b"\x89PNG\r\n\x1a\n")
    file.seek(0, io.SEEK_END)
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    for kind, content in ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(99))), (b"IEND", b"")):
        check = zlib.crc32(kind + content)
        file.write(struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check))
    return file.getvalue()


def _of_body(body: bytes, says: str, head: bytes = POST) -> Hostile:
    return Hostile(sized(body, head), says, head.split()[1].decode(), body)


def _of_medium(raw: bytes, says: str) -> Hostile:
    instance = {"b64": base64.b64encode(raw).decode()}
    return _of_body(json.dumps({"instances": [instance]}).encode(), says, PREDICT)


HEADS = {
    "a head of 1 MB": Hostile(
        sized(b"{}", POST + b"X: " + b"a" * 1_048_576 + b"\r\n"), "no_inputs"
    ),
    "10,000 headers": Hostile(sized(b"{}", POST + b"X: a\r\n" * 10_000), "no_inputs"),
    "two lengths": Hostile(sized(b"{}", POST + b"Content-Length: 3\r\n"), "opaque"),
    "two equal lengths": Hostile(sized(b"{}", POST + b"Content-Length: 2\r\n"), "opaque"),
    "length and chunked": Hostile(sized(b"{}", POST + b"Transfer-Encoding: chunked\r\n"), "opaque"),
    "chunked and length": Hostile(
        POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "opaque",
    ),
    "NUL in a header": Hostile(sized(b"{}", POST + b"X: \0\r\n"), "opaque"),
    "NUL in the path": Hostile(sized(b"{}", POST.replace(b"loans", b"lo\0ns")), "opaque"),
    "invalid UTF-8 in a header": Hostile(sized(b"{}", POST + b"X: \xff\r\n"), "no_inputs"),
    "a length that is none": Hostile(POST + b"Content-Length: 2x\r\n\r\n{}", "opaque"),
    "a length beyond 64 bits": Hostile(
        POST + b"Content-Length: 99999999999999999999\r\n\r\n{}", "opaque"
    ),
}
BODIES = {
    "NUL in the body": _of_body(b'{"inputs": "\0"}', "not_json"),
    "invalid UTF-8 in the body": _of_body(b'{"\xff\xfe": 1}', "not_json"),
    "a body nested 50,000 deep": _of_body(b"[" * 50_000 + b"]" * 50_000, "not_json"),
    "objects nested 50,000 deep": _of_body(b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "not_json"),
    "a huge integer": _of_body(tensor([1], b"[" + b"9" * 100_000 + b"]"), "read"),
    "a number beyond floats": _of_body(tensor([1], b"[1e999999999]"), "read"),
    "a million instances": _of_body(
        b'{"instances": [' + b"1," * 999_999 + b"1]}", "instances", PREDICT
    ),
    "a shape that lies": _of_body(tensor([10**18]), "element_count"),
    "a shape beyond 64 bits": _of_body(tensor([10**30]), "element_count"),
    "an empty body": _of_body(b"", "no_body"),
    "only white space": _of_body(b" " * 1_000, "not_json"),
    "100,000 keys": _of_body(
        json.dumps({f"k{n}": n for n in range(100_000)}).encode(), "no_inputs"
    ),
    "an inflating body": _of_body(zlib.compress(b" " * 50_000_000, wbits=31), "content_encoding"),
}
MEDIA = {
    "a recording that claims ten hours": _of_medium(
        long_recording(), "undecodable:voice:truncated"
    ),
    "a FLAC that claims ten hours": _of_medium(long_flac(), "undecodable:voice:format"),
    "a picture that claims 100,000 x 100,000": _of_medium(
        vast_picture(), "undecodable:image:too_many_pixels"
    ),
}
