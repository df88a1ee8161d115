from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from collectors.batches import size_of
from collectors.pending import Limits, Pending
from governance.component.key import ComponentKey
from governance.event import EventBatch
from tests.collectors.events import batch, ids

if TYPE_CHECKING:
    from collections.abc import Iterable

    from collectors.pending import Ready

LOANS, CHAT = ComponentKey("bank", "loans"), ComponentKey("bank", "chat")


def add(pending: Pending, component: ComponentKey, made: EventBatch, now: float) -> Iterable[Ready]:
    return pending.add(component, made, size_of(made), now)


def found(ready: Iterable[Ready]) -> list[list[int]]:
    return [ids(made) for _, made in ready if isinstance(made, EventBatch)]


@given(st.lists(st.integers(1, 30), max_size=40))
def test_every_event_is_in_one_message_in_order(sizes: list[int]) -> None:
    """No message is longer than the limit; what is counted as pending is what has not come."""
    pending, messages, start = Pending(Limits(events=10)), list[list[int]](), 0
    for n in sizes:
        messages += found(add(pending, LOANS, batch(start, n), 0.0))
        start += n
        assert pending.events == start - sum(map(len, messages))
    messages += found(pending.everything())
    assert [number for message in messages for number in message] == list(range(start))
    assert all(len(message) <= 10 for message in messages)
    assert (pending.events, pending.size) == (0, 0)


def test_a_message_is_cut_by_bytes_too() -> None:
    """500 events of 32 bytes are cut where 3,200 bytes are the limit."""
    messages = found(add(Pending(Limits(size=3_200)), LOANS, batch(0, 500), 0.0))
    assert [len(message) for message in messages] == [100] * 5


def test_what_has_waited_long_enough_is_due_with_all_of_its_component() -> None:
    """Other components wait on."""
    pending = Pending(Limits(linger_seconds=1.0))
    list(add(pending, LOANS, batch(0), 10.0))
    list(add(pending, LOANS, batch(1, version="2"), 10.9))
    list(add(pending, CHAT, batch(2), 10.9))
    assert found(pending.due(10.99)) == []
    assert pending.next_due() == 11.0
    assert found(pending.due(11.0)) == [[0], [1]]
    assert pending.next_due() == 11.9


def test_the_oldest_event_counts_until_its_own_message_is_made() -> None:
    """Of two versions that are due together, the second still holds the watermark."""
    pending = Pending(Limits())
    list(add(pending, LOANS, batch(0, time_us=70), 0.0))
    list(add(pending, LOANS, batch(1, version="2", time_us=30), 0.0))
    assert pending.oldest_us(LOANS) == 30
    oldest = [pending.oldest_us(LOANS) for _ in pending.everything()]
    assert oldest == [30, None]
    assert pending.oldest_us(CHAT) is None
