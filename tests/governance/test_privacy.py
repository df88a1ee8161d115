"""What may leave the pod."""

from __future__ import annotations

import hashlib
import hmac
import json
import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.component.schema import Component
from governance.errors import ConfigError, PermanentError
from governance.event import BatchSum, Column, EventBatch, LabelBatch
from governance.privacy import (
    PrivacyFilter,
    Pseudonymiser,
    load_key,
    open_pseudonymiser,
    significant,
)
from governance.wire.columns import encode_events

if TYPE_CHECKING:
    from pathlib import Path

KEY = bytes(range(32))
SIGNALS = {
    "prediction": "column:decision",
    "favourable": {"in": ["approve", 1]},
    "label": {"from": "column:outcome", "favourable": {"in": ["repaid"]}},
    "groups": {
        "sex": {"from": "column:SEX", "names": {"1": "male", "2": "female"}},
        "race": {"from": "column:RACE", "names": {"1": "white"}, "others": "pool"},
    },
}


def _component(**privacy: Any) -> Component:
    return Component.model_validate(
        {
            "apiVersion": "apexlogic.io/v1alpha1",
            "kind": "MultimodalAIComponent",
            "metadata": {"name": "credit", "namespace": "bank"},
            "spec": {
                "model": {"name": "m", "version": "1", "modality": ["tabular"]},
                "signals": SIGNALS,
                "governance": {"dataPrivacy": privacy},
            },
        }
    )


def _filter(**privacy: Any) -> PrivacyFilter:
    return PrivacyFilter(_component(**privacy), Pseudonymiser(KEY))


def _texts(name: str, *texts: str | None, **privacy: Any) -> tuple[str, ...]:
    batch = EventBatch("1", len(texts), {name: Column.encode(list(texts))})
    return _filter(**privacy).events(batch).columns[name].dictionary or ()


def test_an_event_id_is_sixteen_bytes_of_hmac() -> None:
    """The pseudonym can be computed again by anybody who holds the key, and by nobody else."""
    expected = hmac.new(KEY, b"event\0order-17", hashlib.sha256).digest()[:16]
    assert Pseudonymiser(KEY).event_ids(["order-17"]).tobytes() == expected


def test_two_keys_name_one_event_differently() -> None:
    """Without the key nothing can be joined."""
    ids = [Pseudonymiser(key).event_ids(["a"]).tobytes() for key in (KEY, KEY[::-1])]
    assert ids[0] != ids[1]


def test_a_category_has_another_code_in_each_attribute() -> None:
    """Equal values of two attributes cannot be linked."""
    keyed = Pseudonymiser(KEY)
    assert keyed.category_code("group.a", "x") != keyed.category_code("group.b", "x")
    assert keyed.category_code("group.a", "x") == Pseudonymiser(KEY).category_code("group.a", "x")


def test_a_text_without_utf8_form_has_a_pseudonym() -> None:
    """A lone surrogate in an id is no reason to fail."""
    assert Pseudonymiser(KEY).event_ids(["\ud800"]).shape == (1,)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("group.sex", "male"),
        ("group.race", "white"),
        ("group.race", "other"),
        ("prediction", "approve"),
        ("prediction", "1"),
        ("label", "repaid"),
        ("label", "approve"),
    ],
)
def test_declared_names_show(name: str, text: str) -> None:
    """What ``spec.signals`` names in Git is no secret."""
    assert _texts(name, text) == (text,)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("group.sex", "3"),
        ("group.sex", "other"),
        ("group.age", "male"),
        ("prediction", "reject"),
        ("tabular.job", "nurse"),
        ("tabular.job", "approve"),
    ],
)
def test_every_other_text_travels_as_a_keyed_code(name: str, text: str) -> None:
    """Drift still works on codes; the text itself is nowhere."""
    assert _texts(name, text) == (Pseudonymiser(KEY).category_code(name, text),)


def test_open_lets_texts_be() -> None:
    """At the level ``open`` categories keep their names."""
    assert _texts("tabular.job", "nurse", level="open") == ("nurse",)


def test_codes_and_missing_stay() -> None:
    """Only the dictionary changes; which row has which entry does not."""
    batch = EventBatch("1", 3, {"group.sex": Column.encode(["male", None, "9"])})
    assert _filter().events(batch).columns["group.sex"].values.tolist() == [0, -1, 1]


def test_numbers_are_exact_unless_anonymisation_is_required() -> None:
    """The default level copies numbers."""
    batch = EventBatch("1", 1, {"tabular.income": Column(np.array([51_234.5]))})
    assert _filter().events(batch).columns["tabular.income"].values.tolist() == [51_234.5]


