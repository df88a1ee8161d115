"""What clients do wrong: the model sees the bytes sent, and capture says what it makes of them.

Through the real pump and reader, and beside them ``collect --explain`` for the same bodies.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from collectors.sidecar.counters import Pump, Reader
from governance.service.cli.main import main
from tests.collectors.sidecar import processes
from tests.collectors.sidecar.hostile import BODIES, HEADS, MEDIA, sized, tensor
from tests.collectors.sidecar.processes import Sidecar, resident, sidecar, wait_for
from tests.collectors.sidecar.wires import Script, ScriptedServer, Turn, scripted_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
COMPONENT = """\
apiVersion: apexlogic.io/v1alpha1
kind: MultimodalAIComponent
metadata: {name: loans, namespace: bank}
spec:
  model: {name: loans, version: "1", modality: [tabular, image, voice]}
  governance: {dataPrivacy: {level: open}}
"""
ALL = HEADS | BODIES | MEDIA
INTERIM = b"HTTP/1.1 102 Processing\r\n\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as running:
        yield running


@pytest.fixture(scope="module")
def component(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("component") / "loans.yaml"
    path.write_text(COMPONENT)
    return path


@pytest.fixture(scope="module")
def pump(
    server: ScriptedServer, component: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sidecar]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes, "_COMPONENT", component)
        with sidecar(tmp_path_factory.mktemp("pump"), server.port) as running:
            yield running


@pytest.mark.parametrize("case", ALL)
def test_the_model_sees_what_was_sent_and_capture_says_what_it_made_of_it(
    server: ScriptedServer, pump: Sidecar, case: str
) -> None:
    """Byte for byte, and one count more under the one name that this case has."""
    hostile = ALL[case]
    pump.settle()
    before = _said(pump)
    assert server.play(Script((Turn(hostile.wire, OK),)), pump.port) == OK
    assert server.heard() == hostile.wire
    wait_for(lambda: _said(pump) != before)
    pump.settle()
    assert _said(pump) - before == _expected(hostile.says)


def test_a_client_as_slow_as_can_be_is_one_event(server: ScriptedServer, pump: Sidecar) -> None:
    """Each byte is with the model before the next one leaves the client."""
    wire = sized(tensor([1]))
    turns = [Turn(wire[n : n + 1], INTERIM) for n in range(len(wire) - 1)]
    script = Script((*turns, Turn(wire[-1:], OK)))
    pump.settle()
    before = _said(pump)
    assert server.play(script, pump.port) == script.said[1]
    assert server.heard() == wire
    wait_for(lambda: _said(pump) != before)
    pump.settle()
    assert _said(pump) - before == _expected("read")


def test_none_of_it_costs_the_reader_its_life_or_the_pair_its_bounds(
    server: ScriptedServer, pump: Sidecar
) -> None:
    """After each of the above once more, on one reader: the same process, and bounded memory."""
    for hostile in ALL.values():
        server.play(Script((Turn(hostile.wire, OK),)), pump.port)
        server.heard()
    pump.settle()
    reader = pump.reader_pid
    assert reader is not None
    assert pump.counters.pump[Pump.READER_STARTS] == 1
    assert resident(pump.process.pid) <= 32 * 1024
    assert resident(reader) <= 256 * 1024


@pytest.mark.parametrize("case", BODIES | MEDIA)
def test_explain_says_the_same(
    component: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    """The reason that is counted live is the one that the command prints, with its exit code."""
    hostile = ALL[case]
    (tmp_path / "body").write_bytes(hostile.body)
    asked = ["--explain", str(tmp_path / "body"), "--path", hostile.path, "--json"]
    code = main(["collect", "--component", str(component), *asked])
    report = json.loads(capsys.readouterr().out)
    refused = hostile.says != "read" and case not in MEDIA
    assert (code, report["captured"]) == (int(refused), not refused)
    assert report.get("reason", "read") == (hostile.says if refused else "read")
    if case in MEDIA:
        _, modality, reason = hostile.says.split(":")
        assert f"1 undecodable ({modality}, {reason})" in report["notes"]


def _said(pump: Sidecar) -> Counter[str]:
    """What capture has said so far: events, opaque connections, reasons of requests and media."""
    reasons = pump.counters.reasons()
    said = Counter({name: n for name, n in reasons.items() if not name.startswith("unreadable_")})
    said["opaque"] = pump.counters.pump[Pump.OPAQUE_MALFORMED]
    said["read"] = pump.counters.reader(Reader.CAPTURED_REQUESTS)
    return said


def _expected(says: str) -> Counter[str]:
    """A refused request is an event all the same: malformed traffic must be seen."""
    return Counter({"opaque": 1} if says == "opaque" else {"read": 1, says: 1})
