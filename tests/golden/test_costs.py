"""Changes of a cost over time, compared with an independent program."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from detectors.stats.rate_change import alarm_points, change_scores

CASES = {
    case["name"]: case
    for case in json.loads(Path(__file__).with_name("costs.json").read_text())["costs"]
}


@pytest.mark.parametrize("name", CASES)
def test_scores_and_alarms(name: str) -> None:
    """Every point's score agrees to 1e-7, and the alarms stand at the same points."""
    case = CASES[name]
    scores = change_scores(np.array(case["values"], dtype=float))
    np.testing.assert_allclose(scores, case["scores"], rtol=1e-7, atol=1e-7)
    assert alarm_points(scores) == case["alarms"]
