"""Overdispersion per ladder length, compared with an independent program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detectors.stats.overdispersion import Block, make_deflation, rho_ladder
from tests.detectors.scenes import near

GOLDEN = json.loads(Path(__file__).with_name("rho.json").read_text())
IN_ORDER = {
    case["name"]: {**case, "panes": case.get("panes") or case["blocks"]}
    for case in [*GOLDEN["ordered"], *GOLDEN["pane_longer_than_an_eighth"]]
}


def approx(values: list[float]) -> Any:
    return pytest.approx(values, rel=1e-9, abs=1e-9)


def measured(name: str) -> tuple[Block, ...]:
    case = IN_ORDER[name]
    return rho_ladder(np.array(case["panes"]), np.array(case["reference"]))


@pytest.mark.parametrize("name", IN_ORDER)
def test_ladder(name: str) -> None:
    """Lengths, rows of a block and rho agree, and the ladder ends where it should."""
    expected = IN_ORDER[name]["ladder"]
    found = measured(name)
    assert [block.k for block in found] == [block["k"] for block in expected]
    assert [block.rows for block in found] == approx([block["block_rows"] for block in expected])
    assert [block.rho for block in found] == approx([block["rho"] for block in expected])


@pytest.mark.parametrize("name", IN_ORDER)
def test_look_up(name: str) -> None:
    """A window takes the rho of the smallest block that is as long, or more above the largest."""
    case = IN_ORDER[name]
    deflation = make_deflation([measured(name)], np.array([float(case["n0"])]))
    sizes = np.array([float(look["n"]) for look in case["lookups"]])
    assert deflation.of(sizes)[:, 0].tolist() == approx([look["rho"] for look in case["lookups"]])


@pytest.mark.parametrize("case", [case for case in GOLDEN["not_in_order"] if case["counts"]])
def test_rows_that_are_not_in_order(case: dict[str, float]) -> None:
    """Independence is not believed: rho is 2, and more above an eighth of the reference."""
    deflation = make_deflation([()], np.array([float(case["n0"])]))
    assert float(deflation.of(np.array([float(case["n"])]))[0, 0]) == near(case["rho"])
