"""What the observer makes of bytes that go by; tests/.../test_bytes.py shows that it only looks."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.sidecar.budget import Budget, Outbox
from collectors.sidecar.counters import Pump
from collectors.sidecar.frames import REQUEST, RESPONSE
from collectors.sidecar.heads import request_head, response_head
from collectors.sidecar.observer import Observer
from collectors.sidecar.tap import Tap
from tests.collectors.sidecar.watching import Seen, Step, watch, watch_many

POST = b"POST /v2/models/m/infer?x=1 HTTP/1.1\r\nHost: m\r\nX-Id: a\r\nX-Id: b\r\n"
HELLO = POST + b"Content-Length: 5\r\n\r\nhello"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nyes"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: t\r\n\r\n"
CONVERSATION: list[Step] = [
    (">", HELLO),
    ("<", OK),
    (">", POST + CHUNKED),
    ("<", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n" + CHUNKED),
    (">", b"HEAD / HTTP/1.1\r\n\r\n"),
    ("<", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"),
    (">", HELLO + HELLO),
    ("<", b"HTTP/1.1 204 No Content\r\n\r\n" + OK),
]


def test_an_exchange_is_handed_over_whole() -> None:
    """Method, target, headers (the last of equal ones), bodies, status and times are there."""
    seen = watch([(">", HELLO), ("<", OK)])
    (end,) = seen.ends
    method, target, headers = request_head(end.request_head)
    assert (method, target, end.status) == ("POST", "/v2/models/m/infer?x=1", 200)
    assert headers["x-id"] == "b"
    assert response_head(end.response_head)["content-type"] == "text/plain"
    assert (seen.bodies(REQUEST), seen.bodies(RESPONSE)) == ([b"hello"], [b"yes"])
    assert end.ttft_us is not None
    assert 0 <= end.ttft_us <= end.latency_us


def test_one_connection_carries_all_kinds_of_messages() -> None:
    """Keep-alive, chunked with trailer, 100-continue, HEAD, 204 and pipelining are framed."""
    seen = watch(CONVERSATION)
    assert not seen.opaque
    assert [end.status for end in seen.ends] == [200, 200, 200, 204, 200]
    assert seen.bodies(REQUEST) == [b"hello", b"abcde", b"", b"hello", b"hello"]
    assert seen.bodies(RESPONSE) == [b"yes", b"abcde", b"", b"", b"yes"]


def heads(seen: Seen) -> list[object]:
    """Both heads of each exchange, as the reader takes them."""
    return [
        (request_head(e.request_head), e.status, response_head(e.response_head)) for e in seen.ends
    ]


@settings(deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=60))
def test_where_bytes_are_cut_does_not_matter(cuts: list[int]) -> None:
    """Split at any offsets, the same exchanges are seen."""
    steps: list[Step] = []
    for direction, chunk in CONVERSATION:
        at = 0
        for size in cuts:
            steps.append((direction, chunk[at : at + size]))
            at += size
        steps.append((direction, chunk[at:]))
    seen, whole = watch([s for s in steps if s[1]]), watch(CONVERSATION)
    assert seen.bodies(REQUEST) == whole.bodies(REQUEST)
    assert seen.bodies(RESPONSE) == whole.bodies(RESPONSE)
    assert heads(seen) == heads(whole)


def test_the_end_of_the_stream_ends_a_body_without_a_length() -> None:
    """HTTP/1.0 style answers are whole when the upstream closes."""
    steps = [(">", HELLO), ("<", b"HTTP/1.1 200 OK\r\n\r\nabc"), ("end", b"")]
    seen = watch(steps, by_client=False)
    assert [(end.status, end.response_length) for end in seen.ends] == [(200, 3)]


@pytest.mark.parametrize(
    ("steps", "by_client", "status"),
    [
        ([(">", HELLO)], True, 499),
        ([(">", HELLO)], False, 0),
        ([(">", HELLO), ("<", OK[:-1])], True, 200),
        ([(">", HELLO), ("<", OK[:-1])], False, 0),
        ([(">", HELLO[:-1]), ("<", OK)], True, 200),
        ([(">", HELLO[:-1])], False, 0),
    ],
)
def test_what_is_broken_off_is_an_event_too(
    steps: list[Step], *, by_client: bool, status: int
) -> None:
    """Who broke it off decides the status; a body that is not whole is not there."""
    seen = watch(steps, by_client=by_client)
    (end,) = seen.ends
    assert end.status == status
    assert (end.request_body is None) == (steps[0][1] != HELLO)
    assert (end.response_body is None) == (len(steps) > 1 and steps[1][1] != OK)


@pytest.mark.parametrize(("by_client", "status"), [(True, 200), (False, 0)])
def test_of_a_stream_that_is_broken_off_what_came_is_kept(*, by_client: bool, status: int) -> None:
    """Its tokens were paid for, whoever broke it off."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    steps = [(">", HELLO), ("<", head + b"Transfer-Encoding: chunked\r\n\r\n9\r\ndata: {}\n")]
    seen = watch(steps, by_client=by_client)
    assert [end.status for end in seen.ends] == [status]
    assert seen.bodies(1) == [b"data: {}\n"]


