"""Detect workers over a real bus and database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from detectors import partition as partition_module
from detectors import runner as runner_module
from detectors.reference import build_reference
from governance.errors import ConfigError, Fenced
from governance.event import Column, EventBatch, MessageType
from governance.wire.headers import encode_stamp
from governance.wire.message import encode
from tests.detectors.deployment import HOME, KEY_BYTES, Deployment, catch_up, deployment
from tests.detectors.log import HOUR, MINUTE, SECOND, START, component, events, labels, stamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from detectors.reference import Reference

COUNT: dict[str, Any] = {"windows": {"events": 5}, "labelHorizon": "1h"}


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[Deployment]:
    with deployment(tmp_path) as made:
        yield made


def _send_some(deployed: Deployment, first: int, n: int, size: int = 3) -> None:
    for sequence in range(first, first + n):
        deployed.clock.advance(SECOND)
        names = [f"{sequence}-{i}" for i in range(size)]
        now = deployed.clock.now_us()
        deployed.send(events([now] * size, names), stamp(sequence, now))
        deployed.send(labels(names[:2], [1, 0]), stamp(sequence, source="door"))


def _bytes(findings: list[tuple[str, int, dict[str, Any]]]) -> list[bytes]:
    return [msgspec.json.encode(finding) for finding in findings]


def test_a_worker_finds_and_writes(deployed: Deployment) -> None:
    """Findings are in the database as soon as a window has closed."""
    worker = deployed.group(**COUNT).start()
    group = deployed.group(**COUNT)
    _send_some(deployed, 0, 4)
    catch_up(worker)
    numbers = [b["window"]["number"] for _, r, b in group.findings() if b["check"] == "seen"]
    assert numbers == [0, 1]


def test_a_second_group_finds_the_same_bytes(deployed: Deployment) -> None:
    """An empty database over the same topic gives every finding again."""
    one, other = deployed.group("one", **COUNT), deployed.group("other", **COUNT)
    first = one.start()
    for start in range(0, 40, 10):
        _send_some(deployed, start, 10)
        catch_up(first)  # this group checkpoints often, the other once
    second = other.start()
    catch_up(second)
    assert len(one.findings()) > 20
    assert _bytes(one.findings()) == _bytes(other.findings())


@pytest.mark.parametrize("windows", [{"events": 70}, {"every": "1m"}])
def test_how_many_records_come_at_once_changes_nothing(
    deployed: Deployment, monkeypatch: pytest.MonkeyPatch, windows: dict[str, Any]
) -> None:
    """Messages counted together, some spoilt or misplaced among them: findings and letters."""
    settings: dict[str, Any] = {"windows": windows, "labelHorizon": "1h"}
    one, other = deployed.group("one", **settings), deployed.group("other", **settings)
    deployed.clock.advance(HOUR)
    for sequence in range(60):
        deployed.clock.advance(4 * SECOND)
        now = deployed.clock.now_us()
        batch = events([now - SECOND] * 9, [f"{sequence}-{i}" for i in range(9)])
        deployed.send(batch, stamp(sequence, now))
        if sequence % 20 == 7:
            deployed.append(KEY_BYTES, b"spoilt", encode_stamp(stamp(0, source="a stranger")))
            said = stamp(sequence, source="door", type=MessageType.LABELS)
            deployed.send(labels([f"{sequence}-{i}" for i in range(5)], [1] * 5), said)
    catch_up(one.start())
    together = [letter.header("reason") for letter in deployed.dead_letters()]
    monkeypatch.setattr(runner_module, "RECORDS_AT_ONCE", 1)
    catch_up(other.start())
    assert len(one.findings()) >= 2
    assert _bytes(one.findings()) == _bytes(other.findings())
    assert len(together) == 3
    assert [letter.header("reason") for letter in deployed.dead_letters()] == together * 2


def test_a_worker_that_is_overtaken_drops_everything(deployed: Deployment) -> None:
    """The zombie is fenced by the store and writes nothing; findings are as from one worker."""
    group, undisturbed = deployed.group("one", **COUNT), deployed.group("other", **COUNT)
    zombie = group.start()
    _send_some(deployed, 0, 3)
    catch_up(zombie)
    group.checkpoints.claim(HOME, "another")
    _send_some(deployed, 3, 3)
    with pytest.raises(Fenced):
        catch_up(zombie)
    zombie._owners.clear()
    successor = group.start()
    zombie.close()
    catch_up(successor)
    plain = undisturbed.start()
    catch_up(plain)
    assert _bytes(group.findings()) == _bytes(undisturbed.findings())


def test_restarts_at_any_record_change_no_finding(deployed: Deployment) -> None:
    """A worker that dies after every few records leaves what an undisturbed one leaves."""
    group, undisturbed = deployed.group("one", **COUNT), deployed.group("other", **COUNT)
    _send_some(deployed, 0, 20)
    for most in (1, 3, 7, 11, 2, 500):
        worker = group.start()
        worker._joined().poll = _few(worker._joined().poll, most)  # type: ignore[method-assign]
        for _ in range(3):
            worker.work(0.05)
        worker._owners.clear()  # as kill -9 would: no last checkpoint
        worker.close()
    catch_up(group.start())
    catch_up(undisturbed.start())
    assert _bytes(group.findings()) == _bytes(undisturbed.findings())
    assert len(group.findings()) > 10


def _reference(shift: float) -> Reference:
    values = np.random.default_rng(3).normal(shift, 1, 1_200)
    columns = {"tabular.age": Column(values)}
    return build_reference(EventBatch("v1", len(values), columns), component(**COUNT))


def _few(poll: Any, most: int) -> Any:
    return lambda _, timeout: poll(most, timeout)


def test_what_changes_nothing_moves_the_offset_too(deployed: Deployment) -> None:
    """After a minute even dead letters are behind us, so that a restart does not repeat them."""
    group = deployed.group(**COUNT)
    worker = group.start()
    catch_up(worker)
    deployed.append(b"no slash", b"x")
    catch_up(worker)
    deployed.clock.advance(MINUTE)
    catch_up(worker)
    worker._owners.clear()
    worker.close()
    catch_up(group.start())
    assert len(deployed.dead_letters()) == 1


def test_poison_is_set_aside_with_its_reason(deployed: Deployment) -> None:
    """What cannot be counted blocks nothing; its body does not leave under GDPR."""
    group = deployed.group(**COUNT)
    worker = group.start()
    good = stamp(0, START)
    deployed.append(b"no slash", b"x")
    deployed.append(b"default/unknown", b"{}", encode_stamp(good))
    deployed.append(KEY_BYTES, b"\xc1secret", encode_stamp(good))
    deployed.append(KEY_BYTES, b"x", partition=(HOME + 1) % 4)
    deployed.append(KEY_BYTES, encode(events([START] * 5, range(5))), encode_stamp(good))
    catch_up(worker)
    letters = deployed.dead_letters()
    said = {(r.header("reason"), r.header("offset"), r.header("stage")) for r in letters}
    keyed = {"misrouted", "unknown_component", "malformed", "key"}
    assert {reason for reason, *_ in said} <= keyed
    assert ("malformed", "2", "detect") in said
    assert len(letters) == 4
    assert all(
        r.value == b"" and b"secret" not in b"".join(v for _, v in r.headers) for r in letters
    )
    assert [b["window"]["number"] for *_, b in group.findings() if b["check"] == "seen"] == [0]
    reasons = {name for name, *_ in said}
    assert all(
        group.sample("evenhand_dead_letters_total", stage="detect", reason=str(r)) for r in reasons
    )


def test_with_the_database_away_a_worker_reads_on_then_pauses(
    deployed: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost: what waits is written when the database is back."""
    group, undisturbed = deployed.group("one", **COUNT), deployed.group("other", **COUNT)
    worker = group.start()
    catch_up(worker)
    group.checkpoints.away = True
    _send_some(deployed, 0, 6)
    catch_up(worker)
    assert group.findings() == []
    assert worker._paused == set()
    monkeypatch.setattr(partition_module, "MOST_BYTES", 1_000)
    catch_up(worker)
    assert worker._paused == {HOME}
    _send_some(deployed, 6, 4)
    catch_up(worker)
    group.checkpoints.away = False
    deployed.clock.advance(20 * SECOND)
    catch_up(worker)
    monkeypatch.undo()
    catch_up(worker)
    catch_up(undisturbed.start())
    assert worker._paused == set()
    assert _bytes(group.findings()) == _bytes(undisturbed.findings())


