"""From a value in a body to the bytes of a picture or recording.

==========================================  ==================================================
value                                       bytes
==========================================  ==================================================
bytes (V2 BYTES, a file of a form)          themselves
``{"b64": TEXT}`` (V1)                      of the base64
``{"url": URI}``, ``data:...;base64,TEXT``  of the base64
``{"data": TEXT}`` (OpenAI's input_audio)   of the base64
text                                        of the base64; if it is none, its UTF-8: some bytes
                                            of a tensor happen to be text
==========================================  ==================================================

An address (``https:``, ``s3:``) is no medium: what it leads to did not go by.
"""

from __future__ import annotations

import binascii
import re
from typing import Any
from urllib.parse import unquote_to_bytes

from collectors.modalities.media import MAX_FILE_BYTES
from governance.component.schema import Modality
from governance.errors import MediaError

_KEYS = ("b64", "url", "data")
_ADDRESS = re.compile(r"(?!data:)[a-z][a-z0-9+.-]{1,20}:", re.IGNORECASE)
_DATA_HEAD = re.compile(r"data:[^,]{0,200},", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_STARTS = {  # of files; of RIFF its form type
    Modality.VOICE: (b"WAVE", b"fLaC", b"OggS", b"ID3", b"FORM", b"\xff\xfb", b"\xff\xf3"),
    Modality.IMAGE: (b"WEBP", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*"),
}
_URL_SAFE = str.maketrans("-_", "+/")
_MOST_CHARACTERS = MAX_FILE_BYTES * 4 // 3 + 1_000


def modality_of(raw: bytes) -> Modality | None:
    """What the first bytes of a file say that it is; None where they say nothing."""
    kind = raw[8:12] if raw[:4] == b"RIFF" else raw[:4]
    for modality, starts in _STARTS.items():
        if kind.startswith(starts):
            return modality
    return None


def is_medium(value: object) -> bool:
    """Whether a value is of a form that only media have: bytes, an object above, a data: URI."""
    if isinstance(value, dict):
        return _inside(value) is not None
    return isinstance(value, bytes) or (isinstance(value, str) and value[:5].lower() == "data:")


def media_bytes(value: object) -> bytes | None:
    """The bytes; None where there is no medium: nothing, or an address.

    Raises
    ------
    MediaError
        ``too_large``, ``encoding`` (base64 that is none), ``no_medium`` (a number, a list).
    """
    if isinstance(value, dict):
        value = _inside(value)
    if value is None or value == "":
        return None
    if isinstance(value, bytes):
        return _bounded(value)
    if not isinstance(value, str):
        raise MediaError("no_medium", f"a {type(value).__name__} is no picture or recording")
    if len(value) > _MOST_CHARACTERS:
        raise MediaError("too_large", f"{len(value):,} characters; at most {_MOST_CHARACTERS:,}")
    if _ADDRESS.match(value):
        return None
    return _bounded(_of_text(value))


def _inside(value: dict[str, Any]) -> Any:
    return next((value[key] for key in _KEYS if isinstance(value.get(key), str)), None)


def _of_text(text: str) -> bytes:
    head = _DATA_HEAD.match(text)
    if head is None:
        try:
            return _base64(text)
        except ValueError:
            return text.encode("utf-8", "surrogatepass")
    body = text[head.end() :]
    if not head.group()[:-1].lower().endswith(";base64"):
        return unquote_to_bytes(body)
    try:
        return _base64(body)
    except ValueError:
        raise MediaError("encoding", "a data: URI whose base64 is none") from None


def _base64(text: str) -> bytes:
    """Raises ValueError; padding may be left out, white space may be anywhere."""
    plain = _SPACE.sub("", text).translate(_URL_SAFE).rstrip("=")
    return binascii.a2b_base64(plain + "=" * (-len(plain) % 4), strict_mode=True)


def _bounded(raw: bytes) -> bytes:
    if len(raw) > MAX_FILE_BYTES:
        raise MediaError("too_large", f"{len(raw):,} bytes; at most {MAX_FILE_BYTES:,}")
    return raw
