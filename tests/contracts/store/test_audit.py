from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError

from governance.audit import AuditEntry, Break, genesis
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
    """After the old rows are gone the rest still holds, and further rows follow."""
    chain = written(engine)
    assert prune_audit(engine, "bank", before_us=4) == 3
    assert chain.verify("bank").rows == 2
    chain.append([entry(6)])
    assert (chain.verify("bank").rows, chain.verify("bank").broken) == (3, None)


def test_pruning_stops_at_the_first_row_that_is_not_older(engine: Engine) -> None:
    """Rows behind a younger one stay, whatever their time: a chain is only cut at its start."""
    chain = Audit(engine)
    chain.append([entry(n) for n in (1, 9, 2)])
    assert prune_audit(engine, "bank", before_us=5) == 1
    assert chain.verify("bank").rows == 2


def test_whole_chain_may_be_pruned(engine: Engine) -> None:
    """With every row gone the anchor is the head, and the chain goes on from it."""
    chain = written(engine)
    assert prune_audit(engine, "bank", before_us=100) == 5
    assert prune_audit(engine, "bank", before_us=100) == 0
    chain.append([entry(6)])
    assert [row.sequence for row in chain.query("bank")] == [6]
    assert chain.verify("bank").broken is None


def test_row_removed_behind_the_anchor_is_found(engine: Engine) -> None:
    """Pruning by hand, without the anchor, is a break."""
    chain = written(engine)
    prune_audit(engine, "bank", before_us=3)
    with transaction(engine) as connection:
        connection.execute(text("DELETE FROM audit WHERE sequence = 3"))
    assert chain.verify("bank").broken == Break(3, "the row is missing")
