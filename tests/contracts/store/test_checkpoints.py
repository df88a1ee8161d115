from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.exc import DBAPIError

from governance.errors import ConfigError, Fenced
from governance.store.checkpoints import (
    Checkpoint,
    Checkpoints,
    Claim,
    GenerationRow,
    PaneRow,
    PartitionState,
    RegisterRow,
    SegmentRow,
)
from governance.store.findings import Findings
from tests.contracts.store.rows import CREDIT, FRAUD, finding

if TYPE_CHECKING:
    from sqlalchemy import Engine

PANE = PaneRow(CREDIT, "1", 4, "sums", b"\x00\xff pane")
FULL = Checkpoint(
    next_offset=70,
    log_time_us=1_700_000_000_000_000,
    registers=[RegisterRow(CREDIT, b"register")],
    panes=[PANE, PaneRow(CREDIT, "1", 4, "outcomes", b"outcomes")],
    segments=[SegmentRow(CREDIT, 2, bytes(4 * 1024 * 1024))],
    generations=[GenerationRow(CREDIT, 1, 0, '{"kind":1}', "c0ffee")],
    findings=[finding()],
)


def stored(engine: Engine, partition: int = 3) -> PartitionState:
    checkpoints = Checkpoints(engine)
    return checkpoints.load(checkpoints.claim(partition, "reader"))


def test_first_claim_starts_at_the_beginning(engine: Engine) -> None:
    """A partition that nobody had is claimed with epoch 1 at offset 0."""
    assert Checkpoints(engine).claim(3, "a") == Claim(3, 1, 0, 0)


def test_later_claim_raises_the_epoch_and_knows_the_position(engine: Engine) -> None:
    """The next owner gets epoch 2 and the position of the last checkpoint."""
    checkpoints = Checkpoints(engine)
    checkpoints.commit(checkpoints.claim(3, "a"), FULL)
    assert checkpoints.claim(3, "b") == Claim(3, 2, 70, 1_700_000_000_000_000)


def test_load_gives_back_what_was_committed(engine: Engine) -> None:
    """Registers, panes, a 4 MiB segment and generations come back as they were."""
    checkpoints = Checkpoints(engine)
    claim = checkpoints.claim(3, "a")
    checkpoints.commit(claim, FULL)
    state = checkpoints.load(claim)
    assert state.registers == FULL.registers
    assert {(p.kind, p.blob) for p in state.panes} == {(p.kind, p.blob) for p in FULL.panes}
    assert state.segments == FULL.segments
    assert state.generations == FULL.generations


def test_load_is_in_key_order(engine: Engine) -> None:
    """Rows come by component, version, pane and kind, whatever order they were written in."""
    panes = [
        PaneRow(component, version, pane, "sums", b"x")
        for component in (FRAUD, CREDIT)
        for version in ("b", "a", "B")
        for pane in (10, 9)
    ]
    checkpoints = Checkpoints(engine)
    claim = checkpoints.claim(3, "a")
    checkpoints.commit(claim, Checkpoint(1, 1, panes=panes))
    keys = [(p.component, p.version, p.pane) for p in checkpoints.load(claim).panes]
    assert keys == sorted(keys)


def test_older_owner_is_fenced_and_changes_nothing(engine: Engine) -> None:
    """After a second claim the first owner's commit raises Fenced and leaves no trace."""
    checkpoints = Checkpoints(engine)
    old = checkpoints.claim(3, "a")
    checkpoints.claim(3, "b")
    with pytest.raises(Fenced, match="partition 3 of group evenhand: epoch 1 is over"):
        checkpoints.commit(old, FULL)
    assert stored(engine) == PartitionState([], [], [], [])
    assert Findings(engine).unevaluated() == []
    assert checkpoints.claim(3, "c").next_offset == 0


def test_older_owner_cannot_load(engine: Engine) -> None:
    """A claim that is over gives no state to work on."""
    checkpoints = Checkpoints(engine)
    old = checkpoints.claim(3, "a")
    checkpoints.claim(3, "b")
    with pytest.raises(Fenced):
        checkpoints.load(old)


def test_commit_without_claim_is_fenced(engine: Engine) -> None:
    """A partition that nobody claimed accepts no checkpoint."""
    with pytest.raises(Fenced):
        Checkpoints(engine).commit(Claim(9, 1, 0, 0), FULL)


