"""A model's own embeddings in the place of ours: live, in files, by the profile's projection."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from collectors.capture import Capture
from collectors.own_embeddings import MOST_COORDINATES, vectors_of
from collectors.projections import projections_of
from governance.bus.connect import open_bus
from governance.component.load import load_components, read_components
from governance.event import sum_name
from governance.service.cli.main import main
from tests.collectors.events import arrived, events_in
from tests.collectors.exchanges import CHAT_PATH, KEYED, component, exchange
from tests.collectors.sidecar import processes
from tests.collectors.sidecar.processes import model_server, sidecar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    Vectors = NDArray[np.float64]

WIDTH, WINDOW = 24, 200
TEXT = {"name": "m", "version": "1", "modality": ["text"]}
OFFLINE = f"""\
apiVersion: apexlogic.io/v1alpha1
kind: MultimodalAIComponent
metadata: {{name: loans, namespace: bank}}
spec:
  model: {{name: loans, version: "1", modality: [text]}}
  governance: {{dataPrivacy: {{level: open}}}}
  signals: {{embeddings: {{text: column:vector}}}}
  baseline: {{ordered: true}}
  monitoring: {{windows: {{events: {WINDOW}}}}}
"""
LIVE = OFFLINE.replace("column:vector", "'request:$.instances[*].vector'").replace(
    "baseline: {", "baseline: {uri: profile.json, "
)


def vectors(n: int, seed: int, moved: float = 0.0) -> Vectors:
    """Some topics in a space of their own; ``moved`` is the share of a topic that is new."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(0, 3, (4, WIDTH))
    topics = np.where(rng.random(n) < moved, 3, rng.integers(0, 3, n))
    return (centres[topics] + rng.normal(0, 1, (n, WIDTH))).round(4)


def as_csv(path: Path, rows: Vectors) -> Path:
    with path.with_suffix(".csv").open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerows([["vector"], *([json.dumps(row)] for row in rows.tolist())])
    return path.with_suffix(".csv")


def as_jsonl(path: Path, rows: Vectors) -> Path:
    lines = [json.dumps({"vector": row}) for row in rows.tolist()]
    path.with_suffix(".jsonl").write_text("\n".join(lines))
    return path.with_suffix(".jsonl")


def as_parquet(path: Path, rows: Vectors) -> Path:
    pq.write_table(pa.table({"vector": rows.tolist()}), path.with_suffix(".parquet"))
    return path.with_suffix(".parquet")


def evenhand(*arguments: object) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        main([*map(str, arguments)])
    return out.getvalue()


def profile(folder: Path) -> Path:
    """Measured from rows that hold nothing but vectors."""
    (folder / "offline.yaml").write_text(OFFLINE)
    rows = as_jsonl(folder / "reference", vectors(1_000, seed=1))
    made = folder / "profile.json"
    evenhand("baseline", rows, "--component", folder / "offline.yaml", "-o", made)
    return made


@pytest.mark.parametrize("write", [as_csv, as_jsonl, as_parquet])
def test_drift_of_the_own_embedding_is_found_in_files(
    tmp_path: Path, write: Callable[[Path, Vectors], Path]
) -> None:
    """JSON in cells, JSON lists and Parquet lists; the same topics are quiet, a new one is loud."""
    made = profile(tmp_path)
    live = np.concatenate([vectors(2 * WINDOW, 2), vectors(WINDOW, 3, moved=0.5)])
    rows = write(tmp_path / "rows", live)
    said = evenhand(
        *("replay", rows, "--component", tmp_path / "offline.yaml"), "--reference", made, "--json"
    )
    found = [json.loads(line) for line in said.splitlines()]
    own = [one["status"] for one in found if one["subject"] == "embedding"]
    assert own == ["ok", "ok", "breach"]
    assert not [one for one in found if one["subject"] == "vector"]


def test_another_width_is_no_embedding_of_the_reference(tmp_path: Path) -> None:
    """A model that changed its embedding: nothing is lost, and the reason names the projection."""
    made = profile(tmp_path)
    rows = as_jsonl(tmp_path / "rows", np.ones((WINDOW, WIDTH + 1)))
    said = evenhand(
        *("replay", rows, "--component", tmp_path / "offline.yaml"), "--reference", made, "--json"
    )
    found = [json.loads(line) for line in said.splitlines()]
    (own,) = [one for one in found if one["subject"] == "embedding"]
    assert (own["status"], own["events"]) == ("insufficient", WINDOW)
    assert own["reason"].startswith("no_embeddings:")


def test_a_column_without_a_vector_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The place and what an embedding is."""
    (tmp_path / "offline.yaml").write_text(OFFLINE)
    (tmp_path / "rows.csv").write_text("vector\nnone\nnone either\n")
    arguments = ("baseline", tmp_path / "rows.csv", "--component", tmp_path / "offline.yaml")
    assert main([*map(str, arguments), "-o", str(tmp_path / "p.json")]) == 2
    assert "spec.signals.embeddings.text: of the first 2 rows none has" in capsys.readouterr().err


def test_ours_and_the_models_own_are_never_compared(tmp_path: Path) -> None:
    """A profile of our 3-grams is no reference of the model's vectors."""
    made = profile(tmp_path)
    ours = OFFLINE.replace("embeddings: {text: column:vector}", "features: {text: column:said}")
    (tmp_path / "ours.yaml").write_text(ours)
    (tmp_path / "said.csv").write_text("said\n" + "\n".join(f"text {i}" for i in range(WINDOW)))
    arguments = ("replay", tmp_path / "said.csv", "--component", tmp_path / "ours.yaml")
    said = evenhand(*arguments, "--reference", made, "--json")
    found = [json.loads(line) for line in said.splitlines()]
    assert found
    assert not [one for one in found if one["subject"] == "embedding" and one["value"] is not None]


