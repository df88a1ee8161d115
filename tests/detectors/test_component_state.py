"""Windows, sources, labels and generations of one component."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from detectors.component_state import ComponentState
from detectors.era import Spec
from detectors.version_panes import JUDGE_FAULTS
from governance.errors import PermanentError
from governance.event import MessageType
from governance.finding import Status, Verdict
from tests.detectors.log import (
    HOUR,
    MINUTE,
    SECOND,
    START,
    Reader,
    Tally,
    component,
    events,
    labels,
    make_tally,
    stamp,
)

if TYPE_CHECKING:
    from detectors.base import WindowView

HOUR_0 = START // HOUR


def test_a_window_closes_when_all_sources_are_past_its_end() -> None:
    """The slowest watermark decides, not before 15 s after the end."""
    log = Reader.of()
    log.events(START + SECOND, events([START]), stamp(0, START, source="a"))
    log.events(START + SECOND, events([START + 1]), stamp(0, START, source="b"))
    end = START + HOUR
    log.heartbeat(end + 5 * SECOND, stamp(1, end, source="a"))
    log.heartbeat(end + 14 * SECOND, stamp(1, end - 1, source="b"))
    log.advance(end + 20 * SECOND)
    assert log.said() == []
    log.heartbeat(end + 21 * SECOND, stamp(2, end, source="b"))
    assert log.said() == [(HOUR_0, 0, 2.0, False)]


def test_a_dead_source_delays_a_window_no_longer_than_lateness() -> None:
    """A pod that died without goodbye is waited for until lateness after it was heard."""
    log = Reader.of(lateness="10m")
    heard = START + HOUR - 2 * MINUTE
    log.events(heard, events([START]), stamp(0, START))
    log.advance(heard + 10 * MINUTE - 1)
    assert log.said() == []
    log.advance(heard + 10 * MINUTE)
    assert log.said() == [(HOUR_0, 0, 1.0, False)]


def test_without_a_source_windows_close_at_lateness() -> None:
    """Producers that number nothing give no watermark."""
    log = Reader.of(lateness="10m")
    log.events(START + SECOND, events([START]))
    log.advance(START + HOUR + 10 * MINUTE - 1)
    assert log.said() == []
    log.advance(START + HOUR + 10 * MINUTE)
    assert log.said() == [(HOUR_0, 0, 1.0, False)]


def test_goodbye_of_all_closes_after_the_grace() -> None:
    """When every source said bye a window closes 15 s after its end."""
    log = Reader.of()
    log.events(START + SECOND, events([START]), stamp(0, START))
    log.bye(START + MINUTE, stamp(1, START + MINUTE, type=MessageType.BYE))
    log.advance(START + HOUR + 15 * SECOND)
    assert log.said() == [(HOUR_0, 0, 1.0, False)]


def test_an_event_of_a_closed_window_is_late_and_counted() -> None:
    """It is in no window; conservation holds."""
    log = Reader.of()
    log.events(START + SECOND, events([START]), stamp(0, START))
    log.heartbeat(START + HOUR + 15 * SECOND, stamp(1, START + HOUR))
    log.events(
        START + HOUR + 16 * SECOND, events([START + 5, START + HOUR]), stamp(2, START + HOUR)
    )
    assert log.state.counts["late"] == 1
    assert log.state.counts["events"] == 2


def test_an_event_from_the_future_takes_the_time_of_the_log() -> None:
    """A clock without evh-sent that is an hour ahead loses nothing."""
    log = Reader.of()
    log.events(START + SECOND, events([START + HOUR + MINUTE]), stamp(0))
    log.bye(START + MINUTE, stamp(1))
    log.advance(START + HOUR + MINUTE)
    assert log.said() == [(HOUR_0, 0, 1.0, False)]
    assert log.state.counts["future"] == 1


@pytest.mark.parametrize("off", [-HOUR, HOUR])
def test_a_clock_an_hour_off_is_corrected_and_counted(off: int) -> None:
    """Times and watermarks are shifted by what evh-sent shows."""
    log = Reader.of()
    at = START + 30 * MINUTE
    log.events(at, events([at - SECOND + off]), stamp(0, at + off, sent_us=at + off))
    log.heartbeat(
        START + HOUR + 16 * SECOND,
        stamp(1, START + HOUR + off + SECOND, sent_us=START + HOUR + 16 * SECOND + off),
    )
    assert log.said() == [(HOUR_0, 0, 1.0, False)]
    assert log.state.counts["clock_skew_batches"] == 2


def test_an_outage_of_the_broker_is_not_taken_for_a_wrong_clock() -> None:
    """Messages that waited are late, not skewed: the least delay is the clock's."""
    log = Reader.of()
    log.events(START, events([START]), stamp(0, START, sent_us=START))
    log.events(
        START + 5 * MINUTE,
        events([START + MINUTE]),
        stamp(1, START + MINUTE, sent_us=START + MINUTE),
    )
    assert log.state.counts["clock_skew_batches"] == 0


