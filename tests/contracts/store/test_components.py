from __future__ import annotations

from typing import TYPE_CHECKING

from governance.component.key import ComponentKey
from governance.finding import Window
from governance.store.checkpoints import Checkpoint, Checkpoints, GenerationRow
from governance.store.components import Components, ComponentSummary, VersionSummary
from tests.contracts.store.rows import CREDIT, FRAUD, HOUR_US, finding

if TYPE_CHECKING:
    from sqlalchemy import Engine


def window(number: int) -> Window:
    return Window("every", number, number * HOUR_US, (number + 1) * HOUR_US)


def record(engine: Engine) -> None:
    checkpoints = Checkpoints(engine)
    claim = checkpoints.claim(3, "a")
    generations = [
        GenerationRow(CREDIT, 1, 0, '{"g":1}'),
        GenerationRow(CREDIT, 2, 50, '{"g":2}', "c0ffee"),
        GenerationRow(FRAUD, 1, 0, '{"g":1}'),
    ]
    judged = [finding(4), finding(5), finding(5, "income"), finding(2, version="0")]
    checkpoints.commit(claim, Checkpoint(1, 1, generations=generations, findings=judged))


def test_component_shows_its_newest_generation_and_windows(engine: Engine) -> None:
    """The newest spec, and each version with its newest judged window, most recent first.

    When it was judged is the log's time, whatever the window's is.
    """
    record(engine)
    found = Components(engine).get(CREDIT)
    assert found == ComponentSummary(
        CREDIT,
        3,
        2,
        '{"g":2}',
        "c0ffee",
        (VersionSummary("1", window(5), 1), VersionSummary("0", window(2), 1)),
    )


def test_component_that_was_never_judged_has_no_versions(engine: Engine) -> None:
    """A recorded component is listed before its first window closes."""
    record(engine)
    assert Components(engine).get(FRAUD) == ComponentSummary(FRAUD, 3, 1, '{"g":1}', None, ())


def test_components_are_listed_by_name(engine: Engine) -> None:
    """All of them, or those of a namespace."""
    record(engine)
    assert [c.component for c in Components(engine).find()] == [CREDIT, FRAUD]
    assert [c.component for c in Components(engine).find("bank")] == [CREDIT, FRAUD]
    assert Components(engine).find("shop") == []


def test_unknown_component_is_none(engine: Engine) -> None:
    """No generation is recorded, nothing is known."""
    assert Components(engine).get(ComponentKey("bank", "none")) is None


def test_revision_of_an_older_window_does_not_move_the_newest(engine: Engine) -> None:
    """A late label revises window 4; the newest window stays 5."""
    record(engine)
    checkpoints = Checkpoints(engine)
    claim = checkpoints.claim(3, "b")
    checkpoints.commit(claim, Checkpoint(2, 2, findings=[finding(4, revision=1)]))
    found = Components(engine).get(CREDIT)
    assert found is not None
    assert found.versions[0].window == window(5)


def test_groups_list_their_own_components(engine: Engine) -> None:
    """A second worker group starts empty."""
    record(engine)
    assert Components(engine, "shadow").find() == []
