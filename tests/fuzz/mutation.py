"""Bytes changed as faults and attackers change them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

MOST_BYTES = 200_000
_TOKENS = (
    *(b"\0", b"\xff", b"\xff\xfe", b"\r\n", b"\r\n\r\n", b"\n", b" ", b"\t", b":", b",", b'"'),
    *(b"[", b"]", b"{", b"}", b"[" * 5_000, b'{"a":' * 2_000, b"null", b"NaN", b"1e999", b"-0"),
    *(b"9" * 400, b"-1", b"0x1", b"18446744073709551616", b"2147483648", b"[]", b"{}", b'""'),
    *(b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Upgrade: x\r\n"),
    *(b"HTTP/1.1 100 Continue\r\n\r\n", b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b"\xc3"),
    *(b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x80\x00\x00\x00"),
)


def mutate(raw: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    """One to eight changes; ``others`` are bytes to splice with."""
    for _ in range(chance.randint(1, 8)):
        raw = chance.choice(_CHANGES)(raw, chance, others)
    return raw[:MOST_BYTES]


def _flip(raw: bytes, chance: Random, _: Sequence[bytes]) -> bytes:
    if not raw:
        return raw
    changed, at = bytearray(raw), chance.randrange(len(raw))
    changed[at] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _replace(raw: bytes, chance: Random, _: Sequence[bytes]) -> bytes:
    start, end = _span(raw, chance, 8)
    return raw[:start] + chance.randbytes(end - start) + raw[end:]


def _insert(raw: bytes, chance: Random, _: Sequence[bytes]) -> bytes:
    at = chance.randint(0, len(raw))
    return raw[:at] + chance.choice(_TOKENS) + raw[at:]


def _overwrite(raw: bytes, chance: Random, _: Sequence[bytes]) -> bytes:
    at, token = chance.randint(0, len(raw)), chance.choice(_TOKENS)
    return raw[:at] + token + raw[at + len(token) :]


def _remove(raw: bytes, chance: Random, _: Sequence[bytes]) -> bytes:
    start, end = _span(raw, chance, 64)
    return raw[:start] + raw[end:]


def _repeat(raw: bytes, chance: Random, _: Sequence[bytes]) -> bytes:
    start, end = _span(raw, chance, 200)
    return raw[:end] + raw[start:end] * chance.randint(1, 20) + raw[end:]


def _cut(raw: bytes, chance: Random, _: Sequence[bytes]) -> bytes:
    return raw[: chance.randint(0, len(raw))]


def _splice(raw: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    other = chance.choice(others)
    return raw[: chance.randint(0, len(raw))] + other[chance.randint(0, len(other)) :]


def _span(raw: bytes, chance: Random, longest: int) -> tuple[int, int]:
    start = chance.randint(0, len(raw))
    return start, min(len(raw), start + chance.randint(1, longest))


_CHANGES = (_flip, _replace, _insert, _insert, _overwrite, _remove, _repeat, _cut, _splice)
