"""Embeddings added up in the pod, window by window, against sums of all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from collectors import sums as module
from collectors.capture import Capture
from collectors.modalities.text.trigrams import trigram_counts
from collectors.projections import projections_of
from collectors.sums import EmbeddingSums
from detectors.profile import write_profile
from governance.component.notices import unsummed
from governance.component.schema import Windows
from governance.embeddings import SHIPPED
from governance.errors import ConfigError, PermanentError
from governance.event import BatchSum, EventBatch, sum_name
from governance.service.references import measure_rows
from tests.collectors.exchanges import CHAT_PATH, KEYED, component, exchange
from tests.collectors.modalities.sounds import picture

if TYPE_CHECKING:
    from pathlib import Path

    from collectors.sums import Ended
    from governance.component.schema import Component

HOUR = 3_600_000_000
TEXT = SHIPPED["text"]
NAME = sum_name("text", TEXT.hash)


def texts(n: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list("abcdefg "), 30)) for _ in range(n)]


def gathering(**windows: Any) -> EmbeddingSums:
    return EmbeddingSums({"text": TEXT}, Windows.model_validate(windows or {"every": "1h"}))


def add(sums: EmbeddingSums, said: list[str], start_us: int, version: str = "1") -> None:
    sums.add(version, start_us + np.arange(len(said)), {"text": trigram_counts(said)})


def ends(ended: Ended) -> tuple[int | None, dict[str, int]]:
    return ended.before_us, {batch.version: batch.sums[NAME].n for batch in ended.batches}


def test_a_sum_is_that_of_all_at_once() -> None:
    """However events came: one by one, in hundreds, without text in between."""
    sums, said = gathering(), texts(700)
    at = 0
    for size in (1, 1, 300, 7, 391):
        add(sums, said[at : at + size], at)
        sums.add("1", np.array([at]), {"text": trigram_counts([None])})
        at += size
    (ended,) = sums.ended(HOUR)
    (batch,) = ended.batches
    assert batch.n == 0
    assert batch.sums[NAME].n == 700
    assert np.array_equal(batch.sums[NAME].values, TEXT.sums(trigram_counts(said)))


def test_sums_end_with_their_window() -> None:
    """No sum crosses a multiple of the pane; each says where it ended; versions are apart."""
    sums = gathering()
    add(sums, texts(50), 2 * HOUR - 25)  # 25 before and 25 after the edge
    add(sums, texts(30), 2 * HOUR, "2")
    assert list(sums.ended(2 * HOUR - 1)) == []
    assert [ends(one) for one in sums.ended(2 * HOUR)] == [(2 * HOUR, {"1": 25})]
    assert [ends(one) for one in sums.ended(9 * HOUR)] == [(3 * HOUR, {"1": 25, "2": 30})]
    assert list(sums.rest()) == []


def test_a_slide_makes_shorter_panes() -> None:
    """Panes, not windows, are what the other side adds up."""
    sums = gathering(every="1h", slide="30m")
    add(sums, texts(60), HOUR // 2 - 30)
    assert [one.before_us for one in sums.ended(HOUR)] == [HOUR // 2, HOUR]


def test_few_events_are_counted_and_not_summed() -> None:
    """19 events at the edge leave no sum, 20 do."""
    sums = gathering()
    add(sums, texts(19), 0)
    add(sums, texts(20), HOUR)
    assert [ends(one) for one in sums.ended(2 * HOUR)] == [(HOUR, {}), (2 * HOUR, {"1": 20})]
    assert sums.counts == {"sum_too_small": 19}


def test_what_is_late_is_counted() -> None:
    """A window that was sent is over."""
    sums = gathering()
    list(sums.ended(HOUR))
    add(sums, texts(25), HOUR - 20)  # 20 before the edge
    assert sums.counts == {"sum_late": 20}


def test_counted_windows_send_parts() -> None:
    """Of windows of 1,000 events an eighth at a time; the rest at the end, or counted."""
    sums = gathering(events=1_000)
    add(sums, texts(124), 0)
    assert list(sums.full()) == []
    add(sums, texts(1), 5 * HOUR)
    assert list(sums.ended(9 * HOUR)) == []
    assert [ends(one) for one in sums.full()] == [(None, {"1": 125})]
    add(sums, texts(30), 0)
    assert [ends(one) for one in sums.rest()] == [(None, {"1": 30})]
    assert sums.counts == {}


def test_the_rest_says_how_far_it_goes() -> None:
    """Not to the end of its window: another process may go on for the same source."""
    sums = gathering()
    add(sums, texts(40), HOUR)
    assert [ends(one) for one in sums.rest()] == [(HOUR + 40, {"1": 40})]


def test_invented_versions_take_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a number of open sums events are counted."""
    monkeypatch.setattr(module, "MOST_OPEN", 2)
    sums = gathering()
    for version in "abc":
        add(sums, texts(20), 0, version)
    assert [set(ends(one)[1]) for one in sums.ended(HOUR)] == [{"a", "b"}]
    assert sums.counts == {"sum_versions": 20}


