"""The short form of the fault matrix: those faults that are quick to bring about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.catalog import FAULTS
from tests.faults.scene import scene

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.catalog import Fault

QUICK = [fault for fault in FAULTS if fault.quick]


@pytest.mark.servers
@pytest.mark.xdist_group("kafka")
@pytest.mark.usefixtures("kafka", "postgres")  # they say so where there is none
@pytest.mark.parametrize("fault", QUICK, ids=[fault.name for fault in QUICK])
def test_every_event_is_accounted_for_and_findings_are_equal(fault: Fault, tmp_path: Path) -> None:
    """What a disturbed group finds is what an undisturbed one finds in the same log."""
    with scene(tmp_path, **fault.setting) as there:
        row = fault.run(there)
    assert row.holds, row