def test_anonymisation_keeps_three_digits_and_whole_seconds() -> None:
    """Numbers and times become coarse; the sampling weight stays exact."""
    batch = EventBatch(
        "1",
        1,
        {
            "time": Column(np.array([1_700_000_000_999_999], dtype="<i8")),
            "tabular.income": Column(np.array([51_254.5])),
            "input_tokens": Column(np.array([12_345], dtype="<i4")),
            "weight": Column(np.array([3.14159])),
        },
    )
    columns = _filter(anonymizationRequired=True).events(batch).columns
    assert columns["time"].values.tolist() == [1_700_000_000_000_000]
    assert columns["tabular.income"].values.tolist() == [51_300.0]
    assert columns["input_tokens"].values.tolist() == [12_300]
    assert columns["weight"].values.tolist() == [3.14159]


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=10))
@settings(max_examples=100, deadline=None)
def test_three_digits_are_those_of_the_decimal_notation(numbers: list[float]) -> None:
    """The vectorised rounding is Python's ``.2e`` up to a tie and the last bit."""
    rounded = significant(np.array(numbers, dtype=np.float64))
    for number, got in zip(numbers, rounded.tolist(), strict=True):
        if np.isfinite(number) and 1e-280 < abs(number) < 1e305:
            assert abs(got - float(f"{number:.2e}")) <= abs(number) * 1.001e-2
            assert abs(got - number) <= abs(number) * 0.50001e-2
        elif not np.isfinite(number):
            assert str(got) == str(number)


@pytest.mark.parametrize(
    "values",
    [np.array(["raw text"]), np.array([b"raw"]), np.array([{"a": 1}]), np.zeros(1, dtype="V8")],
)
def test_what_has_no_type_of_the_list_does_not_leave(values: np.ndarray[Any, Any]) -> None:
    """Text, bytes and objects are refused whatever the column is called."""
    with pytest.raises(PermanentError, match="may leave the pod"):
        _filter().events(EventBatch("1", 1, {"tabular.note": Column(values)}))


def test_a_sum_over_few_events_does_not_leave() -> None:
    """Nineteen events show too much of each."""
    few = {"text.fourier.a": BatchSum(np.zeros(2, dtype=np.int64), 19)}
    with pytest.raises(PermanentError, match="19 events"):
        _filter().events(EventBatch("1", 0, {}, few))


def test_vectors_do_not_leave() -> None:
    """Not even at the level open: an embedding shows too much of what it was made of."""
    batch = EventBatch("1", 2, {}, vectors={"text": np.zeros((2, 4))})
    with pytest.raises(PermanentError, match=r"vectors \(text\) may not leave the pod"):
        _filter().events(batch)


def test_labels_are_filtered_like_events() -> None:
    """The label door applies the same rule."""
    labels = LabelBatch(2, {"label": Column.encode(["repaid", "defaulted"])})
    code = Pseudonymiser(KEY).category_code("label", "defaulted")
    assert _filter().labels(labels).columns["label"].dictionary == ("repaid", code)


@given(st.text(min_size=4, max_size=12), st.sampled_from(["group.sex", "tabular.a", "prediction"]))
@settings(max_examples=60, deadline=None)
def test_no_undeclared_text_is_in_the_message(text: str, name: str) -> None:
    """A canary in any column is not found in the bytes that leave, raw, as JSON or as hex."""
    canary = f"canary-{text}"
    columns = {
        "event_id": Column(Pseudonymiser(KEY).event_ids([canary])),
        "time": Column(np.zeros(1, dtype="<i8")),
        name: Column.encode([canary]),
    }
    message = encode_events(_filter().events(EventBatch("1", 1, columns)))
    raw = canary.encode("utf-8", "replace")
    for shape in (raw, json.dumps(canary)[1:-1].encode(), raw.hex().encode()):
        assert shape not in message


def test_a_key_is_made_once_and_kept(tmp_path: Path) -> None:
    """The second load reads what the first wrote; only the owner may."""
    key = load_key(tmp_path / "keys", "bank", create=True)
    assert len(key) == 32
    assert load_key(tmp_path / "keys", "bank") == key
    assert stat.S_IMODE((tmp_path / "keys" / "bank.key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["bank.key"]


def test_processes_that_make_a_key_at_once_get_the_same(tmp_path: Path) -> None:
    """The first one wins, nobody reads half a key."""
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: load_key(tmp_path, "bank", create=True), range(32)))
    assert len(keys) == 1


def test_a_missing_key_names_the_file_and_the_remedy(tmp_path: Path) -> None:
    """The operator reads where the key must be and how to make one."""
    with pytest.raises(ConfigError, match=r"bank\.key is not there: write 64 random hex digits"):
        load_key(tmp_path, "bank")


def test_without_a_folder_the_setting_is_named() -> None:
    """The operator reads which setting is absent."""
    with pytest.raises(ConfigError, match=r"privacy\.keyDirectory"):
        open_pseudonymiser(_component(), None)


@pytest.mark.parametrize("text", ["", "zz", "ab" * 31, "ab" * 33, "\x00"])
def test_a_file_that_holds_no_key_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    """The message has the path, never the content."""
    (tmp_path / "bank.key").write_text(text)
    with pytest.raises(ConfigError, match="64 hex digits") as caught:
        load_key(tmp_path, "bank")
    assert not text or text not in str(caught.value)


def test_open_needs_no_key() -> None:
    """The level ``open`` names events by an unkeyed hash, the same in every process."""
    ids = open_pseudonymiser(_component(level="open"), None).event_ids(["a"])
    assert ids.tobytes() == Pseudonymiser(b"").event_ids(["a"]).tobytes()