def test_failing_statement_leaves_nothing(engine: Engine) -> None:
    """When one row of a checkpoint is refused by the database none of it is there."""
    broken: Any = None
    failing = Checkpoint(
        next_offset=70,
        log_time_us=1,
        panes=FULL.panes,
        generations=[GenerationRow(CREDIT, 1, 0, broken)],
        findings=FULL.findings,
    )
    checkpoints = Checkpoints(engine)
    claim = checkpoints.claim(3, "a")
    with pytest.raises(DBAPIError):
        checkpoints.commit(claim, failing)
    assert stored(engine) == PartitionState([], [], [], [])
    assert checkpoints.claim(3, "b").next_offset == 0


def test_repeated_commit_changes_nothing(engine: Engine) -> None:
    """A commit whose outcome was unknown may be tried again: rows and findings stay single."""
    checkpoints = Checkpoints(engine)
    claim = checkpoints.claim(3, "a")
    checkpoints.commit(claim, FULL)
    once = checkpoints.load(claim)
    checkpoints.commit(claim, FULL)
    assert checkpoints.load(claim) == once
    assert len(Findings(engine).unevaluated()) == 1


def test_last_of_two_rows_with_one_key_counts(engine: Engine) -> None:
    """Two writes of one pane in one checkpoint leave the second."""
    checkpoints = Checkpoints(engine)
    claim = checkpoints.claim(3, "a")
    later = PaneRow(CREDIT, "1", 4, "sums", b"later")
    checkpoints.commit(claim, Checkpoint(1, 1, panes=[PANE, later]))
    assert checkpoints.load(claim).panes == [later]


def test_empty_blob_deletes_the_row(engine: Engine) -> None:
    """An empty pane, segment or register takes the stored one away and no other."""
    checkpoints = Checkpoints(engine)
    claim = checkpoints.claim(3, "a")
    checkpoints.commit(claim, FULL)
    emptied = Checkpoint(
        71,
        2,
        registers=[RegisterRow(CREDIT, b"")],
        panes=[PaneRow(CREDIT, "1", 4, "sums", b"")],
        segments=[SegmentRow(CREDIT, 2, b"")],
    )
    checkpoints.commit(claim, emptied)
    state = checkpoints.load(claim)
    assert (state.registers, state.segments) == ([], [])
    assert [p.kind for p in state.panes] == ["outcomes"]


def test_many_rows_are_deleted_and_written_together(engine: Engine) -> None:
    """1,200 panes go and 1,200 come in one checkpoint."""
    checkpoints = Checkpoints(engine)
    claim = checkpoints.claim(3, "a")
    before = [PaneRow(CREDIT, "1", n, "sums", b"x") for n in range(1_200)]
    checkpoints.commit(claim, Checkpoint(1, 1, panes=before))
    gone = [PaneRow(CREDIT, "1", n, "sums", b"") for n in range(1_200)]
    came = [PaneRow(CREDIT, "1", n, "sums", b"y") for n in range(1_200, 2_400)]
    checkpoints.commit(claim, Checkpoint(2, 2, panes=[*gone, *came]))
    assert checkpoints.load(claim).panes == came


def test_partitions_and_groups_do_not_see_each_other(engine: Engine) -> None:
    """State and findings belong to one partition of one worker group."""
    mine, shadow = Checkpoints(engine), Checkpoints(engine, "shadow")
    for checkpoints in (mine, shadow):
        checkpoints.commit(checkpoints.claim(3, "a"), FULL)
    assert stored(engine, partition=4) == PartitionState([], [], [], [])
    assert shadow.claim(3, "b").epoch == 2
    assert len(Findings(engine).unevaluated()) == 1
    assert len(Findings(engine, "shadow").unevaluated()) == 1


def test_recorded_generation_never_changes(engine: Engine) -> None:
    """A generation that is recorded stays as it is, so a replay repeats every decision."""
    checkpoints = Checkpoints(engine)
    claim = checkpoints.claim(3, "a")
    checkpoints.commit(claim, FULL)
    again = [GenerationRow(CREDIT, 1, 50, '{"kind":2}')]
    checkpoints.commit(claim, Checkpoint(71, 2, generations=again))
    assert checkpoints.load(claim).generations == FULL.generations


def test_number_of_partitions_is_fixed_at_the_first_start(engine: Engine) -> None:
    """A topic that comes back with another number of partitions is refused with a remedy."""
    checkpoints = Checkpoints(engine)
    checkpoints.pin_partitions("evenhand.events", 48)
    checkpoints.pin_partitions("evenhand.events", 48)
    with pytest.raises(ConfigError, match=r"has 96 partitions.*started with 48"):
        checkpoints.pin_partitions("evenhand.events", 96)
