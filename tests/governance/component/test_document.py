"""YAML with lines, and YAML that means harm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from governance.component.document import (
    MAX_FILE_BYTES,
    Document,
    dotted,
    parse_documents,
    read_documents,
)

if TYPE_CHECKING:
    from pathlib import Path


def _one(text: str) -> Document:
    documents, problems = parse_documents(text.encode(), "f.yaml")
    assert problems == []
    (document,) = documents
    return document


def _problem(raw: bytes) -> str:
    documents, problems = parse_documents(raw, "f.yaml")
    assert len(problems) == 1, documents
    return str(problems[0])


def test_every_path_has_its_line() -> None:
    """Keys and items are found where they stand."""
    document = _one("a:\n  b:\n  - 1\n  - c: 2\n")
    assert document.value == {"a": {"b": [1, {"c": 2}]}}
    assert [document.line(p) for p in [("a",), ("a", "b", 0), ("a", "b", 1, "c")]] == [1, 3, 4]


def test_a_path_that_is_not_there_has_the_line_around_it() -> None:
    """A missing key is reported at its parent."""
    assert _one("x: 1\na:\n  b: 1\n").line(("a", "c", "d")) == 2


def test_paths_read_like_code() -> None:
    """Dots for keys, brackets for items."""
    assert dotted(("spec", "actions", 0, "do")) == "spec.actions[0].do"


def test_keys_are_text_as_written() -> None:
    """``on``, ``no`` and ``1`` are names here, whatever YAML 1.1 makes of them."""
    assert _one("on: 1\n1: 2\nno: 3\n").value == {"on": 1, "1": 2, "no": 3}


def test_several_documents_come_in_order_and_empty_ones_do_not() -> None:
    """``---`` separates; nothing between two separators is nothing."""
    documents, _ = parse_documents(b"a: 1\n---\n---\nb: 2\n", "f.yaml")
    assert [(d.value, d.line(())) for d in documents] == [({"a": 1}, 1), ({"b": 2}, 4)]


def test_a_key_that_stands_twice_is_a_problem() -> None:
    """The second one is located, and says where the first is."""
    assert _problem(b"a:\n  b: 1\n  b: 2\n") == "f.yaml:3: a.b: stands twice, first in line 2"


def test_aliases_and_merges_are_written_out() -> None:
    """Anchors are fine where they are few; own keys win over merged ones."""
    value = _one("a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3\nc: *x\n").value
    assert value == {"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 3}, "c": {"p": 1, "q": 2}}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"a: [1, 2\nb: 3\n", "is not valid YAML"),
        (b"a: b: c\n", "f.yaml:1: is not valid YAML"),
        (b"a: !!python/object:os.system x\n", "f.yaml:1: a: 'x' is not a value that YAML knows"),
        (b"a:\n  b: 2024-13-45\n", "f.yaml:2: a.b: '2024-13-45' is not a value"),
        (b"a: *nobody\n", "f.yaml:1: is not valid YAML: found undefined alias"),
        (b"a: 1\nb: \x00\n", "f.yaml:2: holds the control character 0x00"),
        (b'a: 1\nb: "x\\0y"\n', "f.yaml:2: b: holds a NUL character"),
        (b'a: {"x\\0y": 1}\n', "f.yaml:1: a: has a key with a NUL character"),
        (b"a: 1\nb: \xff\n", "f.yaml:2: is not UTF-8"),
        (b"? [1, 2]\n: 3\n", "f.yaml:1: has a key that is not text"),
        (b"[" * 100_000, "is nested deeper than 64 levels"),
        (b"a: &a [*a]\n", "once its aliases are written out"),
        (
            b"a: &a [x,x,x,x,x,x,x,x,x,x]\n"
            + b"".join(
                f"{name}: &{name} [{','.join(['*' + before] * 10)}]\n".encode()
                for before, name in zip("abcdefgh", "bcdefghi", strict=True)
            ),
            "holds more than 100,000 values once its aliases are written out",
        ),
    ],
)
def test_what_cannot_be_read_says_where_and_why(raw: bytes, message: str) -> None:
    """Defects and attacks alike end in one located message."""
    assert message in _problem(raw)


def test_ten_megabytes_are_refused_unread(tmp_path: Path) -> None:
    """A file that large is no component."""
    path = tmp_path / "large.yaml"
    path.write_bytes(b"#" * (10 * MAX_FILE_BYTES))
    _, problems = read_documents(path)
    assert str(problems[0]) == f"{path}: is 10,485,760 bytes, at most 1,048,576"


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    """The system's own words, with the path."""
    _, problems = read_documents(tmp_path / "none.yaml")
    assert str(problems[0]).endswith("none.yaml: cannot be read: No such file or directory")
