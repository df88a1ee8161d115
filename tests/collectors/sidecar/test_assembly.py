from __future__ import annotations

import pytest

from collectors.sidecar.assembly import Assembly, Missing
from collectors.sidecar.frames import REQUEST, RESPONSE, End
from governance.errors import Full


def end(number: int, **fields: object) -> End:
    values: dict[str, object] = {
        "number": number,
        "request_head": (b"POST", b"/v1", {b"X-A": b"1", b"x-a": b"2"}),
        "request_body": [],
        "request_length": 0,
        "status": 200,
        "response_head": {},
        "response_body": [],
        "response_length": 0,
        "started_us": 5,
        "latency_us": 1500,
        "ttft_us": 250,
    }
    return End(**(values | fields))  # type: ignore[arg-type]


def test_parts_and_end_make_one_exchange() -> None:
    """Bodies are joined per side; names are lower case; times are milliseconds."""
    assembly = Assembly()
    assembly.part(1, REQUEST, [b"ab", b"c"])
    assembly.part(2, REQUEST, [b"other"])
    assembly.part(1, RESPONSE, [b"x"])
    made = assembly.end(
        end(1, request_body=[b"d"], request_length=4, response_body=[b"yz"], response_length=3)
    )
    assert (made.request_body, made.response_body) == (b"abcd", b"xyz")
    assert made.request_headers == {"x-a": "2"}
    assert (made.latency_ms, made.ttft_ms, made.truncated) == (1.5, 0.25, False)


def test_a_body_that_was_not_copied_is_truncated_and_an_absent_one_is_not() -> None:
    """Both are None in the exchange."""
    made = Assembly().end(end(1, request_body=None))
    assert (made.request_body, made.response_body, made.truncated) == (None, None, True)
    assert not Assembly().end(end(1)).truncated


def test_parts_that_went_to_another_reader_are_missed() -> None:
    """Half a body is no event."""
    with pytest.raises(Missing, match="3 of 4 bytes"):
        Assembly().end(end(1, request_body=[b"d"], request_length=4))


def test_beyond_the_bound_one_request_is_given_up() -> None:
    """The others are not affected; the room is free again once an exchange is let go."""
    assembly = Assembly(limit=10)
    assembly.part(1, REQUEST, [b"12345678"])
    assembly.part(2, REQUEST, [b"12345678"])
    assembly.part(2, REQUEST, [b"9"])
    with pytest.raises(Full):
        assembly.end(end(2, request_body=[], request_length=9))
    assert assembly.end(end(1, request_length=8)).request_body == b"12345678"
    assert assembly.held == 8
    assembly.let_go()
    assembly.part(3, REQUEST, [b"1234567890"])
    assert assembly.end(end(3, request_length=10)).request_body == b"1234567890"


def test_dropped_parts_give_their_room_back() -> None:
    """As often as it happens."""
    assembly = Assembly(limit=10)
    for number in range(5):
        assembly.part(number, REQUEST, [b"1234567890"])
        assembly.drop(number)
    assembly.part(9, REQUEST, [b"1234567890"])
    assert assembly.end(end(9, request_length=10)).request_body == b"1234567890"
