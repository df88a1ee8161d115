from __future__ import annotations

import time

import pytest

from collectors.modalities.text.pii import pii_counts, pii_kind
from collectors.modalities.text.prose import LONGEST

FOUND = {
    "email": ["ann@example.com", "<a.b+c@mail.example.co.uk>,"],
    "iban": ["DE89 3704 0044 0532 0130 00 AND MORE", "GB82WEST12345698765432.", "NO9386011117947"],
    "card": ["4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005"],
    "ssn": ["123-45-6789", "(SSN 078-05-1120)"],
    "ip": ["192.168.1.1", "from 2001:db8::ff00:42:8329."],
    "phone": ["+1 415 555 2671", "(030) 1234567", "555-123-4567 x", "+4915112345678"],
}
NOT_FOUND = [
    "ann@home",  # no domain
    "DE89 3704 0044 0532 0130 01",  # checksum
    "4111 1111 1111 1112",
    "1111111111111111117",
    "000-45-6789 666-45-6789 123-00-6789",
    "256.1.1.1 1.2.3 v10.0.0.1.2",
    "12:30:45 std::vector a::b",
    "on 2026-11-24 from 10 to 12, 24.11.2026",
    "12345 67890 and 1234567890123",
    "3.14159265358979",
    "order 2026-0001-77",
]


@pytest.mark.parametrize(("kind", "text"), [(k, t) for k, those in FOUND.items() for t in those])
def test_each_kind_is_found(kind: str, text: str) -> None:
    """Once, and as nothing else."""
    assert pii_counts(f"so {text} it is") == {kind: 1}
    assert pii_kind({kind: 1}) == kind


@pytest.mark.parametrize("text", NOT_FOUND)
def test_what_is_none(text: str) -> None:
    """What looks alike and fails a checksum, a range or a date's shape."""
    assert pii_counts(text) == {}


def test_kinds_are_counted_together() -> None:
    """Each is counted, and no digit twice."""
    text = " and ".join(those[0] for those in FOUND.values()) + ", or bob@example.org"
    assert pii_counts(text) == dict.fromkeys(FOUND, 1) | {"email": 2}
    assert pii_kind(pii_counts(text)) == "several"
    assert pii_kind({}) == "none"


@pytest.mark.parametrize(
    "unit", ["a", "1", "1 ", "A1", "@", "a@", "a.a@a.", ":", "1:", "(", "+1", "-", "1.1.", "a:1"]
)
def test_no_text_is_slow(unit: str) -> None:
    """Twice the text takes about twice the time: nothing is tried again and again."""
    text = (unit * LONGEST)[:LONGEST]
    half, whole = (_fastest(text[:size]) for size in (LONGEST // 2, LONGEST))
    assert whole < 3 * half + 0.005  # a quadratic search would take four times as long


def _fastest(text: str) -> float:
    times = []
    for _ in range(3):
        began = time.process_time()
        pii_counts(text)
        times.append(time.process_time() - began)
    return min(times)
