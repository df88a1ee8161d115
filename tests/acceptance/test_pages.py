"""Pages on both roads, with two replicas, while processes restart and die."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.pager import Scene, scene
from tests.acceptance.program import eventually
from tests.testkit.http import answers

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.servers
ROADS = ("alertmanager", "prometheus")
MANY = 50


def restart_manager(stage: Scene, *, kill: bool) -> None:
    """Alertmanager ends, in order or by SIGKILL, and comes back with what it has on disk."""
    process = stage.manager.process
    if kill:
        process.kill()
    else:
        process.stop()
    process.start(lambda: answers(f"{stage.manager.url}/-/ready"))


def incident(stage: Scene, number: int) -> str:
    """One incident from breach to calm, with something that goes wrong in the middle of it."""
    name = f"c{number}"
    match number % 5:
        case 1:
            stage.breach(name)
            stage.evaluator().kill()
            for program in stage.replicas:
                program.stop()
                program.begin()
        case 2:
            restart_manager(stage, kill=False)
            stage.breach(name)
        case 3:
            program = stage.evaluator()
            program.kill()  # between the finding and whatever would follow from it
            stage.breach(name)
            program.begin()
        case _:
            stage.breach(name)
    stage.heard_firing(name)
    if number % 5 == 4:
        program = stage.evaluator()
        program.stop()
        program.begin()
    stage.calm(name)
    stage.heard_resolved(name)
    return name


@pytest.mark.parametrize("road", ROADS)
def test_every_incident_pages_and_ends(
    tmp_path: Path, road: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Restart of Alertmanager and of alert, kill -9 between write and post: one page each."""
    with scene(tmp_path, road, capsys) as stage:
        names = [incident(stage, number) for number in range(5)]
    assert {name: stage.pager.firing[name] for name in names} == dict.fromkeys(names, 1)


@pytest.mark.slow
@pytest.mark.parametrize("road", ROADS)
def test_fifty_incidents_page_once_each(
    tmp_path: Path, road: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same fifty times; Alertmanager itself is killed -9 as well, and may then page twice."""
    with scene(tmp_path, road, capsys) as stage:
        pages = {}
        for number in range(MANY):
            name = incident(stage, number)
            pages[name] = stage.pager.firing[name]
        killed = []
        for number in range(MANY, MANY + 5):
            name = f"c{number}"
            stage.breach(name)
            stage.heard_firing(name)
            restart_manager(stage, kill=True)
            # It has lost what it had told, so it tells again; an end that came first would be lost.
            eventually(lambda: stage.pager.firing[name] > 1, f"{name} again", 120)  # noqa: B023
            stage.calm(name)
            stage.heard_resolved(name)
            killed.append(stage.pager.firing[name])
    with capsys.disabled():
        sys.stdout.write(
            f"\n{road}: {len(pages)} incidents, {sum(pages.values())} pages; with Alertmanager "
            f"killed -9 in between: {len(killed)} incidents, {sum(killed)} pages\n"
        )
    assert set(pages.values()) == {1}
    assert min(killed) >= 1
