"""The short form of the fuzzing campaign, and what its long form once found."""

from __future__ import annotations

from random import Random

import pytest

from tests.fuzz.campaign import CORPUS, feed, make, run
from tests.fuzz.targets import TARGETS

SHORT, LONG = 3_000, 120_000
FOUND = sorted(path.name for path in CORPUS.iterdir() if path.name != "README.md")


def test_mutated_inputs_crash_and_hang_nothing() -> None:
    """3,000 of them, some for each target: events, nothing or a reason, within the time limit."""
    report = run(seed=0, first=0, count=SHORT)
    assert report.findings == []
    assert report.inputs.total() == SHORT
    assert set(report.inputs) == set(TARGETS)


@pytest.mark.slow
def test_many_mutated_inputs_crash_and_hang_nothing() -> None:
    """120,000 of them, as ``python -m tests.fuzz`` feeds them."""
    report = run(seed=1, first=0, count=LONG)
    print(*(f"{target:<10} {n:>8,} inputs" for target, n in report.inputs.items()), sep="\n")  # noqa: T201
    assert report.findings == []


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_once_stays_fixed(name: str) -> None:
    """Each input of the corpus, cut in ten ways."""
    for number in range(10):
        assert feed(name.partition("-")[0], (CORPUS / name).read_bytes(), Random(number)) is None


def test_an_input_is_its_seed_and_number() -> None:
    """So that a campaign can go on where it ended, elsewhere."""
    assert make(3, 500)[:2] == make(3, 500)[:2] != make(4, 500)[:2]


def test_a_hang_and_a_crash_are_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The campaign can fail."""

    def crash(raw: bytes, _: Random) -> None:
        raise IndexError(len(raw))

    def hang(*_: object) -> None:
        while True:
            pass

    monkeypatch.setattr("tests.fuzz.campaign.CPU_SECONDS", 0.05)
    for target, (seeds, _) in list(TARGETS.items()):
        monkeypatch.setitem(TARGETS, target, (seeds, hang if target == "http" else crash))
    found = run(seed=1, first=0, count=7).findings
    assert [error.partition(":")[0] for _, _, error in found] == ["Hang", *["IndexError"] * 6]
