"""Contests with other tools: the protocol with a peer that is here, limits, and what is missing."""

from __future__ import annotations

import re
import sys
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.peers import alarms, catalog, environments, evenhand, scenes
from benchmarks.peers.cases import CASES, name, spread
from benchmarks.peers.contest import Failed, Side, Timed, contest, ratio
from benchmarks.tables.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PYTHON = Path(sys.executable)
PEERS = {peer for peers, _ in catalog.PARTS.values() for peer in peers}
PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def test_both_sides_answer_the_same(tmp_path: Path) -> None:
    """Fairlearn and Evenhand, each in its process, find the same differences in the same rows."""
    scenes.decisions(tmp_path, rows=20_000)
    sides = [Side(module, PYTHON, "fairness") for module in ("evenhand", "fairlearn")]
    ours, theirs = contest(sides, tmp_path, rounds=1, warm_up=0)
    assert len(theirs.result) == 9
    assert {key: ours.result[key] for key in theirs.result} == pytest.approx(theirs.result)
    assert theirs.version == version("fairlearn")
    assert ratio(theirs, ours) > 1
    assert min(theirs.import_seconds, *theirs.seconds) > 0


def test_a_side_that_fails_says_why(tmp_path: Path) -> None:
    """The end of what a side said is in the error: nobody looks for a log."""
    with pytest.raises(Failed, match=r"(?s)evenhand nonsense ended .*KeyError"):
        contest([Side("evenhand", PYTHON, "nonsense")], tmp_path, rounds=1)


def test_a_ratio_is_of_pairs() -> None:
    """A round in which the machine was busy for both sides does not move the ratio."""
    slow, fast = (_timed(*seconds) for seconds in ((6.0, 60.0, 6.6), (2.0, 20.0, 2.0)))
    assert ratio(slow, fast) == pytest.approx(3.0)


def test_counting_real_columns_beats_half_a_bare_pass(tmp_path: Path) -> None:
    """25 real columns are binned and summed in at most twice the time of bare histograms."""
    scenes.drift(tmp_path, reference_rows=5_000)
    bare, count = _fastest(evenhand.bare(tmp_path), evenhand.count(tmp_path))
    assert bare / count >= 0.5


def test_counting_fairness_beside_a_bare_pass() -> None:
    """Two attributes and their intersection, predictions and labels: under 6 plain bincounts."""
    rng = np.random.default_rng(2)
    batch = evenhand.decided(
        {c: rng.integers(0, 2, 2**18).astype(np.int8) for c in ("a", "b", "prediction", "label")}
    )
    detector = evenhand.fairness_detector()
    keys = rng.integers(0, 144, batch.n)
    bare, count = _fastest(
        partial(np.bincount, keys, minlength=144),
        lambda: (detector.add(batch), detector.add_outcomes(batch)),
    )
    assert count <= 2 * 6 * bare


def test_every_peer_is_pinned() -> None:
    """What is asked for has a version, and no address to download it from."""
    for peer in PEERS:
        asked, came = (
            (environments.PINS / f"{peer}{part}.txt").read_text() for part in ("", ".constraints")
        )
        assert re.match(rf"{peer.replace('_', '-')}==[\d.]+\n", asked)
        assert all(re.fullmatch(r"[\w.-]+==[\w.+]+", line) for line in came.splitlines())


def test_another_pin_is_another_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An environment is found again by its pins, and by nothing else."""
    monkeypatch.setattr(environments, "PINS", tmp_path)
    (tmp_path / "x.constraints.txt").write_text("")
    (tmp_path / "x.txt").write_text("x==1")
    first = environments.pin("x")
    assert environments.pin("x") == first
    (tmp_path / "x.txt").write_text("x==2")
    assert environments.pin("x") != first


def test_a_peer_that_cannot_be_had_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table is printed without it, stderr says who is missing and why, exit code 3."""
    monkeypatch.setenv("EVENHAND_CACHE", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    monkeypatch.setattr(catalog, "PARTS", {"part": (("nannyml",), _present)})
    assert main(["peers", "part"]) == 3
    said = capsys.readouterr()
    assert "here: evenhand" in said.out
    assert "left out: nannyml cannot be had" in said.err


def test_an_unknown_part_lists_those_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and every name on stderr."""
    assert main(["peers", "nonsense"]) == 2
    said = capsys.readouterr().err
    assert all(part in said for part in catalog.PARTS)


def test_alarms_are_shown_by_stretch_and_rule() -> None:
    """A row for each stretch and rule, the windows that were looked at beside the shares."""
    said = {f"{name(*case)} breach": place / 100 for place, case in enumerate(CASES)}
    windows = {f"{name(*case)} windows": 10 + place for place, case in enumerate(CASES)}
    table = alarms.table_of({"evenhand": said | windows})
    assert [row[0] for row in table.rows] == ["resampled", "2016", "block"]
    assert table.rows[1][2:] == [0.04, 0.05, 0.06, 0.07, "14/15/16/17"]


def test_windows_are_spread_evenly() -> None:
    """Of few windows all are looked at, of many as many as may be, from the first on."""
    assert spread(3, 24) == [0, 1, 2]
    assert spread(100, 4) == [0, 25, 50, 75]


def test_the_page_names_every_part_and_peer() -> None:
    """docs/benchmarks.md shows the table of each part and names the command that printed it."""
    text = PAGE.read_text(encoding="utf-8")
    assert set(re.findall(r"benchmarks peers (\w+)", text)) == set(catalog.PARTS)


def _present(_: Path, pythons: Mapping[str, Path]) -> Table:
    return Table(f"here: {', '.join(pythons)}", ["nothing"], [])


def _timed(*seconds: float) -> Timed:
    return Timed("1", 0.0, seconds, {}, 0)


def _fastest(*works: Callable[[], object]) -> list[float]:
    """Processor seconds of the fastest of several rounds, in which the works take turns."""
    seconds = [float("inf")] * len(works)
    for _ in range(15):
        for place, work in enumerate(works):
            started = time.process_time()
            work()
            seconds[place] = min(seconds[place], time.process_time() - started)
    return seconds
