"""Messages framed by their stated length, beside the parser with callbacks, the slow twin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.sidecar.heads import request_head, response_head
from collectors.sidecar.sized import Sized
from tests.collectors.sidecar.test_bytes import turns
from tests.collectors.sidecar.watching import Seen, Step, watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.collectors.sidecar.wires import Turn

POST = b"POST /a HTTP/1.1\r\nHost: m\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"
HELLO = POST + b"Content-Length: 5\r\n\r\nhello"


def _never(*_: object) -> None:
    """Leave every message to the parser with callbacks."""


def both(steps: list[Step]) -> tuple[Seen, Seen]:
    """What is seen with and without ``Sized``."""
    fast = watch(steps)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sized, "begin", _never)
        return fast, watch(steps)


def seen_as(seen: Seen) -> object:
    """All that does not depend on the clock."""
    ends = [
        (
            *(request_head(e.request_head), e.request_length, e.status),
            *(response_head(e.response_head), e.response_length, e.ttft_us is None),
        )
        for e in seen.ends
    ]
    bodies = seen.bodies(0), seen.bodies(1)
    return ends, bodies, seen.counts, seen.opaque, seen.held, seen.drops


def cut(said: list[Turn], sizes: list[int]) -> list[Step]:
    steps: list[Step] = []
    streams = [s for turn in said for s in ((">", turn.request), ("<", turn.response))]
    for direction, stream in streams:
        at = number = 0
        while at < len(stream):
            size = sizes[number % len(sizes)]
            steps.append((direction, stream[at : at + size]))
            at, number = at + size, number + 1
    return steps


@settings(max_examples=40, deadline=None)
@given(st.lists(turns(), min_size=1, max_size=4), st.lists(st.integers(90, 70_000), min_size=1))
def test_what_is_seen_is_the_same(said: list[Turn], sizes: list[int]) -> None:
    """Any HTTP, pipelined or not, cut anywhere: exchanges, bodies, counts and room are equal."""
    fast, slow = both(cut(said, sizes))
    assert seen_as(fast) == seen_as(slow)


def test_at_every_offset_a_cut_changes_nothing() -> None:
    """Two pipelined requests and their answers, split in two at each byte."""
    requests, answers = HELLO * 2, OK * 2
    whole = seen_as(watch([(">", requests), ("<", answers)]))
    for at in range(1, len(requests)):
        assert seen_as(watch([(">", requests[:at]), (">", requests[at:]), ("<", answers)])) == whole
    for at in range(1, len(answers)):
        assert seen_as(watch([(">", requests), ("<", answers[:at]), ("<", answers[at:])])) == whole


ODD: dict[str, Callable[[], list[Step]]] = {
    "length twice": lambda: [(">", HELLO.replace(b"5", b"5\r\nContent-Length: 6"))],
    "length twice, equal": lambda: [(">", HELLO.replace(b"5", b"5\r\nContent-Length: 5"))],
    "length and chunked": lambda: [(">", HELLO.replace(b"5", b"5\r\nTransfer-Encoding: chunked"))],
    "signed length": lambda: [(">", HELLO.replace(b": 5", b": +5"))],
    "underscored length": lambda: [(">", HELLO.replace(b": 5", b": 0_5"))],
    "negative length": lambda: [(">", HELLO.replace(b": 5", b": -5"))],
    "length in spaces": lambda: [(">", HELLO.replace(b": 5", b":  5 ")), ("<", OK)],
    "length of 4,000 digits": lambda: [(">", HELLO.replace(b"5", b"5" * 4_000))],
    "length of 5,000 digits": lambda: [(">", HELLO.replace(b"5", b"5" * 5_000))],
    "no length behind the name": lambda: [(">", HELLO.replace(b": 5", b": "))],
    "NUL in a header": lambda: [(">", HELLO.replace(b"Host: m", b"Host: \0"))],
    "folded header": lambda: [(">", HELLO.replace(b"Host: m", b"Host: m\r\n n"))],
    "bare line feed": lambda: [(">", HELLO.replace(b"m\r\n", b"m\n"))],
    "upgrade with a body": lambda: [
        (">", HELLO.replace(b"Host: m", b"Connection: upgrade\r\nUpgrade: x"))
    ],
    "HEAD with a body": lambda: [(">", HELLO.replace(b"POST", b"HEAD")), ("<", OK[:-3])],
    "304 with a length": lambda: [(">", HELLO), ("<", OK[:-3].replace(b"200", b"304"))],
    "204 with a body": lambda: [(">", HELLO), ("<", OK.replace(b"200", b"204"))],
    "101 with a length": lambda: [(">", HELLO), ("<", OK.replace(b"200", b"101"))],
    "100 with a length": lambda: [(">", HELLO), ("<", OK[:-3].replace(b"200", b"100")), ("<", OK)],
    "answer before the body": lambda: [(">", HELLO[:-2]), ("<", OK), (">", HELLO[-2:])],
    "answer without a question": lambda: [("<", OK), (">", HELLO), ("<", OK)],
    "two answers to one question": lambda: [(">", HELLO), ("<", OK + OK)],
    "empty line first": lambda: [(">", b"\r\n\r\n" + HELLO), ("<", OK)],
    "empty bodies": lambda: [
        (">", HELLO.replace(b"5", b"0")[:-5]),
        ("<", OK.replace(b"3", b"0")[:-3]),
    ],
    "1,000 pipelined": lambda: [(">", HELLO * 1_000), ("<", OK * 1_000)],
    "invalid UTF-8": lambda: [(">", HELLO.replace(b"Host: m", b"Host: \xff\xfe")), ("<", OK)],
    "a name that ends like it": lambda: [(">", HELLO.replace(b"Content-L", b"X-Content-L"))],
}


@pytest.mark.parametrize("case", ODD)
def test_odd_heads_are_judged_by_the_parser(case: str) -> None:
    """What it refuses is opaque and counted, as it would be without ``Sized``."""
    fast, slow = both(ODD[case]())
    assert seen_as(fast) == seen_as(slow)


def test_heads_taken_apart_late_are_those_of_the_parser() -> None:
    """Spaces, empty values, equal names, colons and high bytes read as the parser reads them."""
    long = b"L: " + b"l" * 300 + b"\r\n"
    lines = long + b"A:  b \t \r\nB:d\r\nC: \r\nD: x:y\r\na: last\r\nE: caf\xc3\xa9\xff\r\n"
    request = b"POST  /x?y=%C3:b  HTTP/1.1\r\n" + lines + b"Content-Length: 0\r\n\r\n"
    answer = b"HTTP/1.1 200 OK\r\n" + lines + b"Content-Length: 0\r\n\r\n"
    fast, slow = both([(">", request), ("<", answer)])
    assert isinstance(fast.ends[0].request_head, bytes)
    assert isinstance(fast.ends[0].response_head, bytes)
    assert seen_as(fast) == seen_as(slow)
