"""What a scrape shows stays that of the database, however little of it is read again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from alerting.exposition import MAX_DRIFT_SERIES, finding_families
from alerting.statistics import Statistics
from governance.component.key import ComponentKey
from governance.finding import Status
from governance.metrics_text import Family, rendered, text_of
from tests.alerting.stored import COMPONENT, finding, open_migrated, spec, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from governance.service.stores import Store
    from governance.store.findings import StoredFinding


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_migrated(tmp_path)
    yield opened
    opened.engine.dispose()


def text(statistics: Statistics) -> str:
    parts = [part for shown in statistics.read({}).values() for part in shown.parts]
    return text_of(parts).decode()


def test_scrape_after_scrape_equals_one_that_reads_everything(store: Store) -> None:
    """New windows, revisions, new versions and components: the same text as from nothing."""
    kept = Statistics(store.findings)
    other = replace(finding(0, Status.OK), component=ComponentKey("shop", "other"))
    steps = [
        [finding(0, Status.OK)],
        [finding(1, Status.BREACH), finding(1, Status.OK, "income")],
        [finding(1, Status.OK, revision=1)],
        [replace(finding(2, Status.OK), version="2")],
        [other],
        [],
    ]
    for step in steps:
        write(store, step, spec())
        assert sorted(text(kept).splitlines()) == sorted(
            text(Statistics(store.findings)).splitlines()
        )
    assert 'component="other"' in text(kept)


def test_what_has_not_changed_is_not_read_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between windows a scrape reads no finding."""
    write(store, [finding(0, Status.OK)], spec())
    kept = Statistics(store.findings)
    asked: list[ComponentKey | None] = []
    text(kept)
    latest = store.findings.latest

    def noted(_: object, key: ComponentKey | None = None) -> list[StoredFinding]:
        asked.append(key)
        return latest(key)

    monkeypatch.setattr(type(store.findings), "latest", noted)
    text(kept)
    assert asked == []
    write(store, [finding(1, Status.OK)])
    text(kept)
    assert asked == [COMPONENT]


def test_ten_thousand_features_are_two_hundred_series() -> None:
    """The worst stay, the rest is counted; nothing else grows with them."""
    bodies = [
        replace(
            finding(0, Status.OK, f"f{i}"),
            verdict=replace(finding(0, Status.OK, f"f{i}").verdict, value=i / 10_000),
        ).to_json()
        for i in range(10_000)
    ]
    families = {family.name: family for family in finding_families(bodies)}
    assert len(families["evenhand_drift"].samples) == MAX_DRIFT_SERIES
    assert min(value for _, value in families["evenhand_drift"].samples) == 0.98
    assert families["evenhand_drift_suppressed_series"].samples[0][1] == 9_800
    assert sum(len(family.samples) for family in families.values()) < 5 * MAX_DRIFT_SERIES


def test_label_values_are_escaped_and_nan_is_refused() -> None:
    """A name with a quote, a backslash or a line break stays one line; NaN is an error of ours."""
    family = Family("evenhand_x", "X", ("a",), ((('q"\\\n',), 0.5), (("b",), float("inf"))))
    lines = rendered(family).lines
    assert lines == 'evenhand_x{a="q\\"\\\\\\n"} 0.5\nevenhand_x{a="b"} +Inf\n'
    with pytest.raises(ValueError, match="NaN"):
        rendered(Family("evenhand_x", "X", ("a",), ((("b",), float("nan")),)))