def test_a_sequence_that_was_seen_is_skipped() -> None:
    """A batch sent twice counts once, also out of order."""
    log = Reader.of()
    for sequence in (0, 2, 1, 1, 2):
        log.events(START, events([START + sequence]), stamp(sequence, START))
    counts = log.state.counts
    assert counts["events"] == 3
    assert counts["duplicate_batches"] == 2
    assert counts["duplicate_events"] == 2


def test_a_gap_that_stays_is_lost_and_lowers_the_share() -> None:
    """The source's own counts say how many events the missing messages held."""
    log = Reader.of()
    log.events(START, events([START, START + 1]), stamp(0, START, counts={"accepted": 2}))
    log.events(START, events([START + 4]), stamp(2, START, counts={"accepted": 5}))
    log.heartbeat(START + HOUR + 15 * SECOND, stamp(3, START + HOUR))
    assert [dict(f.lost) for f in log.findings[:1]] == [{"gap": 2}]
    assert log.state.counts["gap_batches"] == 1
    assert log.state.counts["lost.gap"] == 2


def test_a_gap_that_is_filled_later_is_taken_back() -> None:
    """Conservation: the events are late, no longer lost."""
    log = Reader.of()
    log.events(START, events([START]), stamp(0, START, counts={"accepted": 1}))
    log.events(START, events([START + 4]), stamp(2, START, counts={"accepted": 4}))
    log.heartbeat(START + HOUR + 15 * SECOND, stamp(3, START + HOUR))
    log.events(START + HOUR + MINUTE, events([START + 2, START + 3]), stamp(1, START))
    counts = log.state.counts
    assert (counts["events"], counts["late"], counts["lost.gap"]) == (2, 2, 0)


def test_what_a_source_counts_as_lost_is_part_of_the_window() -> None:
    """Reasons travel into the findings."""
    log = Reader.of()
    log.events(START, events([START]), stamp(0, START, counts={"accepted": 4, "dropped_full": 3}))
    log.heartbeat(
        START + HOUR + 15 * SECOND,
        stamp(1, START + HOUR, counts={"accepted": 4, "dropped_full": 3}),
    )
    assert dict(log.findings[0].lost) == {"dropped_full": 3}


def test_ids_protect_producers_that_number_nothing() -> None:
    """The same id twice is one event."""
    log = Reader.of(windows={"events": 3})
    for name in ("a", "b", "a"):
        log.events(START, events([START], [name]))
    log.events(START, events([START] * 3, ["b", "c", "c"]))
    assert log.state.counts["duplicate_events"] == 3
    assert log.said() == [(0, 0, 3.0, False)]


def test_count_windows_split_batches_exactly() -> None:
    """Whatever the batches, windows hold N events; the rest stays open."""
    log = Reader.of(windows={"events": 4})
    log.events(START, events([START + i for i in range(3)]), stamp(0, START))
    log.events(START, events([START + i for i in range(3, 13)]), stamp(1, START))
    assert [f.verdict.events for f in log.findings if f.verdict.check == "seen"] == [4, 4, 4]
    windows = [f.window for f in log.findings if f.verdict.check == "seen"]
    assert [(w.start_us - START, w.end_us - START) for w in windows] == [(0, 3), (4, 7), (8, 11)]


def test_a_starved_count_window_closes_at_max_age() -> None:
    """By log time since its first event, as partial."""
    log = Reader.of(windows={"events": 4, "maxAge": "1h"})
    log.events(START, events([START]), stamp(0, START))
    log.advance(START + HOUR - 1)
    assert log.said() == []
    log.advance(START + HOUR)
    assert log.said() == [(0, 0, 1.0, True)]


def test_empty_windows_are_judged_until_the_version_retires() -> None:
    """A component that is gone does not make findings for ever."""
    log = Reader.of(retireAfter="3h")
    log.events(START, events([START]), stamp(0, START))
    log.advance(START + 100 * HOUR)
    assert [number - HOUR_0 for number, *_ in log.said()] == [0, 1]
    log.events(START + 100 * HOUR, events([START + 100 * HOUR]), stamp(1, START + 100 * HOUR))
    log.bye(START + 101 * HOUR, stamp(2, START + 101 * HOUR))
    log.advance(START + 101 * HOUR + MINUTE)
    assert [number - HOUR_0 for number, *_ in log.said()] == [0, 1, 100]


