from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.cloud_events.event import CloudEvent
from collectors.cloud_events.halves import Exchanged, Half, Halves, Side
from governance.errors import Full


def half(name: str, side: Side, at: float = 0.0, data: bytes = b"") -> Half:
    return Half((name,), side, CloudEvent(name, "s", "t", None, {}, data), at, 0)


def balanced(halves: Halves) -> bool:
    counts = halves.counts
    settled = counts["request_alone"] + counts["response_alone"]
    return counts["taken"] == 2 * counts["paired"] + counts["again"] + settled + halves.waiting


@pytest.mark.parametrize("first", list(Side))
def test_two_halves_make_an_exchange_in_either_order(first: Side) -> None:
    """The answer may overtake its request."""
    halves, second = Halves(), next(side for side in Side if side is not first)
    assert halves.offer([half("a", first)]) == []
    [whole] = halves.offer([half("b", first), half("a", second)])
    assert whole.request is not None
    assert whole.response is not None
    assert (whole.request.side, whole.response.side) == (Side.REQUEST, Side.RESPONSE)
    halves.confirm([whole])
    assert (halves.waiting, halves.counts["paired"]) == (1, 1)
    assert balanced(halves)


def test_a_half_that_comes_again_counts_once() -> None:
    """Before its partner it takes the place of the first, afterwards it is only counted."""
    halves = Halves()
    halves.offer([half("a", Side.REQUEST, data=b"old")])
    halves.offer([half("a", Side.REQUEST, data=b"new")])
    [whole] = halves.offer([half("a", Side.RESPONSE)])
    halves.confirm([whole])
    assert whole.request is not None
    assert whole.request.event.data == b"new"
    assert halves.offer([half("a", Side.REQUEST), half("a", Side.RESPONSE)]) == []
    assert halves.waiting == 0
    assert halves.counts["again"] == 3
    assert balanced(halves)


def test_halves_whose_partner_does_not_come_are_given_up() -> None:
    """Oldest first, at their time and not before; a late partner then waits alone."""
    halves = Halves(wait_seconds=60)
    halves.offer([half("a", Side.REQUEST, 0.0), half("b", Side.RESPONSE, 30.0)])
    assert halves.next_due() == 60
    assert halves.due(59.9) == []
    given_up = halves.due(60.0)
    assert [one.newest.key for one in given_up] == [("a",)]
    halves.confirm(given_up)
    assert halves.offer([half("a", Side.RESPONSE, 61.0)]) == []
    halves.confirm(halves.due(200.0))
    assert halves.counts["request_alone"] == 1
    assert halves.counts["response_alone"] == 2
    assert (halves.waiting, halves.size) == (0, 0)
    assert balanced(halves)


def test_memory_is_bounded() -> None:
    """Over the bound the oldest are given up early; over twice the bound nothing is taken."""
    halves = Halves(waiting_bytes=100_000)
    for i in range(20):
        halves.offer([half(str(i), Side.REQUEST, data=b"x" * 5_000)])
    assert halves.next_due() == -float("inf")
    given_up = halves.due(0.0)
    halves.confirm(given_up)
    assert given_up[0].newest.key == ("0",)
    assert halves.size <= 100_000
    with pytest.raises(Full):
        halves.offer([half("big", Side.REQUEST, data=b"x" * 200_000)])
    assert balanced(halves)


def test_what_could_not_be_passed_on_can_come_again() -> None:
    """The half that came last is refused, the other waits; its resend completes the exchange."""
    halves = Halves()
    halves.offer([half("a", Side.REQUEST)])
    halves.give_back(halves.offer([half("a", Side.RESPONSE)]))
    assert (halves.waiting, balanced(halves)) == (1, True)
    [whole] = halves.offer([half("a", Side.RESPONSE)])
    halves.confirm([whole])
    assert (halves.waiting, halves.counts["paired"], balanced(halves)) == (0, 1, True)


names = st.sampled_from("abcde")
steps = st.lists(
    st.one_of(
        st.tuples(st.just("offer"), st.lists(st.tuples(names, st.sampled_from(Side)), max_size=4)),
        st.tuples(st.just("refuse"), st.lists(st.tuples(names, st.sampled_from(Side)), max_size=4)),
        st.tuples(st.just("wait"), st.floats(0, 50)),
    ),
    max_size=40,
)


@given(steps)
def test_every_half_is_accounted_for(steps: list[tuple[str, object]]) -> None:
    """Whatever comes in whatever order, and whatever is refused: the equation holds."""
    halves, now, events = Halves(wait_seconds=60, remembered=3), 0.0, Counter[str]()
    for what, argument in steps:
        handed: list[Exchanged]
        if isinstance(argument, float):
            now += argument
            handed = halves.due(now)
        else:
            assert isinstance(argument, list)
            handed = halves.offer([half(name, side, now) for name, side in argument])
        assert balanced(halves) or handed
        if what == "refuse":
            halves.give_back(handed)
        else:
            halves.confirm(handed)
            events["requests"] += sum(one.request is not None for one in handed)
        assert balanced(halves)
    assert events["requests"] == halves.counts["paired"] + halves.counts["request_alone"]
