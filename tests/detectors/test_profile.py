from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detectors.feature_reference import FeatureReference
from detectors.profile import is_profile, parse_profile, profile_text, read_profile, write_profile
from detectors.reference import Reference, WindowCut, build_reference, canonical_json
from governance.algebra.bins import CategoryBins
from governance.errors import ConfigError
from governance.event import Column, EventBatch
from tests.detectors.scenes import component

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def reference() -> Reference:
    rng = np.random.default_rng(0)
    columns = {
        "tabular.age": Column(np.append(rng.normal(size=1_998), [np.nan, np.inf])),
        "tabular.plan": Column.encode([f"plan é {k % 30}" for k in range(2_000)]),
        "prediction": Column.encode(["0", "1"] * 1_000),
        "score": Column(rng.random(2_000)),
        "time": Column(np.arange(2_000) * 1_000_000),
    }
    counts = rng.poisson(0.2, (2_000, 512)).astype(np.uint16)
    declared = component(
        model={"name": "scorer", "version": "1", "modality": ["tabular", "text"]},
        monitoring={"windows": {"events": 100}},
    )
    return build_reference(EventBatch("1", 2_000, columns, vectors={"text": counts}), declared)


def edited(reference: Reference, change: Any) -> str:
    """The profile after ``change`` was done to its content, with the hash made right again."""
    content = reference.content()
    change(content)
    text = canonical_json(content)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f'{{"format":"evenhand.reference/v1","id":"{digest}","reference":{text}}}'


def test_round_trip(reference: Reference, tmp_path: Path) -> None:
    """What is written is read back: the same id, the same text, the same content."""
    path = tmp_path / "profile.json"
    write_profile(path, reference)
    again = read_profile(path)
    assert again.id == reference.id
    assert profile_text(again) == path.read_text()


def test_profiles_are_told_from_rows(reference: Reference) -> None:
    """The head of a file says whether it is a profile."""
    assert is_profile(profile_text(reference).encode()[:200])
    assert not is_profile(b"age,plan\n17,basic\n")


def test_another_byte_is_noticed(reference: Reference) -> None:
    """A profile whose content was edited names the field id and the remedy."""
    text = profile_text(reference).replace('"rows":2000', '"rows":2001')
    with pytest.raises(ConfigError, match=r"p\.json.*rows is 2001.*evenhand baseline"):
        parse_profile(text, "p.json")
    text = profile_text(reference).replace('"ordered":true', '"ordered":false')
    with pytest.raises(ConfigError, match=r"p\.json: id: is .* edited or damaged: build it again"):
        parse_profile(text, "p.json")


@pytest.mark.parametrize(
    "text", ["", "{", "[1", "age,plan\n", '"evenhand.reference/v1"', "[" * 9999]
)
def test_damaged_text(text: str) -> None:
    """Text that is no JSON object of this format is refused, whatever it is."""
    with pytest.raises(ConfigError, match=r"p\.json: .*evenhand baseline"):
        parse_profile(text, "p.json")


def test_bytes_that_are_no_text() -> None:
    """Bytes that are not UTF-8 are refused like other damage."""
    with pytest.raises(ConfigError, match="damaged"):
        parse_profile(b"\xff\xfe{}\x00", "p.json")


def test_another_format(reference: Reference) -> None:
    """A newer format names what this build reads."""
    text = profile_text(reference).replace("/v1", "/v2")
    with pytest.raises(ConfigError, match=r"'evenhand\.reference/v2', this build reads"):
        parse_profile(text, "p.json")


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there is named."""
    with pytest.raises(ConfigError, match=r"nowhere\.json: cannot be read: No such file"):
        read_profile(tmp_path / "nowhere.json")


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda c: c.update(rows=-1), r"\$.rows"),
        (lambda c: c.update(extra=1), "extra"),
        (lambda c: c["windows"].update(pane=7), "windows: length 100"),
        (lambda c: c["inputs"]["tabular.age"]["edges"].reverse(), "tabular.age.edges"),
        (lambda c: c["inputs"]["tabular.age"]["counts"].pop(), "tabular.age.counts"),
        (lambda c: c["inputs"]["tabular.age"].update(minimum=9e9), "tabular.age.minimum"),
        (lambda c: c["inputs"]["tabular.age"].update(sd=-1), "sd"),
        (lambda c: c["inputs"]["tabular.plan"]["kept"].__setitem__(0, "plan é 1"), "twice"),
        (lambda c: c["inputs"]["tabular.plan"].update(kind="text"), "kind"),
        (lambda c: c["outputs"]["1"]["score"]["ladder"].reverse(), "outputs.1.score.ladder"),
        (lambda c: c["outputs"]["1"]["score"]["ladder"].__setitem__(0, [1, 5, 0.5]), "ladder"),
        (
            lambda c: c["embeddings"]["text"]["sums"].pop(),
            r"text\.sums: has 2047 numbers, not 2048",
        ),
        (lambda c: c["embeddings"]["text"]["null"].pop(), "null"),
        (lambda c: c["embeddings"]["text"]["ladder"].reverse(), r"embeddings\.text\.ladder"),
        (lambda c: c["embeddings"]["text"]["projection"].update(seed=1), r"numpy draws"),
        (lambda c: c["embeddings"]["text"]["projection"].update(h=0), "h"),
        (lambda c: c["embeddings"]["text"]["projection"].update(pairs=9**9), "pairs"),
        (lambda c: c["embeddings"]["text"]["projection"]["scale"].clear(), "scale"),
    ],
)
def test_content_that_does_not_fit(reference: Reference, change: Any, where: str) -> None:
    """A hand-made profile with a right hash is still checked, field by field."""
    with pytest.raises(ConfigError, match=where):
        parse_profile(edited(reference, change), "p.json")


def test_embeddings_come_back(reference: Reference) -> None:
    """Projection, sums, null and ladder, to the last digit."""
    stored = parse_profile(profile_text(reference), "p.json").embeddings["text"]
    known = reference.embeddings["text"]
    assert (stored.projection, stored.rows, stored.null) == (
        known.projection,
        known.rows,
        known.null,
    )
    assert np.array_equal(stored.sums, known.sums)
    assert stored.ladder == known.ladder
    assert known.ladder


def test_references_without_embeddings_keep_their_id() -> None:
    """The hash of a reference of tables is that of builds that knew no embeddings."""
    feature = FeatureReference(CategoryBins(("a",), ()), np.array([5, 0, 0, 1]))
    cut = WindowCut("events", 3, 3)
    tables = Reference(6, ordered=False, windows=cut, inputs={"tabular.x": feature}, outputs={})
    assert tables.id == "b024817558efc1a2364b2ae24fcb2703e46b2424779350481d48bb0529d32d15"


def test_canonical_text_is_plain_json(reference: Reference) -> None:
    """A profile is one line of ASCII that any JSON reader reads."""
    text = profile_text(reference)
    assert text.isascii()
    assert text.count("\n") == 1
    assert json.loads(text)["reference"]["rows"] == 2_000