def test_a_request_that_its_client_never_finished_is_no_event() -> None:
    """It is counted as abandoned; half a head is not even that."""
    seen = watch_many([(0, (">", HELLO[:-1])), (1, (">", POST))])
    assert seen.ends == []
    assert seen.counts == {Pump.BEGUN: 1, Pump.ABANDONED: 1}


@pytest.mark.parametrize(
    ("steps", "cell"),
    [
        ([(">", b"\x16\x03\x01\x02\x00\x01")], Pump.OPAQUE_TLS),
        ([(">", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")], Pump.OPAQUE_HTTP2),
        ([(">", b"NONSENSE\r\n\r\n")], Pump.OPAQUE_MALFORMED),
        ([(">", HELLO), ("<", b"nonsense")], Pump.OPAQUE_MALFORMED),
        ([(">", HELLO.replace(b"5", b"5\r\nContent-Length: 6"))], Pump.OPAQUE_MALFORMED),
        ([(">", b"GET / HTTP/1.1\r\nX: " + b"a" * 2_000_000)], Pump.OPAQUE_MALFORMED),
        (
            [(">", b"GET / HTTP/1.1\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")],
            Pump.OPAQUE_UPGRADE,
        ),
        (
            [
                (">", HELLO + b"HEAD / HTTP/1.1\r\n\r\n"),
                ("<", OK + b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
            ],
            Pump.OPAQUE_MALFORMED,
        ),
    ],
)
def test_what_is_not_understood_makes_the_connection_opaque(steps: list[Step], cell: Pump) -> None:
    """The reason is counted, and every byte of the budget is given back."""
    seen = watch(steps)
    assert seen.opaque
    assert (seen.counts[cell], seen.held) == (1, 0)


def test_a_request_under_way_on_an_opaque_connection_is_counted() -> None:
    """Observed and dropped, since an inference may have happened."""
    seen = watch([(">", HELLO), ("<", b"nonsense")])
    assert seen.counts[Pump.OBSERVED] == seen.counts[Pump.DROPPED_OPAQUE] == 1


def test_a_body_beyond_the_limit_is_not_copied() -> None:
    """The exchange is truncated; its other body is there."""
    seen = watch([(">", HELLO), ("<", OK)], max_body=4)
    assert (seen.bodies(REQUEST), seen.bodies(RESPONSE), seen.held) == ([None], [b"yes"], 0)


def test_a_long_body_goes_ahead_in_parts() -> None:
    """What is held of one request stays small; the parts make the whole body."""
    body = bytes(range(256)) * 1200
    head = POST + b"Content-Length: %d\r\n\r\n" % len(body)
    chunks: list[Step] = [(">", body[i : i + 9999]) for i in range(0, len(body), 9999)]
    seen = watch([(">", head), *chunks, ("<", OK)])
    assert seen.bodies(REQUEST) == [body]
    assert len(seen.parts) == len(body) // 69_000


def test_without_room_exactly_the_request_that_asked_is_dropped() -> None:
    """Two requests in flight share 2,000 bytes; the one that needs more is lost, once."""
    long = POST + b"Content-Length: 3000\r\n\r\n" + b"z" * 3000
    steps: list[tuple[int, Step]] = [
        (0, (">", HELLO)),
        (1, (">", long)),
        (0, ("<", OK)),
        (1, ("<", OK)),
    ]
    seen = watch_many(steps, budget=2000)
    assert [end.request_length for end in seen.ends] == [5]
    assert seen.counts == {Pump.BEGUN: 2, Pump.OBSERVED: 2, Pump.DROPPED_FULL: 1}
    assert seen.held == 0


def test_dropping_a_request_whose_parts_have_left_says_so() -> None:
    """The reader is told to forget the parts."""
    long = POST + b"Content-Length: 300000\r\n\r\n"
    steps: list[Step] = [(">", long), *[(">", bytes([i]) * 30_000) for i in range(10)], ("<", OK)]
    seen = watch(steps, budget=200_000)
    assert (seen.ends, seen.drops, seen.counts[Pump.DROPPED_FULL]) == ([], [1], 1)


def test_what_is_dropped_holds_nothing_up() -> None:
    """Neither its head in memory nor the watermark: there may be very many of it."""

    async def scene() -> tuple[int, list[object]]:
        tap = Tap(Outbox(Budget(2_000)), memoryview(bytearray(8 * len(Pump))).cast("q"), 1 << 20)
        observer = Observer(tap)
        observer.request_bytes(HELLO * 100)
        kept = [passage for passage in observer.waiting if not passage.dropped]
        assert len(observer.waiting) == 100
        found: tuple[int, list[object]] = (
            tap.under_way - len(kept),
            [p.request_head for p in observer.waiting if p.dropped],
        )
        observer.close(by_client=False)
        return found

    more_under_way, heads_held = asyncio.run(scene())
    assert more_under_way == 0
    assert set(heads_held) == {b""}
