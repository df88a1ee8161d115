import gzip
import math
import zlib

import pytest

from collectors.body import MAX_INFLATED_BYTES, json_body
from governance.errors import CaptureError


def test_tokens_that_python_clients_send_are_numbers() -> None:
    """NaN and the infinities are read although JSON does not know them; NaN is not missing."""
    assert json_body(b"[NaN, Infinity, -Infinity, 1]", {}) == [math.inf, math.inf, -math.inf, 1]


def test_numbers_of_any_size_are_read() -> None:
    """Exponents and integers beyond any float are infinite; a large integer stays exact."""
    digits = b"9" * 10_000
    values = json_body(b"[1e400, %s, -%s, 1%s]" % (digits, digits, b"0" * 30), {})
    assert values == [math.inf, math.inf, -math.inf, 10**30]


@pytest.mark.parametrize("encoding", ["gzip", "", "deflate"])
def test_compressed_bodies_are_read(encoding: str) -> None:
    """Gzip with or without its header, and deflate."""
    pack = zlib.compress if encoding == "deflate" else gzip.compress
    assert json_body(pack(b'{"a": 1}'), {"content-encoding": encoding}) == {"a": 1}


def test_a_byte_order_mark_is_no_obstacle() -> None:
    """What Windows editors put in front of UTF-8 is skipped."""
    assert json_body(b"\xef\xbb\xbf[1]", {}) == [1]


@pytest.mark.parametrize(
    ("body", "headers", "reason"),
    [
        (None, {}, "no_body"),
        (b"", {}, "no_body"),
        (b"{", {}, "not_json"),
        (b"hello", {}, "not_json"),
        (b"[1] [2]", {}, "not_json"),
        (b'["\xff"]', {}, "not_json"),
        (b'["\x00"]', {}, "not_json"),
        (b'[NaN, "\xff"]', {}, "not_json"),
        (b'["\\ud800"]', {}, "not_json"),
        (b"[" * 100_000, {}, "not_json"),
        (b"[NaN," + b"[" * 100_000, {}, "not_json"),
        (b"\x1f\x8bnonsense", {}, "content_encoding"),
        (gzip.compress(b"[1, 2, 3]", mtime=0)[:-9], {}, "content_encoding"),
        (b"[1]", {"content-encoding": "br"}, "content_encoding"),
        (gzip.compress(b" " * (MAX_INFLATED_BYTES + 1), mtime=0), {}, "content_encoding"),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else None,
)
def test_what_is_not_json_has_a_reason(
    body: bytes | None, headers: dict[str, str], reason: str
) -> None:
    """Cut, mistyped, binary, bottomless and bomb bodies all end in a counted reason."""
    with pytest.raises(CaptureError) as error:
        json_body(body, headers)
    assert error.value.reason == reason