def test_views_are_consecutive_and_at_most_sixty_four_panes() -> None:
    """Numbers without events are empty panes."""
    log = Reader.of(windows={"every": "1m"}, retireAfter="2h")
    log.events(START, events([START]), stamp(0, START))
    log.events(START + 70 * MINUTE, events([START + 70 * MINUTE]), stamp(1, START + 70 * MINUTE))
    log.bye(START + 70 * MINUTE, stamp(2, START + 71 * MINUTE))
    log.advance(START + 71 * MINUTE + 15 * SECOND)
    last = [f for f in log.findings if f.verdict.check == "seen"][-1]
    panes = eval(last.verdict.reason[: last.verdict.reason.index("]") + 1])
    first = START // MINUTE + 7
    assert panes == [(first + i, int(i == 63)) for i in range(64)]


def test_with_slide_a_view_holds_sixty_four_windows() -> None:
    """Every pane that the longest length adds up is there, also behind a store and a load."""
    log = Reader.of(windows={"every": "4m", "slide": "1m"}, retireAfter="9h")
    for minute in range(300):
        at = START + minute * MINUTE
        log.events(at, events([at], [minute]), stamp(minute, at))
        if minute % 100 == 50:
            log.store()
    log.finish()
    views = [f.verdict.reason for f in log.findings if f.verdict.check == "seen"]
    panes = eval(views[298][: views[298].index("]") + 1])
    assert [events for _, events in panes] == [1] * 4 * 64


def test_a_late_label_revises_its_window_once_per_window_length() -> None:
    """Revisions come at whole window lengths of log time, and once more when labels are over."""
    log = Reader.of(labelHorizon="5h")
    log.events(START, events([START, START + 1], ["a", "b"]), stamp(0, START))
    log.bye(START, stamp(1, START))
    log.advance(START + HOUR + MINUTE)
    assert log.said("right") == [(HOUR_0, 0, 0.0, False)]
    log.labels(START + 2 * HOUR + MINUTE, labels(["a"], [0]))
    log.labels(START + 2 * HOUR + 2 * MINUTE, labels(["b"], [1]))
    log.advance(START + 3 * HOUR - 1)
    assert len(log.said("right")) == 2  # an empty window in between
    log.advance(START + 3 * HOUR)
    assert (HOUR_0, 1, 2.0, False) in log.said("right")
    log.advance(START + 6 * HOUR)
    assert [s for s in log.said("right") if s[0] == HOUR_0][-1] == (HOUR_0, 2, 2.0, False)


def test_only_label_based_findings_are_revised() -> None:
    """What needs no label is said once."""
    log = Reader.of()
    log.events(START, events([START], ["a"]))
    log.labels(START + SECOND, labels(["a"], [1]))
    log.finish()
    assert log.said() == [(HOUR_0, 0, 1.0, True)]
    assert [revision for _, revision, *_ in log.said("right")] == [0, 1]


def test_a_label_may_come_before_its_event_or_never() -> None:
    """It waits for lateness, then it is an orphan."""
    log = Reader.of(lateness="10m")
    log.labels(START, labels(["a", "x"], [0, 1]))
    log.events(START + MINUTE, events([START], ["a"]))
    log.advance(START + 10 * MINUTE)
    counts = log.state.counts
    assert (counts["labels_joined"], counts["labels_orphaned"]) == (1, 1)


def test_the_first_label_wins_unless_one_supersedes() -> None:
    """Repetition is counted, correction is -1 and +1."""
    log = Reader.of()
    log.events(START, events([START, START + 1], ["a", "b"]))
    log.labels(START, labels(["a", "b", "a"], [1, 1, 0]))
    log.labels(START, labels(["a"], [0], again=True))
    log.finish()
    assert log.said("right")[-1][2] == 2.0
    counts = log.state.counts
    assert (counts["labels_repeated"], counts["labels_corrected"]) == (1, 1)


def test_an_id_used_again_meets_its_label_in_the_newer_event() -> None:
    """Both events count; the reuse is counted."""
    log = Reader.of(windows={"events": 1})
    log.events(START, events([START], ["a"]), stamp(0, START))
    log.events(START, events([START], ["a"]), stamp(1, START))
    log.labels(START, labels(["a"], [0]))
    log.finish()
    assert log.state.counts["ids_reused"] == 1
    last = {number: value for number, _, value, _ in log.said("right")}
    assert last == {0: 0.0, 1: 1.0}


