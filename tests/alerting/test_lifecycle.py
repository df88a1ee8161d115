"""The alert's life, window by window."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.lifecycle import retire, step, windows_at
from alerting.rule import Rule
from governance.alert import Alert, AlertKey, AlertState, Judgement, Observation, Severity
from governance.component.key import ComponentKey
from governance.finding import Status

KEY = AlertKey(ComponentKey("shop", "prices"), "1", "tabular", "drift")
ALLOWED = {
    (AlertState.INACTIVE, AlertState.PENDING),
    (AlertState.INACTIVE, AlertState.FIRING),
    (AlertState.PENDING, AlertState.FIRING),
    (AlertState.PENDING, AlertState.INACTIVE),
    (AlertState.FIRING, AlertState.RESOLVED),
    (AlertState.RESOLVED, AlertState.PENDING),
    (AlertState.RESOLVED, AlertState.FIRING),
}


def seen(window: int, status: Status, revision: int = 0, subject: str = "age") -> Observation:
    judgement = Judgement(subject, status, revision, f"f{window}-{subject}", "words")
    return Observation(window, window * 10, window * 10 + 10, (judgement,))


def live(statuses: str, rule: Rule | None = None) -> list[Alert]:
    """Step through windows written as letters: o ok, w warning, b breach, i insufficient."""
    letters = {"o": Status.OK, "w": Status.WARNING, "b": Status.BREACH, "i": Status.INSUFFICIENT}
    alert, alerts = Alert(KEY), []
    for window, letter in enumerate(statuses):
        alert, _ = step(alert, seen(window, letters[letter]), rule or Rule(), now_us=window)
        alerts.append(alert)
    return alerts


def states(statuses: str, rule: Rule | None = None) -> str:
    """The states after each window, by first letter."""
    return "".join(alert.state.value[0] for alert in live(statuses, rule))


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        ("ooo", "iii"),
        ("obo", "ipp"),
        ("oboo", "ippi"),
        ("obb", "ipf"),
        ("obob", "ippf"),
        ("obboo", "ipffr"),
        ("obbobo", "ipffff"),
        ("obbiioo", "ipffffr"),
        ("obboobb", "ipffrpf"),
        ("iii", "iii"),
    ],
)
def test_two_of_three_windows_fire_and_two_calm_ones_resolve(windows: str, expected: str) -> None:
    """Two breaches of three windows fire, two ok windows in a row resolve, gaps hold."""
    assert states(windows) == expected


def test_one_window_decides_where_the_rule_says_so() -> None:
    """With one of one every window is its own verdict."""
    assert states("obob", Rule(breaches=1, of_windows=1, remember=1)) == "ifrf"


def test_warnings_fire_a_warning_and_a_breach_escalates_it() -> None:
    """Severity follows the windows upwards and never falls within an incident."""
    severities = [alert.severity.value for alert in live("owwbbww")]
    assert severities[2:] == ["warning", "warning", "breach", "breach", "breach"]


def test_a_late_label_can_start_an_alert() -> None:
    """A revision replaces what its window said before."""
    *_, alert = live("obo")
    alert, decision = step(alert, seen(2, Status.BREACH, revision=1), Rule(), now_us=9)
    assert (alert.state, decision.changed) == (AlertState.FIRING, True)


def test_an_older_revision_changes_nothing() -> None:
    """What a newer revision said stands."""
    alert, _ = step(Alert(KEY), seen(0, Status.OK, revision=2), Rule(), now_us=1)
    alert, _ = step(alert, seen(0, Status.BREACH, revision=1), Rule(), now_us=2)
    assert alert.history[0].status is Status.OK


def test_subjects_of_one_window_are_judged_together() -> None:
    """The worst subject of a window decides, whichever transaction brought it."""
    alert, _ = step(Alert(KEY), seen(0, Status.BREACH), Rule(), now_us=1)
    alert, _ = step(alert, seen(0, Status.OK, subject="income"), Rule(), now_us=2)
    assert alert.history[0].status is Status.BREACH
    assert [j.subject for j in alert.history[0].judgements] == ["age", "income"]


def test_each_return_from_calm_is_a_new_incident() -> None:
    """Deliveries and audit name incidents apart."""
    assert [alert.incident for alert in live("obboobboo")][-1] == 2


def test_windows_at_counts_the_newest_run() -> None:
    """Actions that ask for a long run see its length."""
    *_, alert = live("obobbb", Rule(remember=6))
    assert windows_at(alert, Severity.BREACH) == 3


def test_a_rule_that_can_never_fire_is_refused() -> None:
    """Three of two windows is a mistake, said at once."""
    with pytest.raises(ValueError, match="3 of 2"):
        Rule(breaches=3, of_windows=2)


def near(window: int, of_limit: float, evidence: float | None = 2.0) -> Observation:
    judgement = Judgement(
        "age", Status.OK, 0, f"f{window}", "words", of_limit=of_limit, evidence=evidence
    )
    return Observation(window, window * 10, window * 10 + 10, (judgement,))


@pytest.mark.parametrize(
    ("of_limit", "evidence", "state"),
    [
        (0.95, 2.0, AlertState.FIRING),
        (0.95, None, AlertState.FIRING),
        (0.95, -0.5, AlertState.RESOLVED),
        (0.85, 2.0, AlertState.RESOLVED),
        (1.2, -0.5, AlertState.RESOLVED),
    ],
)
def test_a_value_next_to_its_limit_is_not_calm_unless_it_is_noise(
    of_limit: float, evidence: float | None, state: AlertState
) -> None:
    """Resolving has a lower limit than firing; what evidence speaks against is noise."""
    *_, alert = live("bb")
    for window in (2, 3):
        alert, _ = step(alert, near(window, of_limit, evidence), Rule(), now_us=9)
    assert alert.state is state


def test_an_alert_keeps_firing_as_long_as_its_check_asks() -> None:
    """``keep_firing`` calm windows in a row, and each of them is counted in the reason."""
    alerts = live("bbooboooo", Rule(keep_firing=4))
    assert [a.state.value[0] for a in alerts] == list("pfffffffr")
    assert alerts[6].reason == "kept firing: 2 of 4 calm windows in a row"


def test_an_alert_that_flaps_needs_more_calm() -> None:
    """The third firing within 24 windows holds for three times as many calm windows."""
    windows = "bboo" * 2 + "bb" + "o" * 6
    assert states(windows) == "pffr" * 2 + "pf" + "fffffr"
    assert live(windows[:-1])[-1].reason == "flapping: 5 of 6 calm windows in a row"


def test_a_check_that_is_never_loud_fires_a_warning() -> None:
    """Severity is capped per check, and ``none`` never leaves inactive."""
    quiet = Rule(loudest=Severity.WARNING)
    assert live("bbb", quiet)[-1].severity is Severity.WARNING
    assert states("bbb", Rule(loudest=None)) == "iii"


def test_muting_a_check_resolves_what_fires() -> None:
    """A change of severity acts from the next judgement."""
    *_, alert = live("bb")
    alert, decision = step(alert, seen(2, Status.BREACH), Rule(loudest=None), now_us=9)
    assert (alert.state, decision.code) == (AlertState.RESOLVED, "muted")


def test_a_version_that_is_gone_ends_its_alerts() -> None:
    """Firing resolves, pending becomes inactive, the rest stays; all say retired."""
    for windows, after in (("bb", AlertState.RESOLVED), ("b", AlertState.INACTIVE), ("o", None)):
        *_, alert = live(windows)
        ended, decision = retire(alert, "version 1 was last judged a day ago", now_us=9)
        assert ended.state is (after or alert.state)
        assert (decision.code, decision.changed) == ("retired", after is not None)


@given(st.text(alphabet="owbi", max_size=40))
def test_no_state_is_ever_skipped(windows: str) -> None:
    """Every change of state is an edge of the drawing, and memory stays bounded."""
    alerts = [Alert(KEY), *live(windows)]
    for before, after in pairwise(alerts):
        edge = (before.state, after.state)
        assert edge[0] is edge[1] or edge in ALLOWED
        assert len(after.history) <= 24


@given(st.text(alphabet="owb", max_size=30))
def test_stepping_twice_with_one_window_changes_nothing(windows: str) -> None:
    """A repeated evaluation after a crash is harmless."""
    alerts = live(windows)
    for alert in alerts:
        again, decision = step(alert, alert.history[-1], Rule(), now_us=99)
        assert (again.state, decision.changed) == (alert.state, False)
