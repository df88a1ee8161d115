from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from governance.audit import AuditEntry, AuditRow, Break, Link, genesis, link, verify

ENTRIES = st.lists(
    st.builds(AuditEntry, st.just("bank"), st.integers(0, 2**62), st.text(), st.text()),
    min_size=1,
    max_size=8,
)


def chain(entries: list[AuditEntry]) -> list[AuditRow]:
    last, rows = genesis("bank"), []
    for entry in entries:
        row = link(last, entry)
        last = Link(row.sequence, row.hash)
        rows.append(row)
    return rows


def test_hash_is_fixed_for_ever() -> None:
    """The bytes that are hashed never change: old chains must hold under new programs."""
    row = link(genesis("bank"), AuditEntry("bank", 1, "alert.changed", '{"größe":1}'))
    assert row.previous == "8b5434c84d71e3a6e339909d77a93ed9d64cbeb985aefcd39ac0080cc920907d"
    assert row.hash == "bdbc4adbfe03f0a7980d9bf7690fe874770e1eecb6c08003a3c2480627dbade9"


@given(ENTRIES)
def test_untouched_chain_holds(entries: list[AuditEntry]) -> None:
    """Whatever the entries hold, their chain holds and ends at its last row."""
    rows = chain(entries)
    head = Link(len(rows), rows[-1].hash)
    assert verify(rows, genesis("bank"), head) == verify(rows, genesis("bank"))
    assert verify(rows, genesis("bank")).head == head


@given(ENTRIES, st.data())
def test_any_edit_is_found_at_its_place(entries: list[AuditEntry], draw: st.DataObject) -> None:
    """A row with another body, kind or time breaks the chain there and nowhere before."""
    rows = chain(entries)
    place = draw.draw(st.integers(0, len(rows) - 1))
    entry = rows[place].entry
    edited = draw.draw(
        st.sampled_from(
            [
                replace(entry, body=entry.body + "x"),
                replace(entry, kind=entry.kind + "x"),
                replace(entry, at_us=entry.at_us + 1),
            ]
        )
    )
    rows[place] = replace(rows[place], entry=edited)
    found = verify(rows, genesis("bank"))
    assert (found.rows, found.broken) == (place, Break(place + 1, "the row was edited"))


@given(ENTRIES, st.data())
def test_any_gap_is_found_at_its_place(entries: list[AuditEntry], draw: st.DataObject) -> None:
    """A removed row is missed, the last one because the head is known."""
    rows = chain(entries)
    head = Link(len(rows), rows[-1].hash)
    place = draw.draw(st.integers(0, len(rows) - 1))
    del rows[place]
    found = verify(rows, genesis("bank"), head)
    assert found.broken == Break(place + 1, "the row is missing")


def test_forged_tail_is_found_by_a_known_head() -> None:
    """A row rewritten with a right hash is exposed by the head that was copied elsewhere."""
    rows = chain([AuditEntry("bank", 1, "a", "{}"), AuditEntry("bank", 2, "b", "{}")])
    head = Link(2, rows[1].hash)
    rows[1] = link(Link(1, rows[0].hash), AuditEntry("bank", 2, "b", '{"forged":true}'))
    found = verify(rows, genesis("bank"), head).broken
    assert found == Break(2, "the row is not the one that a head or checkpoint names")


def test_moving_text_between_fields_changes_the_hash() -> None:
    """Kind and body cannot be cut anew: fields are hashed as a list, not as one text."""
    one = link(genesis("bank"), AuditEntry("bank", 1, "ab", "c"))
    other = link(genesis("bank"), AuditEntry("bank", 1, "a", "bc"))
    assert one.hash != other.hash
