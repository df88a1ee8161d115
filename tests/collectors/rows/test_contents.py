from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from collectors.modalities.text.trigrams import trigram_counts
from collectors.replay import open_rows
from collectors.rows.events import RowEvents
from collectors.rows.places import find_places, find_reference_places
from governance.component.schema import Component, Modality
from governance.component.selector import parse_selector
from governance.errors import ConfigError
from tests.collectors.modalities.sounds import noise, picture, sound

if TYPE_CHECKING:
    from pathlib import Path

    from collectors.rows.events import TimedRows
    from collectors.rows.table import LeftOut


def component(**features: str) -> Component:
    """A component that reads what ``features`` name, from these columns."""
    return Component.model_validate(
        {
            "apiVersion": "apexlogic.io/v1alpha1",
            "kind": "MultimodalAIComponent",
            "metadata": {"name": "m"},
            "spec": {
                "model": {"name": "m", "version": "1", "modality": list(features)},
                "signals": {"features": {m: f"column:{c}" for m, c in features.items()}},
            },
        }
    )


def read(file: Path, declared: Component) -> tuple[TimedRows, LeftOut]:
    with open_rows(file) as rows:
        places = find_places(declared, rows.names, file)
        events = RowEvents(declared, places, rows.left_out)
        (table,) = rows.tables()
        return events.read(table), rows.left_out


def write(folder: Path, *lines: str, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def test_whole_texts_are_looked_at(tmp_path: Path) -> None:
    """However long, and as they were written: a text is no category."""
    texts = ["x" * 1_000, "True", "1.0", ""]
    file = write(tmp_path, "id,t", *(f"{i},{t}" for i, t in enumerate(texts)))
    rows, _ = read(file, component(text="t"))
    assert rows.columns["text.characters"].values[:3].tolist() == [1_000, 4, 3]
    assert np.isnan(rows.columns["text.characters"].values[3])
    assert np.array_equal(rows.vectors["text"], trigram_counts(texts))


def test_texts_of_jsonl(tmp_path: Path) -> None:
    """Text, numbers, null; lists and objects are no texts."""
    lines = ['{"t": "é"}', '{"t": 7}', '{"t": null}', '{"t": ["a"]}', "{}"]
    rows, _ = read(write(tmp_path, *lines, name="rows.jsonl"), component(text="t"))
    assert rows.vectors["text"].sum(axis=1).tolist() == [1, 1, 0, 0, 0]


def test_answers_beside_texts(tmp_path: Path) -> None:
    """The column ``completion`` is seen as live answers are, and is no tabular feature."""
    lines = ["t,completion,age", "What is it?,A test that it is.,7", "And now?,,8"]
    file = write(tmp_path, *lines)
    rows, _ = read(file, component(text="t", tabular="*"))
    assert rows.columns["text.response_words"].values[0] == 5
    assert rows.columns["text.same_language"].values[0] == 1
    assert np.isnan(rows.columns["text.response_words"].values[1])
    assert [name for name in rows.columns if name.startswith("tabular.")] == ["tabular.age"]
    plain, _ = read(write(tmp_path, "completion,age", "a,1", "b,2"), component(tabular="*"))
    assert "tabular.completion" in plain.columns


def test_media_are_found_beside_the_file(tmp_path: Path) -> None:
    """Paths are relative to the row file or absolute."""
    (tmp_path / "clips").mkdir()
    clip = tmp_path / "clips" / "a.wav"
    clip.write_bytes(sound(noise(0.5)))
    rows, left_out = read(write(tmp_path, "c", "clips/a.wav", str(clip)), component(voice="c"))
    assert rows.columns["voice.duration_seconds"].values.tolist() == [0.5, 0.5]
    assert np.isfinite(rows.vectors["voice"]).all()
    assert not left_out.lines()


def test_what_cannot_be_decoded_is_counted(tmp_path: Path) -> None:
    """The row stays; the reason and the first names are said."""
    (tmp_path / "good.png").write_bytes(picture(np.zeros((9, 9), np.uint8)))
    (tmp_path / "bad.png").write_bytes(b"none")
    names = ["good.png", "bad.png", "gone.png", "bad.png"]
    rows, left_out = read(write(tmp_path, "p", *names), component(image="p"))
    assert rows.columns["image.undecodable"].values.tolist() == [0, 1, 1, 1]
    assert rows.columns["image.width"].values[0] == 9
    lines = left_out.lines()
    assert [line.partition(":")[0] for line in lines] == [
        "2 image files not decoded, format",
        "1 image files not decoded, missing",
    ]
    assert "'bad.png': it is none of PNG" in lines[0]
    assert not left_out.counts


def test_rows_of_other_versions_keep_their_vectors(tmp_path: Path) -> None:
    """Batches per version have the vectors of their own rows."""
    declared = component(text="t")
    signals = declared.spec.signals.model_copy(update={"version": parse_selector("column:v")})
    spec = declared.spec.model_copy(update={"signals": signals})
    file = write(tmp_path, "v,t", "a,one", "b,two", "a,three")
    rows, _ = read(file, declared.model_copy(update={"spec": spec}))
    batches = {batch.version: batch for batch in rows.batches(np.arange(3))}
    assert np.array_equal(batches["a"].vectors["text"], trigram_counts(["one", "three"]))
    assert np.array_equal(batches["b"].vectors["text"], trigram_counts(["two"]))


def test_contents_are_no_tabular_features(tmp_path: Path) -> None:
    """Where all columns are features, those of texts and media are not among them."""
    file = write(tmp_path, "id,age,t,p", "1,30,hi,a.png")
    declared = component(tabular="*", text="t", image="p")
    for find in (find_places, find_reference_places):
        places = find(declared, ("id", "age", "t", "p"), file)
        assert places.features == ("age",)
        assert dict(places.contents) == {Modality.TEXT: "t", Modality.IMAGE: "p"}
        assert places.has_media


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    """With the nearest one and the signal that reads it."""
    file = write(tmp_path, "id,txt", "1,hi")
    for find in (find_places, find_reference_places):
        with pytest.raises(ConfigError, match=r"no column 'text'.*txt.*signals\.features\.text"):
            find(component(text="text"), ("id", "txt"), file)


def test_what_is_not_read_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, texts can still be read; a component with pictures is told."""
    monkeypatch.setitem(sys.modules, "PIL", None)
    file = write(tmp_path, "t,p", "hi,a.png")
    assert read(file, component(text="t"))[0].n == 1
    with pytest.raises(ConfigError, match=r"evenhand\[media\]"):
        read(file, component(image="p"))
