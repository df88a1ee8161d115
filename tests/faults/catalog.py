"""All faults: name, what it is, how the scene is set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.faults import labels, records, servers, workers

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.scene import Row, Scene

HOUR_US = 3_600_000_000
# By then it is known what became of a label: one that meets no event waits for ``lateness``.
SOON = {"lateness": "20s", "labelHorizon": "40s"}


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of the matrix; ``quick`` ones are tested in every test run."""

    name: str
    run: Callable[[Scene], Row]
    quick: bool = False
    setting: dict[str, Any] = field(default_factory=dict)


FAULTS = (
    Fault("worker killed in mid-window", workers.killed_in_mid_window),
    Fault("worker killed in a checkpoint", workers.killed_in_a_checkpoint, quick=True),
    Fault("worker killed in a rebalance", workers.killed_in_a_rebalance),
    Fault("worker killed ten times at random", workers.killed_ten_times),
    Fault("worker stopped beyond its session, then woken", workers.stopped_and_woken),
    Fault("workers replaced one by one", workers.replaced_one_by_one),
    Fault("broker killed and restarted", servers.broker_killed),
    Fault("broker silent beyond a session", servers.broker_silent),
    Fault("database killed and restarted", servers.database_restarted),
    Fault("connection cut in mid-transaction", servers.connection_cut, quick=True),
    Fault("database read-only for a while", servers.database_read_only),
    Fault("disk of the tables full for a while", servers.disk_full),
    Fault("messages delivered twice, some much later", records.delivered_twice, quick=True),
    Fault("messages in disorder", records.in_disorder),
    Fault("poison in the log", records.poison, quick=True),
    Fault("clock of the pod an hour ahead", records.clock_off, setting={"skew_us": HOUR_US}),
    Fault("clock of the pod an hour behind", records.clock_off, setting={"skew_us": -HOUR_US}),
    Fault("a million labels of nobody at once", labels.storm, setting=SOON),
    Fault("labels before their events", labels.before_their_events, setting=SOON),
    Fault("labels taken back after judgement", labels.taken_back, setting=SOON),
)
