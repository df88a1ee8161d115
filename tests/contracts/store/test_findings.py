from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from governance.component.key import ComponentKey
from governance.finding import Finding, Status
from governance.store.checkpoints import Checkpoint, Checkpoints
from governance.store.engine import transaction
from governance.store.findings import FindingFilter, Findings, mark_evaluated
from tests.contracts.store.rows import FRAUD, HOUR_US, finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine


def add(engine: Engine, found: Sequence[Finding], *, partition: int = 0) -> None:
    checkpoints = Checkpoints(engine)
    claim = checkpoints.claim(partition, "a")
    checkpoints.commit(claim, Checkpoint(1, 1, findings=found))


def bodies(engine: Engine) -> list[str]:
    return [stored.body for stored in Findings(engine).unevaluated()]


def test_body_is_the_line_that_replay_prints(engine: Engine) -> None:
    """The stored body is Finding.to_line, byte for byte, with floats as Python writes them."""
    add(engine, [finding()])
    assert bodies(engine) == [finding().to_line()]
    assert '"value":0.30000000000000004,' in bodies(engine)[0]


def test_unevaluated_findings_come_in_order_of_judgement(engine: Engine) -> None:
    """2,500 findings of one checkpoint are handed out in the order in which they were judged."""
    judged = [finding(window, f"f{n}") for window in range(50) for n in range(50)]
    add(engine, judged)
    found = Findings(engine).unevaluated(limit=5_000)
    assert [stored.body for stored in found] == [f.to_line() for f in judged]


def test_limit_takes_the_oldest(engine: Engine) -> None:
    """A limited look sees the first ones."""
    add(engine, [finding(0), finding(1), finding(2)])
    found = Findings(engine).unevaluated(limit=2)
    assert [stored.body for stored in found] == [finding(0).to_line(), finding(1).to_line()]


def test_finding_with_a_known_id_and_revision_is_left_alone(engine: Engine) -> None:
    """A second write of one revision, even with another value, changes nothing."""
    add(engine, [finding(value=0.1)])
    add(engine, [finding(value=0.9)])
    assert bodies(engine) == [finding(value=0.1).to_line()]


def test_finding_that_was_evaluated_does_not_come_back(engine: Engine) -> None:
    """Repeating a finding after alerting has seen it does not hand it out again."""
    add(engine, [finding()])
    with transaction(engine) as connection:
        assert mark_evaluated(connection, "evenhand", [(finding().id, 0)]) == 1
    add(engine, [finding()])
    assert bodies(engine) == []


def test_marking_again_marks_none(engine: Engine) -> None:
    """Only what was not evaluated yet is counted."""
    add(engine, [finding(0), finding(1)])
    both = [(finding(0).id, 0), (finding(1).id, 0)]
    with transaction(engine) as connection:
        assert mark_evaluated(connection, "evenhand", both[:1]) == 1
        assert mark_evaluated(connection, "evenhand", both) == 1


def test_pages_hold_every_finding_once_newest_first(engine: Engine) -> None:
    """Pages stay whole although findings come in between."""
    add(engine, [finding(window) for window in range(5)])
    findings = Findings(engine)
    first = findings.query(FindingFilter(), limit=2)
    add(engine, [finding(9)])
    second = findings.query(FindingFilter(), first.cursor, limit=2)
    last = findings.query(FindingFilter(), second.cursor, limit=2)
    seen = [f.body for page in (first, second, last) for f in page.findings]
    assert seen == [finding(window).to_line() for window in (4, 3, 2, 1, 0)]
    assert last.cursor is None


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1; DROP TABLE findings", "²"])
def test_foreign_cursor_is_refused(engine: Engine, cursor: str) -> None:
    """A cursor that no page named is an error of the caller."""
    with pytest.raises(ValueError, match="is not a cursor"):
        Findings(engine).query(FindingFilter(), cursor)


@pytest.mark.parametrize(
    ("which", "windows"),
    [
        (FindingFilter(namespace="bank"), {0, 1, 2, 3}),
        (FindingFilter(namespace="shop"), set()),
        (FindingFilter(component="fraud"), {3}),
        (FindingFilter(version="2"), {2}),
        (FindingFilter(subject="income"), {1}),
        (FindingFilter(status=Status.BREACH), {1}),
        (FindingFilter(check="drift", modality="tabular"), {0, 1, 2, 3}),
        (FindingFilter(check="error_rate"), set()),
        (FindingFilter(since_us=2 * HOUR_US, until_us=4 * HOUR_US), {1, 2}),
    ],
)
def test_filters_select(engine: Engine, which: FindingFilter, windows: set[int]) -> None:
    """Each field of the filter selects by itself; time bounds are half open."""
    made = [
        finding(0),
        finding(1, "income", status=Status.BREACH),
        finding(2, version="2"),
        finding(3, component=FRAUD),
    ]
    add(engine, made)
    expected = {f.to_line() for f in made if f.window.number in windows}
    assert {f.body for f in Findings(engine).query(which).findings} == expected


def test_latest_is_the_last_revision_of_the_newest_window(engine: Engine) -> None:
    """Each version shows its newest window only, and of each finding its last revision."""
    key = ComponentKey("bank", "credit")
    newest = [finding(7, "age"), finding(7, "income")]
    add(engine, [finding(6, "age"), *newest, finding(2, version="old")])
    add(engine, [finding(7, "age", revision=1), finding(6, "age", revision=1)])
    expected = [finding(2, version="old"), newest[1], finding(7, "age", revision=1)]
    found = {stored.body for stored in Findings(engine).latest(key)}
    assert found == {f.to_line() for f in expected}


def test_latest_of_all_components(engine: Engine) -> None:
    """Without a component every one shows its newest windows."""
    add(engine, [finding(6), finding(7), finding(2, component=FRAUD)])
    found = [stored.body for stored in Findings(engine).latest()]
    assert found == [finding(7).to_line(), finding(2, component=FRAUD).to_line()]


def test_latest_of_an_unknown_component_is_empty(engine: Engine) -> None:
    """Nothing was judged, nothing is shown."""
    assert Findings(engine).latest(ComponentKey("bank", "none")) == []


def test_finding_with_nan_is_refused_whole(engine: Engine) -> None:
    """No NaN reaches the database: the checkpoint fails and leaves nothing."""
    with pytest.raises(ValueError, match="Out of range float"):
        add(engine, [finding(0), finding(1, value=float("nan"))])
    assert bodies(engine) == []
