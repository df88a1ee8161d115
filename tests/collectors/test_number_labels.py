"""Labels that are numbers, from the door to the wire."""

from __future__ import annotations

from typing import Any

import pytest

from collectors.labels import read_labels
from governance.wire.columns import decode_labels, encode_labels
from tests.collectors.test_ingest import NOW, desk


@pytest.mark.parametrize(
    ("labels", "expected"),
    [([2.5, 1e9, -3], [2.5, 1e9, -3.0]), (["2.5", 7, "-1e3"], [2.5, 7.0, -1_000.0])],
)
def test_numbers_stay_numbers(labels: list[Any], expected: list[float]) -> None:
    """Where no outcome is declared favourable, here as on the wire."""
    rows = [{"id": str(i), "label": label} for i, label in enumerate(labels)]
    batch, _ = read_labels(rows, desk(signals={}), NOW)
    sent, _ = decode_labels(encode_labels(batch))
    for column in (batch.columns["label"], sent.columns["label"]):
        assert column.dictionary is None
        assert column.values.tolist() == expected


def test_words_stay_categories() -> None:
    """They travel as categories do, and are counted unusable where they arrive."""
    rows: list[dict[str, Any]] = [{"id": "1", "label": "good"}, {"id": "2", "label": 1.0}]
    batch, _ = read_labels(rows, desk(signals={}), NOW)
    assert batch.columns["label"].dictionary is not None
