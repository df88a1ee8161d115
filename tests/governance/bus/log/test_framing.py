from __future__ import annotations

import google_crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.bus.log.framing import HEADER_BYTES, Unwritten, encode, frame_at, next_frame
from governance.bus.ports import Record

SALT = google_crc32c.value(b"salt")
RECORD = Unwritten(b"key", b"value" * 10, (("a", b"1"), ("b", b"")))

records = st.builds(
    Unwritten,
    st.binary(max_size=20),
    st.binary(max_size=200),
    st.lists(st.tuples(st.text(max_size=9), st.binary(max_size=9)), max_size=3).map(tuple),
)


@given(records, st.integers(0, 2**63), st.integers(-(2**63), 2**63 - 1))
def test_a_record_comes_back_as_it_was(record: Unwritten, offset: int, time_us: int) -> None:
    """Key, headers, value, offset and time survive the file."""
    buffer = b"before" + encode(record, offset, time_us, SALT) + b"behind"
    frame = frame_at(buffer, 6, SALT)
    assert frame is not None
    assert frame.end == len(buffer) - 6
    assert frame.record(buffer, "t", 3) == Record(
        "t", 3, offset, time_us, record.key, record.headers, record.value
    )


@pytest.mark.parametrize("length", range(HEADER_BYTES + 80))
def test_a_cut_frame_is_none(length: int) -> None:
    """Cut at any byte it is not a record."""
    whole = encode(RECORD, 1, 2, SALT)
    assert (frame_at(whole[:length], 0, SALT) is None) == (length < len(whole))


@pytest.mark.parametrize("place", range(HEADER_BYTES + 60))
def test_a_changed_bit_is_noticed(place: int) -> None:
    """A frame with any one bit flipped is not a record."""
    damaged = bytearray(encode(RECORD, 1, 2, SALT))
    damaged[place % len(damaged)] ^= 1 << place % 8
    assert frame_at(bytes(damaged), 0, SALT) is None


def test_the_next_frame_is_found_behind_damage() -> None:
    """Bytes that are no record are skipped up to the next whole one."""
    whole = encode(RECORD, 7, 2, SALT)
    frame = next_frame(whole[: len(whole) // 2] + whole, 0, SALT)
    assert frame is not None
    assert (frame.start, frame.offset) == (len(whole) // 2, 7)


def test_a_frame_inside_a_value_is_no_record() -> None:
    """Who does not know the file's salt cannot write a value that passes for a record."""
    smuggled = encode(RECORD, 9, 9, google_crc32c.value(b"another"))
    outer = encode(Unwritten(b"", smuggled, ()), 1, 1, SALT)
    assert next_frame(outer[:-1], 0, SALT) is None