def test_silence_moves_log_time_by_ticks(deployed: Deployment) -> None:
    """A component that falls silent still gets its windows judged."""
    group = deployed.group(lateness="10m")
    worker = group.start()
    deployed.send(events([START]), stamp(0, START))
    catch_up(worker)
    for _ in range(75):
        deployed.clock.advance(MINUTE)
        worker.work(0.0)
    catch_up(worker)
    first = [b for *_, b in group.findings() if b["check"] == "seen"]
    assert [b["events"] for b in first][:1] == [1]


def test_a_partition_that_awaits_nothing_gets_no_ticks(deployed: Deployment) -> None:
    """Idle partitions do not grow."""
    group = deployed.group()
    worker = group.start()
    catch_up(worker)
    for _ in range(5):
        deployed.clock.advance(MINUTE)
        catch_up(worker)
    assert deployed.end_offset() == 0


def test_another_spec_is_another_generation(deployed: Deployment) -> None:
    """It is recorded with the offset from which it acts, once."""
    group = deployed.group(**COUNT)
    worker = group.start()
    _send_some(deployed, 0, 2)
    catch_up(worker)
    worker.close()
    changed = deployed.group(windows={"events": 4}, labelHorizon="1h")
    for _ in range(2):
        worker = changed.start()
        catch_up(worker)
        worker.close()
    assert changed.generations() == [(1, 0), (2, 4)]
    closed = [b for *_, b in changed.findings() if b["check"] == "seen"]
    assert [(b["generation"], b["window"]["partial"], b["events"]) for b in closed] == [
        (1, False, 5),
        (1, True, 1),
    ]