def test_a_change_of_windows_closes_the_pane_as_partial() -> None:
    """A new ladder begins, and numbers of count windows go on."""
    log = Reader.of(windows={"events": 4})
    log.events(START, events([START]), stamp(0, START))
    log.findings += log.state.respecify(component(windows={"events": 2}), None, 2)
    log.events(START, events([START + 1, START + 2]), stamp(1, START))
    assert log.said() == [(0, 0, 1.0, True), (1, 0, 2.0, False)]
    assert [f.generation for f in log.findings if f.verdict.check == "seen"] == [1, 2]


def test_the_rest_of_a_window_after_a_change_is_a_later_revision() -> None:
    """Nothing that was said is overwritten: the ids are the same, the revision is not."""
    log = Reader.of()
    log.events(START, events([START], ["a"]), stamp(0, START))
    changed = component(signals={"label": "column:y"})
    log.findings += log.state.respecify(changed, None, 2)
    log.events(START, events([START + 1, START + 2], ["b", "c"]), stamp(1, START))
    log.finish()
    assert log.said() == [(HOUR_0, 0, 1.0, True), (HOUR_0, 1, 2.0, True)]
    assert len({f.id for f in log.findings if f.verdict.check == "seen"}) == 1
    assert [r for _, r, *_ in log.said("right")] == [0, 1, 2]


def test_windows_before_a_change_still_meet_their_labels() -> None:
    """An era that has ended lives until its last window has had all its labels."""
    log = Reader.of(windows={"events": 1})
    log.events(START, events([START], ["a"]), stamp(0, START))
    log.findings += log.state.respecify(component(windows={"events": 2}), None, 2)
    log.labels(START + MINUTE, labels(["a"], [0]))
    log.store(dict(enumerate([log.first, log.state.spec], start=1)))
    log.finish()
    assert log.said("right")[-1] == (0, 1, 1.0, False)
    assert [f.generation for f in log.findings] == [1, 1, 1]


def test_a_change_of_a_limit_acts_from_the_next_judgement() -> None:
    """The ladder goes on; findings name the new generation."""
    log = Reader.of(windows={"events": 1})
    log.events(START, events([START]), stamp(0, START))
    log.findings += log.state.respecify(component(windows={"events": 1}, maxLoss=0.5), None, 2)
    log.events(START, events([START]), stamp(1, START))
    assert [f.generation for f in log.findings if f.verdict.check == "seen"] == [1, 2]
    assert log.said()[-1] == (1, 0, 2.0, False)


def test_a_batch_that_cannot_be_counted_changes_nothing() -> None:
    """It is refused as a whole, with a reason."""
    log = Reader.of()
    batch = events([START])
    columns = {**batch.columns, "event_id": batch.columns["time"]}
    with pytest.raises(PermanentError, match="event_id"):
        log.events(START, type(batch)("v1", 1, columns), stamp(0, START))
    assert log.state.counts.total() == 0
    log.events(START, batch, stamp(0, START))
    assert log.state.counts["events"] == 1


def test_too_many_versions_are_refused() -> None:
    """A version for every request does not fill the memory."""
    log = Reader.of()
    for i in range(200):
        log.events(START, events([START], version=f"v{i}"), stamp(i, START))
    with pytest.raises(PermanentError, match="more than the 200"):
        log.events(START, events([START], version="one more"), stamp(200, START))


def test_a_spec_is_made_of_a_component() -> None:
    """Specs of equal components do not restart."""
    one, two = (Spec(g, component(), None, make_tally) for g in (1, 2))
    assert not two.restarts(one)


def test_a_detector_that_fails_stops_neither_the_window_nor_the_others() -> None:
    """Its fault is a finding with a reason and a count; the same log would stop every worker."""

    class Broken(Tally):
        def judge(self, view: WindowView) -> list[Verdict]:
            raise ValueError(f"window {view.panes[-1].number} is beyond me")

    state = ComponentState(component(), None, lambda _, __: (Broken(), Tally()))
    log = Reader(state)
    log.events(START + SECOND, events([START]), stamp(0, START))
    findings = log.heartbeat(START + HOUR + 15 * SECOND, stamp(1, START + HOUR))
    broken, *others = (finding.verdict for finding in findings)
    assert (broken.check, broken.status) == ("detector", Status.INSUFFICIENT)
    assert broken.reason.startswith("detector_failed: ValueError")
    assert [verdict.check for verdict in others] == ["seen", "right"]
    assert state.counts[JUDGE_FAULTS] == 1
