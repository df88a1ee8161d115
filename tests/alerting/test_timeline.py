"""What people hear, and by when: the stages played minute by minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.finding import Status
from tests.alerting.timeline import (
    At,
    Never,
    Within,
    beats,
    every,
    goodbye,
    judged,
    owes,
    paged,
    play,
    resolved,
    windows,
)

if TYPE_CHECKING:
    from pathlib import Path

HOUR = 60


def test_the_second_breach_of_three_pages_at_once_and_calm_resolves(tmp_path: Path) -> None:
    """One page, one end, each in the minute of the window that decides."""
    heard = play(
        tmp_path,
        *windows("obobboo"),
        Never(paged(), 0, 19),
        Within(20, 20, paged("drift", severity="breach")),
        Never(resolved(), 0, 34),
        Within(35, 35, resolved("drift")),
        minutes=45,
    )
    assert len(heard) == 2


def test_one_breach_pages_nobody(tmp_path: Path) -> None:
    """An effect that comes once is pending, then forgotten."""
    play(tmp_path, *windows("oobooooo"), Never(paged()), minutes=45)


def test_what_cannot_be_judged_neither_fires_nor_resolves(tmp_path: Path) -> None:
    """Lost telemetry holds an alert, and does not count against it."""
    play(
        tmp_path,
        *windows("bbiiiioo"),
        Within(10, 10, paged("drift")),
        Never(resolved(), 0, 39),
        Within(40, 40, resolved("drift")),
        minutes=45,
    )


def test_a_value_next_to_its_limit_keeps_the_alert(tmp_path: Path) -> None:
    """Resolving waits for the lower limit: 0.095 of 0.1 is not calm, 0.05 is."""
    near = judged(Status.OK, value=0.095)
    play(
        tmp_path,
        *windows("bb"),
        *(At(minute, near) for minute in (15, 20, 25)),
        *windows("oo", first=6),
        Never(resolved(), 0, 34),
        Within(35, 35, resolved("drift")),
        minutes=40,
    )


def test_an_alert_that_flaps_is_told_less_and_less(tmp_path: Path) -> None:
    """The third page within two hours stays until it has been calm for six windows."""
    heard = play(
        tmp_path,
        *windows("bboobboobboooooo"),
        Within(50, 50, paged("drift")),
        Never(resolved(), 41, 79),
        Within(80, 80, resolved("drift")),
        minutes=90,
    )
    assert sum(h.state == "firing" for h in heard) == 3


def test_a_warning_that_becomes_a_breach_is_told_again(tmp_path: Path) -> None:
    """Escalation is news; a breach that becomes a warning again is not."""
    heard = play(
        tmp_path,
        *windows("wwbbww"),
        Within(10, 10, paged("drift", severity="warning")),
        Within(20, 20, paged("drift", severity="breach")),
        minutes=40,
    )
    assert [h.severity for h in heard if h.state == "firing"] == ["warning", "breach"]


def test_a_check_whose_severity_is_none_is_never_told(tmp_path: Path) -> None:
    """The component decides how loud a check may be."""
    quiet = {"monitoring": {"alerts": [{"check": "dr*", "severity": "none"}]}}
    play(tmp_path, *windows("bbbbb"), Never(paged()), minutes=30, spec=quiet)


def test_silent_sources_are_told_in_time_and_hold_what_fires(tmp_path: Path) -> None:
    """Blind after lateness and three minutes; the breach neither resolves nor pages again."""
    heard = play(
        tmp_path,
        *windows("bb"),
        Within(10, 10, paged("drift")),
        Never(paged("blind"), 0, 22),
        Within(23, 25, paged("blind")),
        *windows("oo", first=6),
        Within(30, 31, resolved("blind")),
        Never(resolved("drift"), 0, 34),
        Within(35, 35, resolved("drift")),
        minutes=36,
    )
    assert sum(h.state == "firing" for h in heard) == 2


def test_a_window_that_nobody_judges_is_told(tmp_path: Path) -> None:
    """Sources beat, and the worker that owes a verdict does not give it."""
    play(
        tmp_path,
        *every(range(1, 30), owes(10)),
        At(30, beats),
        Never(paged(), 0, 12),
        Within(13, 15, paged("blind")),
        Within(30, 31, resolved("blind")),
        minutes=35,
    )


def test_goodbye_is_not_blindness_and_later_alerts_retire(tmp_path: Path) -> None:
    """A version that was switched off holds its alert, then ends it."""
    play(
        tmp_path,
        *windows("bb"),
        At(12, goodbye),
        Within(10, 10, paged("drift")),
        Never(paged("blind")),
        Never(resolved(), 0, HOUR),
        Within(HOUR + 10, HOUR + 12, resolved("drift")),
        minutes=HOUR + 15,
        spec={"monitoring": {"retireAfter": "1h"}},
    )


def test_a_version_retires_while_its_successor_goes_on(tmp_path: Path) -> None:
    """The old version's alert ends by itself; the component is in sight all the time."""
    new = judged(Status.OK, version="2")
    play(
        tmp_path,
        *windows("bb"),
        *every(range(15, 75, 5), new),
        Within(10, 10, paged("drift")),
        Never(resolved(), 0, HOUR),
        Within(HOUR + 10, HOUR + 12, resolved("drift")),
        Never(paged("blind")),
        minutes=75,
        spec={"monitoring": {"retireAfter": "1h"}},
    )


def test_a_late_label_can_start_an_alert(tmp_path: Path) -> None:
    """A revision of a window that was ok makes it the second breach."""
    late = judged(Status.BREACH, revision=1, ago=2)
    play(
        tmp_path,
        *windows("obo"),
        At(15, late),
        Never(paged(), 0, 14),
        Within(15, 15, paged("drift")),
        minutes=20,
    )