def test_another_reference_is_another_generation(deployed: Deployment) -> None:
    """Windows before it are revised by the reference that they were judged by, kept by its hash."""
    group = deployed.group(**COUNT)
    references = [_reference(shift) for shift in (0, 5)]
    group.reference = references[0]
    worker = group.start()
    now = deployed.clock.now_us()
    deployed.send(events([now] * 5, range(5)), stamp(0, now))
    catch_up(worker)
    worker.close()
    group.reference = references[1]
    worker = group.start()
    deployed.send(labels([0], [0]), stamp(0, source="door"))
    deployed.send(events([now] * 5, range(5, 10)), stamp(1, now))
    catch_up(worker)
    worker.close()
    worker = group.start()  # reads the first reference from the database
    deployed.clock.advance(2 * HOUR)
    deployed.send(None, stamp(2, now, type=MessageType.HEARTBEAT))
    catch_up(worker)
    said = [(b["window"]["number"], b["revision"], b["reference"]) for *_, b in group.findings()]
    old, new = (reference.id for reference in references)
    assert said == [(0, 0, old), (0, 0, old), (1, 0, new), (1, 0, new), (0, 1, old), (1, 1, new)]


def test_json_without_a_source_is_counted_once(deployed: Deployment) -> None:
    """Ids protect what a foreign producer sends twice."""
    group = deployed.group(windows={"events": 2})
    worker = group.start()
    for name in ("a" * 32, "a" * 32, "b" * 32):
        value = msgspec.json.encode({"event_id": name, "prediction": "1", "group.sex": "f"})
        deployed.append(KEY_BYTES, value)
    catch_up(worker)
    worker.close()
    seen = [b for *_, b in group.findings() if b["check"] == "seen"]
    assert [b["events"] for b in seen] == [2]
    own = {"namespace": "default", "component": "loans"}
    assert group.sample("evenhand_detector_events_total", **own, outcome="duplicate") == 1


