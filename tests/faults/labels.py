"""Faults of labels: too many at once, before their events, of nobody, taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.acceptance.program import eventually
from tests.faults.scene import SECONDS, WHOLE, total
from tests.faults.traffic import BATCH

if TYPE_CHECKING:
    from tests.acceptance.program import Program
    from tests.faults.scene import Row, Scene

STORM, MESSAGE = 1_000_000, 5_000
USUAL = BATCH * 2 // 3  # labels of a batch


def storm(scene: Scene) -> Row:
    """A million labels at once, all of ids that no event has."""
    with scene.worker() as program:
        scene.traffic.send(WHOLE)
        for _ in range(STORM // MESSAGE):
            scene.traffic.strange_labels(MESSAGE)
        scene.traffic.send(WHOLE)
        scene.until_windows()
        _account_for(scene, program)
        memory = _resident_mb(program.pid)
    return _row(scene, f"worker at {memory:.0f} MB")


def before_their_events(scene: Scene) -> Row:
    """Labels of batches that come only afterwards."""
    with scene.worker() as program:
        for number in range(WHOLE):
            scene.traffic.labels(number)
        scene.traffic.send(WHOLE)
        scene.until_windows()
        _account_for(scene, program)
    return _row(scene)


def taken_back(scene: Scene) -> Row:
    """Every label is corrected, some twice, after its window was judged."""
    with scene.worker() as program:
        scene.traffic.send(WHOLE)
        scene.until_windows()
        for number in (*range(WHOLE - 1), *range(WHOLE // 2)):
            scene.traffic.labels(number, corrected=True)
        scene.traffic.send(WHOLE)
        scene.until_windows()
        _account_for(scene, program)
    return _row(scene)


def _account_for(scene: Scene, program: Program) -> None:
    """Wait until of every label it is known what became of it."""
    sent = scene.traffic.strays + (scene.traffic.sequence - 1) * USUAL
    eventually(
        lambda: total(program, "evenhand_labels_total") == sent,
        f"{sent} labels accounted for",
        SECONDS,
    )


def _row(scene: Scene, remarks: str = "") -> Row:
    strays = f"{scene.traffic.strays:,} labels more, each accounted for"
    return scene.finish("; ".join(part for part in (strays, remarks) if part))


def _resident_mb(pid: int) -> float:
    with open(f"/proc/{pid}/statm") as statm:  # noqa: PTH123 - a file of the kernel's
        return int(statm.read().split()[1]) * 4096 / 1e6
