from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError

from governance.audit import AuditEntry, Break, Link, genesis
from governance.store.audit import Audit, append
from governance.store.engine import transaction
from governance.store.retention import prune_audit
from governance.store.tables import audit, audit_heads

if TYPE_CHECKING:
    from sqlalchemy import Engine


def entry(number: int, namespace: str = "bank") -> AuditEntry:
    return AuditEntry(namespace, number, "alert.fired", f'{{"number":{number},"text":"größer"}}')


def written(engine: Engine, count: int = 5) -> Audit:
    chain = Audit(engine)
    chain.append([entry(n) for n in range(1, count + 1)])
    return chain


def test_rows_come_back_newest_first(engine: Engine) -> None:
    """What was appended is read as it was written, numbered from 1."""
    rows = written(engine).query("bank")
    assert [(row.sequence, row.entry) for row in rows] == [(n, entry(n)) for n in (5, 4, 3, 2, 1)]


def test_rows_are_read_in_pages(engine: Engine) -> None:
    """A page ends before the sequence that it is given."""
    rows = written(engine).query("bank", before=4, limit=2)
    assert [row.sequence for row in rows] == [3, 2]


def test_whole_chain_holds(engine: Engine) -> None:
    """A chain that nobody touched holds from its first row to its head."""
    chain = written(engine, 2_500).verify("bank")
    assert (chain.rows, chain.head.sequence, chain.broken) == (2_500, 2_500, None)


def test_chain_without_rows_holds(engine: Engine) -> None:
    """Nothing happened, nothing is missing."""
    assert Audit(engine).verify("bank").head == genesis("bank")


@pytest.mark.parametrize("column", ["at", "kind", "body", "previous", "hash"])
def test_edited_row_is_found(engine: Engine, column: str) -> None:
    """A change of any column breaks the chain at that row."""
    chain = written(engine)
    value = 77 if column == "at" else '{"number":99}'
    with transaction(engine) as connection:
        connection.execute(update(audit).where(audit.c.sequence == 3).values({column: value}))
    found = chain.verify("bank")
    assert found.rows == 2
    assert found.broken is not None
    assert found.broken.sequence == 3


@pytest.mark.parametrize("sequence", [1, 3, 5])
def test_removed_row_is_found(engine: Engine, sequence: int) -> None:
    """A row that is gone is missed in its place, the first and the last too."""
    chain = written(engine)
    with transaction(engine) as connection:
        connection.execute(delete(audit).where(audit.c.sequence == sequence))
    assert chain.verify("bank").broken == Break(sequence, "the row is missing")


def test_reordered_rows_are_found(engine: Engine) -> None:
    """Two rows that have changed places break the chain at the first of them."""
    chain = written(engine)
    with transaction(engine) as connection:
        for old, new in ((2, 0), (4, 2), (0, 4)):
            moved = update(audit).where(audit.c.sequence == old).values(sequence=new)
            connection.execute(moved)
    found = chain.verify("bank").broken
    assert found is not None
    assert found.sequence == 2


def test_row_moved_to_another_namespace_is_found(engine: Engine) -> None:
    """A chain hangs on its namespace."""
    written(engine)
    with transaction(engine) as connection:
        for table in (audit, audit_heads):
            connection.execute(update(table).values(namespace="shop"))
            if table is audit_heads:
                start = genesis("shop")
                connection.execute(update(table).values(anchor_hash=start.hash))
    assert Audit(engine).verify("shop").broken == Break(
        1, "the row does not follow the one before it"
    )


def test_concurrent_appends_stay_one_chain(engine: Engine) -> None:
    """Eight threads that append at once leave one chain without fork or gap."""

    def work(writer: int) -> None:
        for n in range(10):
            Audit(engine).append([entry(writer * 100 + n), entry(n, "shop")])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    for namespace in ("bank", "shop"):
        chain = Audit(engine).verify(namespace)
        assert (chain.rows, chain.broken) == (80, None)


def test_aborted_append_leaves_no_gap(engine: Engine) -> None:
    """What a failed transaction appended is gone, and the next row takes its number."""
    written(engine, 2)
    broken: Any = None
    with pytest.raises(DBAPIError), transaction(engine) as connection:
        append(connection, [entry(3), AuditEntry("bank", 3, "alert.fired", broken)])
    Audit(engine).append([entry(4)])
    chain = Audit(engine).verify("bank")
    assert (chain.rows, chain.broken) == (3, None)