def test_another_number_of_partitions_is_refused(deployed: Deployment) -> None:
    """A component's state belongs to one partition's log."""
    group = deployed.group(**COUNT)
    group.start()
    group.checkpoints.pin_partitions("evenhand.events", 4)
    with pytest.raises(ConfigError, match="partitions"):
        group.checkpoints.pin_partitions("evenhand.events", 5)


def test_how_fresh_events_are_is_a_metric(deployed: Deployment) -> None:
    """The newest event's time; a clock that is ahead cannot make silence look fresh."""
    group = deployed.group(**COUNT)
    worker = group.start()
    name, own = "evenhand_last_event_timestamp_seconds", {"component": "loans"}
    deployed.send(events([START - MINUTE, START - HOUR]), stamp(0, START))
    catch_up(worker)
    assert group.sample(name, namespace="default", **own) == (START - MINUTE) / SECOND
    deployed.send(events([START + HOUR]), stamp(1, START))
    catch_up(worker)
    now = deployed.clock.now_us()
    assert group.sample(name, namespace="default", **own) == now / SECOND


def test_every_event_has_one_outcome(deployed: Deployment) -> None:
    """Counted, late, duplicate add up to what came; a time ahead is a remark on a counted one."""
    group = deployed.group(lateness="1m")
    worker = group.start()
    deployed.clock.advance(12 * HOUR)
    now = deployed.clock.now_us()
    for name, at in (("a", now), ("a", now), ("b", now + HOUR), ("c", now - 10 * HOUR)):
        value = {"event_id": name * 32, "prediction": "1", "time": at / SECOND}
        deployed.append(KEY_BYTES, msgspec.json.encode(value))
    catch_up(worker)
    worker.close()
    own = {"namespace": "default", "component": "loans"}
    counted = {
        outcome: group.sample("evenhand_detector_events_total", **own, outcome=outcome)
        for outcome in ("counted", "late", "duplicate")
    }
    assert counted == {"counted": 2, "late": 1, "duplicate": 1}
    assert group.sample("evenhand_detector_remarks_total", **own, remark="future") == 1


def test_losses_are_metrics(deployed: Deployment) -> None:
    """Late events, gaps and wrong clocks have the names that operators know."""
    group = deployed.group(lateness="2h")
    worker = group.start()
    own = {"namespace": "default", "component": "loans"}
    deployed.send(events([START]), stamp(0, START))
    deployed.clock.advance(HOUR + MINUTE)
    deployed.send(None, stamp(2, START + HOUR, type=MessageType.HEARTBEAT))
    now = deployed.clock.now_us()
    deployed.send(events([START]), stamp(3, now, sent_us=now))
    deployed.send(events([now + HOUR]), stamp(0, now, source="b", sent_us=now + HOUR))
    catch_up(worker)
    worker.close()
    assert group.sample("evenhand_late_events_total", **own) == 1
    assert group.sample("evenhand_source_gap_batches_total", **own) == 1
    assert group.sample("evenhand_clock_skew_batches_total", **own) == 1


MOVED = ("evenhand_window_delay_seconds", "evenhand_last_event_timestamp_seconds")


def _is_exported(group: Any, name: str) -> bool:
    place = {"namespace": "default", "component": "loans"}
    return group.metrics.registry.get_sample_value(name, place) is not None


@pytest.mark.parametrize("loses", ["revoked", "fenced"])
def test_gauges_leave_with_the_partition(deployed: Deployment, loses: str) -> None:
    """A worker that lost a partition, by revoke or by fence, says nothing of its windows."""
    group = deployed.group(**COUNT)
    worker = group.start()
    _send_some(deployed, 0, 4)
    catch_up(worker)
    assert all(_is_exported(group, name) for name in MOVED)
    if loses == "revoked":
        worker._revoked([HOME])
    else:
        worker._rejoin(Fenced("another owner has claimed it"))
    assert not any(_is_exported(group, name) for name in MOVED)