def _live(folder: Path) -> Any:
    (folder / "live.yaml").write_text(LIVE)
    return load_components([folder / "live.yaml"])[0]


def test_the_projection_is_the_profiles(tmp_path: Path) -> None:
    """Without a profile nothing is summed, and validate says so."""
    profile(tmp_path)
    loaded = _live(tmp_path)
    said = json.loads((tmp_path / "profile.json").read_text())
    projection = projections_of(loaded.component, loaded.file)["text"]
    assert projection.hash == said["reference"]["embeddings"]["text"]["projection"]["hash"]
    assert len(projection.scale) == WIDTH
    (tmp_path / "profile.json").unlink()
    assert projections_of(loaded.component, loaded.file) == {}
    (tmp_path / "live.yaml").write_text(LIVE.replace("uri: profile.json, ", ""))
    paths = [notice.path for notice in read_components([tmp_path / "live.yaml"]).notices]
    assert "spec.signals.embeddings.text" in paths


def test_a_sidecar_sends_sums_of_the_models_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the profile's projection; no vector travels."""
    profile(tmp_path)
    (tmp_path / "live.yaml").write_text(LIVE)
    monkeypatch.setattr(processes, "_COMPONENT", tmp_path / "live.yaml")
    live = vectors(WINDOW, 5)
    rows = [{"text": f"ticket {i}", "vector": row} for i, row in enumerate(live.tolist())]
    body = json.dumps({"instances": rows}).encode()
    with model_server() as model, sidecar(tmp_path, model) as running:
        processes.ask(running.port, 1, path="/v1/models/loans:predict", body=body)
        running.settle()
        running.stop()
        bus = open_bus(running.bus_url)
        batches = events_in(arrived(bus))
        bus.close()
    loaded = _live(tmp_path)
    projection = projections_of(loaded.component, loaded.file)["text"]
    total = sum(
        batch.sums[sum_name("text", projection.hash)].values for batch in batches if batch.sums
    )
    assert np.array_equal(total, projection.sums(live.astype(np.float32)))
    assert not [name for batch in batches for name in batch.columns if "vector" in name]


def test_an_embedding_server_names_its_output() -> None:
    """OpenAI's embeddings are the output ``embedding``; a chat's answer may hold one by a path."""
    own = component(model=TEXT, signals={"embeddings": {"text": "output:embedding"}})
    data = [{"index": i, "embedding": [float(i), 1.0]} for i in range(2)]
    seen = exchange("/v1/embeddings", {"input": ["a", "b"]}, {"data": data})
    captured = Capture(own, KEYED, embed=("text",)).alone(seen)
    assert captured.vectors["text"].tolist() == [[0.0, 1.0], [1.0, 1.0]]
    path = component(model=TEXT, signals={"embeddings": {"text": "response:$.state"}})
    answer = {"choices": [{"message": {"content": "yes"}}], "state": [[0.5, 2.0]]}
    chat = exchange(CHAT_PATH, {"messages": [{"role": "user", "content": "?"}]}, answer)
    captured = Capture(path, KEYED, embed=("text",)).alone(chat)
    assert captured.vectors["text"].tolist() == [[0.5, 2.0]]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([[1, 2], [3, 4]], [[1, 2], [3, 4]]),
        ([[1.0, 2.0], None], [[1, 2], [np.nan, np.nan]]),
        ([None, [1.0]], [[np.nan], [1]]),
        ([[1.0, 2.0], [1.0]], [[1, 2], [np.nan, np.nan]]),
        (["[1, 2.5]", "no list", "[1"], [[1, 2.5], [np.nan] * 2, [np.nan] * 2]),
        ([[1.0, "x"], {"a": 1}], None),
        ([1.0, 2.0], None),
        ([[], []], None),
        ([[0.0] * (MOST_COORDINATES + 1)], None),
    ],
)
def test_what_is_a_vector(rows: list[Any], expected: list[Any] | None) -> None:
    """Lists of one width; anything else is missing, and breaks nothing."""
    array = np.empty(len(rows), dtype=object)
    array[:] = rows
    found = vectors_of(array)
    assert (found is None) == (expected is None)
    if found is not None:
        np.testing.assert_array_equal(found, np.array(expected, dtype=np.float32))


def test_huge_numbers_are_no_embedding() -> None:
    """Beyond 32-bit floats a coordinate is infinite: no projection takes the vector."""
    found = vectors_of(np.array([[1e300, 1.0], [1.0, 1.0]]))
    assert found is not None
    assert np.isinf(found[0, 0])


def test_an_embedding_of_a_table_is_refused(tmp_path: Path) -> None:
    """Of text, image and voice only; the problem names the place."""
    text = OFFLINE.replace("modality: [text]", "modality: [tabular]")
    (tmp_path / "c.yaml").write_text(text.replace("{text: column", "{tabular: column"))
    (problem,) = read_components([tmp_path / "c.yaml"]).problems
    assert problem.path == "spec.signals.embeddings.tabular"
