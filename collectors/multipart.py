"""Forms with files: ``multipart/form-data``, read within bounds.

Source: RFC 7578; the syntax of delimiters is RFC 2046, section 5.1.1.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from governance.errors import CaptureError

MOST_PARTS = 100
MOST_HEAD_BYTES = 8_192  # headers of one part

_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,70})"|([^\s;,"]{1,70}))', re.IGNORECASE)
_PARAMETER = re.compile(rb'(?:^|;)\s*(name|filename)="((?:[^"\\]|\\.){0,1000})"', re.IGNORECASE)
_END = b"--"
_MOST_LINE = 72  # a boundary has at most 70 characters


class Part(NamedTuple):
    """One field; ``filename`` is None where it is no file."""

    name: str
    filename: str | None
    body: bytes

    @property
    def text(self) -> str:
        """The body as text, at most 1,000 characters: fields beside a file are short."""
        return self.body[:4_000].decode("utf-8", "replace")[:1_000]


def form_parts(body: bytes, content_type: str) -> list[Part]:
    """The parts of a form, in order; those without a name are left out.

    Cost: one pass over the body, one copy of each part.

    Raises
    ------
    CaptureError
        ``form``: no boundary, no end, a part without end of its headers, or more than allowed.
    """
    delimiter = _delimiter(body, content_type)
    parts: list[Part] = []
    at = _first(body, delimiter)
    for _ in range(MOST_PARTS + 1):
        if body[at : at + 2] == _END:
            return parts
        start = body.find(b"\r\n", at, at + MOST_HEAD_BYTES)  # behind padding
        end = body.find(b"\r\n" + delimiter, max(start, 0))
        if start < 0 or end < 0:
            raise CaptureError("form", "a part of the form has no end: the body is cut off")
        part = _part(body, start, end)
        if part is not None:
            parts.append(part)
        at = end + 2 + len(delimiter)
    raise CaptureError("form", f"the form has more than {MOST_PARTS} parts")


def _delimiter(body: bytes, content_type: str) -> bytes:
    """As the content type says, else the first line: a form can begin with nothing else."""
    said = _BOUNDARY.search(content_type)
    if said is not None:
        return b"--" + (said[1] or said[2]).encode()
    line = body[: _MOST_LINE + 1].partition(b"\r\n")[0]
    if not line.startswith(b"--") or not 2 < len(line) <= _MOST_LINE:
        raise CaptureError("form", "neither content type nor body names a boundary")
    return line


def _first(body: bytes, delimiter: bytes) -> int:
    """Where the first delimiter ends; what is before it is a preamble."""
    at = 0 if body.startswith(delimiter) else body.find(b"\r\n" + delimiter) + 2
    if not body.startswith(delimiter, at):
        raise CaptureError("form", "the boundary is not in the body")
    return at + len(delimiter)


def _part(body: bytes, start: int, end: int) -> Part | None:
    """The part whose head begins with the line break at ``start``."""
    blank = body.find(b"\r\n\r\n", start, min(end + 4, start + MOST_HEAD_BYTES))
    if blank < 0 or blank > end:
        raise CaptureError("form", f"a part has no end of headers in {MOST_HEAD_BYTES:,} bytes")
    names = _disposition(body[start:blank])
    content = body[min(blank + 4, end) : end]
    if "name" not in names:
        return None
    return Part(names["name"], names.get("filename"), content)


def _disposition(head: bytes) -> dict[str, str]:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-disposition":
            found = _PARAMETER.findall(value)
            return {key.decode().lower(): text.decode("utf-8", "replace") for key, text in found}
    return {}