def test_sums_pass_the_privacy_filter_or_do_not_leave() -> None:
    """20 events may, 19 may not, whoever made the sum."""
    capture = Capture(component(), KEYED)
    values = np.zeros(TEXT.size, dtype=np.int64)
    capture.allowed(EventBatch("1", 0, {}, {NAME: BatchSum(values, 20)}))
    with pytest.raises(PermanentError, match="19 events"):
        capture.allowed(EventBatch("1", 0, {}, {NAME: BatchSum(values, 19)}))


def test_sampling_keeps_vectors_with_their_events() -> None:
    """The mean of those that were kept is the mean of all: no weights are needed."""
    declared = component(
        model={"name": "m", "version": "1", "modality": ["text"]}, capture={"sampling": 0.4}
    )
    capture = Capture(declared, KEYED, embed={"text"})
    asked = [f"{i} {said}" for i, said in enumerate(texts(400))]
    batches = [capture.alone(exchange(CHAT_PATH, _chat(said, i))) for i, said in enumerate(asked)]
    kept = [one for one in batches if one.batch is not None]
    assert all(len(one.vectors["text"]) == 1 for one in kept)
    assert all(one.batch is not None and not one.batch.vectors for one in kept)
    some = TEXT.sums(np.concatenate([one.vectors["text"] for one in kept])) / len(kept)
    whole = TEXT.sums(trigram_counts(asked)) / len(asked)
    spread = np.abs(some - whole).max() / 2**24 * 32  # in units of a feature's size
    assert 120 < len(kept) < 200
    assert spread < 4 / np.sqrt(len(kept))


def test_only_wanted_vectors_are_made() -> None:
    """A capture that nobody sums for makes none."""
    declared = component(model={"name": "m", "version": "1", "modality": ["text"]})
    assert Capture(declared, KEYED).alone(exchange(CHAT_PATH, _chat("hi", 1))).vectors == {}


def _chat(said: str, number: int) -> dict[str, Any]:
    return {"id": str(number), "messages": [{"role": "user", "content": said}]}


def _of(*modalities: str, **spec: Any) -> Component:
    return component(model={"name": "m", "version": "1", "modality": list(modalities)}, **spec)


def test_shipped_projections_need_no_profile(tmp_path: Path) -> None:
    """Texts and recordings have constants; a table has no embedding."""
    assert projections_of(_of("text", "voice"), tmp_path) == SHIPPED
    assert projections_of(_of("tabular"), tmp_path) == {}


@pytest.mark.parametrize("text", [None, "{", "a,b\n1,2\n", '{"reference": {"embeddings": {}}}'])
def test_pictures_without_a_projection_are_not_summed(
    tmp_path: Path, text: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """No profile, rows, or a profile without pictures: the log says what to do."""
    spec = {} if text is None else {"baseline": {"uri": "p.json"}}
    if text is not None:
        (tmp_path / "p.json").write_text(text)
    assert projections_of(_of("image", **spec), tmp_path) == {}
    assert "are not summed" in caplog.text


def test_a_baseline_of_another_hash_is_refused(tmp_path: Path) -> None:
    """A sidecar does not measure by a file that was changed."""
    (tmp_path / "p.json").write_text("{}")
    with pytest.raises(ConfigError, match="SHA-256"):
        projections_of(_of("image", baseline={"uri": "p.json", "sha256": "0" * 64}), tmp_path)


def test_two_clocks_hinder_sums() -> None:
    """With a declared time windows in time have events by another clock than the sidecar's."""
    declared = {"time": "request:$.time"}
    assert "clock" in str(unsummed(_of("text", signals=declared)))
    counted = {"windows": {"events": 100}}
    assert unsummed(_of("text", signals=declared, monitoring=counted)) is None
    assert unsummed(_of("text")) is None


def test_pictures_are_projected_as_their_profile_says(tmp_path: Path) -> None:
    """What `evenhand baseline` measured is what the sidecar reads: the same hash, the same sums."""
    shades = np.random.default_rng(0).integers(0, 255, (40, 12, 12)).astype(np.uint8)
    for number, pixels in enumerate(shades):
        (tmp_path / f"{number}.png").write_bytes(picture(pixels))
    rows = "\n".join(["p", *(f"{number}.png" for number in range(len(shades)))])
    (tmp_path / "rows.csv").write_text(rows + "\n")
    declared = _of("image", signals={"features": {"image": "column:p"}}, baseline={"uri": "p.json"})
    reference = measure_rows(tmp_path / "rows.csv", declared)
    write_profile(tmp_path / "p.json", reference)
    found = projections_of(declared, tmp_path)
    assert found == {"image": reference.embeddings["image"].projection}
