from __future__ import annotations

import time

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.multipart import MOST_PARTS, Part, form_parts
from governance.errors import CaptureError

KIND = "multipart/form-data; boundary=xyz"


def form(*parts: bytes, end: bytes = b"--xyz--\r\n") -> bytes:
    return b"".join(b"--xyz\r\n" + part + b"\r\n" for part in parts) + end


def field(name: bytes, content: bytes = b"1") -> bytes:
    return b'Content-Disposition: form-data; name="' + name + b'"\r\n\r\n' + content


@given(
    st.dictionaries(st.text("abc_", min_size=1, max_size=8), st.text(max_size=30), max_size=4),
    st.binary(max_size=300),
)
@settings(max_examples=60, deadline=None)
def test_what_a_client_sends_is_read(fields: dict[str, str], recording: bytes) -> None:
    """Fields and file as httpx writes them, whatever they hold."""
    fields.pop("file", None)
    files = {"file": ("a.wav", recording, "audio/wav")}
    request = httpx.Request("POST", "http://x/", data=fields, files=files)
    parts = form_parts(request.read(), request.headers["content-type"])
    found = {part.name: part.text for part in parts if part.filename is None}
    assert found == fields
    assert [part.body for part in parts if part.filename == "a.wav"] == [recording]


def test_preamble_padding_and_quotes() -> None:
    """What RFC 2046 allows: text before, white space behind the delimiter, a quoted boundary."""
    body = b"hello\r\n--xyz  \r\n" + field(b"a") + b"\r\n--xyz--"
    assert form_parts(body, 'multipart/form-data; boundary="xyz"') == [Part("a", None, b"1")]


def test_a_form_without_its_content_type() -> None:
    """The first line is the boundary."""
    assert form_parts(form(field(b"a")), "") == [Part("a", None, b"1")]


def test_a_part_without_a_name_is_left_out() -> None:
    """Nobody asked for it."""
    assert form_parts(form(b"Content-Type: text/plain\r\n\r\nx", field(b"b")), KIND)[0].name == "b"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"--xyz",
        b"--xyz\r\n",
        form(field(b"a"), end=b""),
        form(field(b"a"))[:-9],
        form(b"no headers"),
        form(b"A: " + b"x" * 10_000 + b"\r\n\r\n1"),
        form(*[field(b"a")] * (MOST_PARTS + 1)),
    ],
)
def test_a_broken_form_is_refused(body: bytes) -> None:
    """No boundary, no end, endless headers, too many parts: one reason."""
    with pytest.raises(CaptureError) as error:
        form_parts(body, KIND)
    assert error.value.reason == "form"


def test_a_large_form_takes_linear_time() -> None:
    """16 MB of beginnings of delimiters are read in one pass."""
    body = form(field(b"file", b"\r\n--xy" * 2_700_000))
    began = time.process_time()
    (part,) = form_parts(body, KIND)
    assert len(part.body) == 6 * 2_700_000
    assert time.process_time() - began < 2.0
