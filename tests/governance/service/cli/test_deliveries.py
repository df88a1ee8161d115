"""`evenhand deliveries` and `evenhand actions` over a real database."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from governance.service.cli.main import main
from governance.store.audit import Audit
from governance.store.delivery import DeliveryState
from tests.alerting.stored import open_migrated
from tests.governance.service.test_approvals import delivery

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from governance.service.stores import Store

BY = ["--by", "Ann Lee", "--reason", "the flood is over"]


class Terminal:
    """The command line over a database with deliveries of every kind."""

    def __init__(self, store: Store, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.store = store
        self._url = f"sqlite:///{folder / 'evenhand.db'}"
        self._capsys = capsys

    def run(self, *arguments: str) -> tuple[int, str]:
        """Exit code, and what was said on both streams."""
        self._capsys.readouterr()
        code = main([*arguments, "--database", self._url])
        said = self._capsys.readouterr()
        return code, said.out + said.err

    def states(self) -> dict[str, str]:
        return {one.id: one.state.value for one in self.store.deliveries.find()}

    def audited(self) -> list[tuple[str, str, str]]:
        rows = reversed(Audit(self.store.engine).query("shop"))
        bodies = [(row.entry.kind, json.loads(row.entry.body)) for row in rows]
        return [(kind, body["actor"], body["reason"]) for kind, body in bodies]


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Terminal]:
    store = open_migrated(tmp_path)
    dead = delivery("dead", state=DeliveryState.DEAD, approve_by_us=None, last_error="gone: 410")
    rows = [delivery("held"), dead, replace(dead, id="msg_dead2", target="pager")]
    store.deliveries.enqueue(rows)
    yield Terminal(store, tmp_path, capsys)
    store.engine.dispose()


def test_dead_deliveries_are_listed_with_their_reason(terminal: Terminal) -> None:
    """For people a line, for scripts an object."""
    code, said = terminal.run("deliveries", "list", "--state", "dead", "--receiver", "training")
    assert code == 0
    assert "msg_dead  dead  0  retrain  training  shop/prices  gone: 410" in said
    shown = terminal.run("deliveries", "list", "--json", "--component", "shop/prices")[1]
    assert [json.loads(line)["id"] for line in shown.splitlines()] == [
        "msg_dead2",
        "msg_dead",
        "msg_held",
    ]


def test_dead_deliveries_are_replayed_by_id_or_by_state(terminal: Terminal) -> None:
    """Who asked is in the audit chain."""
    assert terminal.run("deliveries", "replay", "msg_dead", *BY)[0] == 0
    assert terminal.states() == {"msg_held": "held", "msg_dead": "pending", "msg_dead2": "dead"}
    code, said = terminal.run("deliveries", "replay", "--state", "dead", *BY)
    assert (code, said) == (0, "msg_dead2 goes out again\n")
    assert terminal.audited() == [("delivery.replayed", "Ann Lee", "the flood is over")] * 2


def test_what_cannot_be_replayed_is_said(terminal: Terminal) -> None:
    """Exit code 1, and why; without a choice it is wrong usage."""
    code, said = terminal.run("deliveries", "replay", "msg_held", "msg_dead")
    assert code == 1
    assert "msg_held was never approved: it is not sent\nmsg_dead goes out again\n" in said
    assert terminal.run("deliveries", "replay", "msg_none")[0] == 1
    assert terminal.run("deliveries", "replay")[0] == 2
    assert terminal.run("deliveries", "list", "--component", "prices")[0] == 2


def test_a_receiver_that_was_gone_is_enabled(terminal: Terminal) -> None:
    """It is listed as disabled, then no more."""
    terminal.store.deliveries.gone("training", "gone: answered 410")
    said = terminal.run("deliveries", "list")[1]
    assert "receiver training is disabled: gone: answered 410" in said
    assert [terminal.run("deliveries", "enable", "training")[0] for _ in range(2)] == [0, 1]
    assert terminal.store.deliveries.disabled() == []


def test_a_delivery_is_shown_with_its_body(terminal: Terminal) -> None:
    """What went out, word for word."""
    shown = json.loads(terminal.run("deliveries", "show", "msg_held")[1])
    assert (shown["state"], shown["body"]) == ("held", {"data": {}})


def test_schemas_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a database: one file a type of message."""
    assert main(["deliveries", "schemas", str(tmp_path / "schemas")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(list(tmp_path.glob("schemas/*.json")))
    (tmp_path / "file").write_text("")
    assert main(["deliveries", "schemas", str(tmp_path / "file")]) == 2


@pytest.mark.parametrize(("verb", "state"), [("approve", "pending"), ("reject", "rejected")])
def test_a_held_action_is_decided(terminal: Terminal, verb: str, state: str) -> None:
    """By name and ground; a second decision is refused."""
    status = terminal.run("actions", "status")[1]
    assert "held: msg_held  retrain of shop/prices, until 20" in status
    assert terminal.run("actions", verb, "msg_held", *BY)[0] == 0
    assert terminal.states()["msg_held"] == state
    assert terminal.audited() == [
        ("action.approved" if verb == "approve" else "action.rejected", "Ann Lee", BY[3])
    ]
    code, said = terminal.run("actions", verb, "msg_held", *BY)
    assert (code, "was decided by Ann Lee" in said) == (1, True)


def test_automatic_actions_are_paused_and_resumed(terminal: Terminal) -> None:
    """Status says who and why; doing it twice is no error."""
    terminal.store.deliveries.replay("msg_dead", 0)
    assert "paused everywhere\n" in terminal.run("actions", "pause", *BY)[1]
    assert "paused everywhere already\n" in terminal.run("actions", "pause", *BY)[1]
    assert "paused: *  by Ann Lee since 20" in terminal.run("actions", "status")[1]
    resumed = terminal.run("actions", "resume", *BY)
    assert resumed == (0, "automatic actions go on everywhere\n")
    shown = json.loads(terminal.run("actions", "status", "--json")[1])
    assert (shown["pauses"], [one["id"] for one in shown["held"]]) == ([], ["msg_held"])
    kinds = [kind for kind, _, _ in terminal.audited()]
    assert kinds == ["delivery.replayed", "actions.paused", "actions.resumed"]


def test_an_order_needs_a_ground(terminal: Terminal) -> None:
    """An empty name or reason is wrong usage, and nothing is paused."""
    assert terminal.run("actions", "pause", "--by", "Ann", "--reason", "  ")[0] == 2
    with pytest.raises(SystemExit, match="2"):
        terminal.run("actions", "pause")
    assert "paused: " not in terminal.run("actions", "status")[1]