def test_namespaces_have_chains_of_their_own(engine: Engine) -> None:
    """Entries are sorted into their namespaces, each counted from 1."""
    Audit(engine).append([entry(1), entry(2, "shop"), entry(3)])
    assert Audit(engine).namespaces() == ["bank", "shop"]
    assert [row.sequence for row in Audit(engine).query("shop")] == [1]


def test_pruned_chain_hangs_on_its_anchor(engine: Engine) -> None:
    """After the old rows are gone the rest still holds, with a row about it, and goes on."""
    chain = written(engine)
    assert prune_audit(engine, "bank", 4, now_us=1_000) == 3
    assert [row.entry.kind for row in chain.query("bank")] == ["audit.pruned", *["alert.fired"] * 2]
    chain.append([entry(6)])
    assert (chain.verify("bank").rows, chain.verify("bank").broken) == (4, None)


def test_pruning_stops_at_the_first_row_that_is_not_older(engine: Engine) -> None:
    """Rows behind a younger one stay, whatever their time: a chain is only cut at its start."""
    chain = Audit(engine)
    chain.append([entry(n) for n in (1, 9, 2)])
    assert prune_audit(engine, "bank", 5, now_us=1_000) == 1
    assert chain.verify("bank").rows == 3


def test_whole_chain_may_be_pruned(engine: Engine) -> None:
    """With every row gone the anchor is the head, and the chain goes on from it."""
    chain = written(engine)
    assert prune_audit(engine, "bank", 100, now_us=1_000) == 5
    assert prune_audit(engine, "bank", 100, now_us=1_000) == 0
    chain.append([entry(6)])
    assert [row.sequence for row in chain.query("bank")] == [7, 6]
    assert chain.verify("bank").broken is None


def test_row_removed_behind_the_anchor_is_found(engine: Engine) -> None:
    """Pruning by hand, without the anchor, is a break."""
    chain = written(engine)
    prune_audit(engine, "bank", 3, now_us=1_000)
    with transaction(engine) as connection:
        connection.execute(text("DELETE FROM audit WHERE sequence = 3"))
    assert chain.verify("bank").broken == Break(3, "the row is missing")


def cut_off(engine: Engine, after: int) -> None:
    """Take the end of the chain away and turn its head back, as one who owns the database can."""
    with transaction(engine) as connection:
        connection.execute(delete(audit).where(audit.c.sequence > after))
        newest = select(audit.c.hash).where(audit.c.sequence == after).scalar_subquery()
        connection.execute(update(audit_heads).values(sequence=after, hash=newest))


def test_truncated_tail_is_found_by_a_checkpoint(engine: Engine) -> None:
    """Alone, a chain without its end holds; a link that was kept elsewhere misses the rows."""
    chain = written(engine)
    kept = chain.heads()["bank"]
    cut_off(engine, 3)
    assert chain.verify("bank").broken is None
    assert chain.verify("bank", [kept]).broken == Break(4, "the row is missing")


def test_forged_tail_is_found_by_a_checkpoint(engine: Engine) -> None:
    """An end that was written anew with other rows holds; a link kept elsewhere names another."""
    chain = written(engine)
    kept = chain.heads()["bank"]
    cut_off(engine, 3)
    chain.append([entry(40), entry(50), entry(60)])
    assert chain.verify("bank").broken is None
    found = chain.verify("bank", [kept]).broken
    assert found is not None
    assert (found.sequence, found.reason) == (
        5,
        "the row is not the one that a head or checkpoint names",
    )


def test_checkpoints_before_the_anchor_say_nothing(engine: Engine) -> None:
    """What retention took away cannot be checked, and is no break; the anchor itself can."""
    chain = written(engine)
    early, anchor = (Link(n, chain.query("bank")[5 - n].hash) for n in (1, 3))
    prune_audit(engine, "bank", 4, now_us=1_000)
    assert chain.verify("bank", [early, anchor]).broken is None
    forged = Link(3, "0" * 64)
    assert chain.verify("bank", [forged]).broken == Break(
        3, "the row is not the one that a head or checkpoint names"
    )


def test_rows_cut_off_at_the_start_do_not_pass_for_pruned_ones(engine: Engine) -> None:
    """An anchor that no row of the chain names is a break."""
    chain = written(engine)
    second = chain.query("bank")[3].hash
    with transaction(engine) as connection:
        connection.execute(delete(audit).where(audit.c.sequence <= 2))
        connection.execute(update(audit_heads).values(anchor_sequence=2, anchor_hash=second))
    assert chain.verify("bank").broken == Break(
        2, "the rows up to here were cut off: no row says so"
    )
