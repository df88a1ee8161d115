"""YAML files as values that know their lines.

Keys are text as written (``on:`` is "on" and ``1:`` is "1", whatever YAML 1.1 makes of them), a
key that stands twice is a problem, and neither size, nor nesting, nor aliases can exhaust the
process.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from governance.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_FILE_BYTES = 1024 * 1024
MAX_NODES = 100_000  # values of one file with its aliases written out
MAX_DEPTH = 64

Steps = tuple[str | int, ...]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONTROL = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: its value, and the line (1-based) of each path in it."""

    file: str
    value: Any
    lines: dict[Steps, int] = field(default_factory=dict)

    def line(self, path: Steps) -> int | None:
        """The line of ``path``, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)

    def problem(self, path: Steps, message: str) -> Problem:
        """A problem at ``path``."""
        return Problem(self.file, self.line(path), dotted(path), message)


def dotted(path: Steps) -> str:
    """``spec.model.modality[0]``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def read_documents(path: Path) -> tuple[list[Document], list[Problem]]:
    """All documents of a file that are not empty, and what is wrong with the file as YAML."""
    file = str(path)
    try:
        raw = path.read_bytes() if path.stat().st_size <= MAX_FILE_BYTES else None
    except OSError as error:
        return [], [Problem(file, None, "", f"cannot be read: {error.strerror}")]
    if raw is None:
        size = path.stat().st_size
        return [], [Problem(file, None, "", f"is {size:,} bytes, at most {MAX_FILE_BYTES:,}")]
    return parse_documents(raw, file)


def parse_documents(raw: bytes, file: str) -> tuple[list[Document], list[Problem]]:
    """All documents of a text that are not empty, and what is wrong with it as YAML."""
    try:
        text = _text(raw, file)
        _check_depth(text, file)
        reader = _Reader(file)
        documents = [reader.read(node) for node in yaml.compose_all(text, _LOADER)]
    except _Unreadable as error:
        return [], [error.problem]
    except yaml.MarkedYAMLError as error:
        return [], [_syntax(error, file)]
    return [document for document in documents if document.value is not None], reader.problems


class _Unreadable(Exception):
    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


def _text(raw: bytes, file: str) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _Unreadable(Problem(file, line, "", "is not UTF-8 text")) from None
    found = _CONTROL.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        message = f"holds the control character {ord(found[0]):#04x}: is this a YAML file?"
        raise _Unreadable(Problem(file, line, "", message))
    return text


def _check_depth(text: str, file: str) -> None:
    # The composer is recursive; the parser is not. So depth is looked at before composing.
    depth = 0
    for event in yaml.parse(text, _LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            line = None if event.start_mark is None else event.start_mark.line + 1
            message = f"is nested deeper than {MAX_DEPTH} levels"
            raise _Unreadable(Problem(file, line, "", message))


def _syntax(error: yaml.MarkedYAMLError, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    line = None if mark is None else mark.line + 1
    words = " ".join(part for part in (error.context, error.problem) if part)
    return Problem(file, line, "", f"is not valid YAML: {words}")


class _Reader:
    """Turns the nodes of one file into values, and notes lines and problems on the way."""

    def __init__(self, file: str) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._lines: dict[Steps, int] = {}
        self._nodes = 0
        self._scalars = yaml.SafeLoader("")

    def read(self, node: yaml.Node) -> Document:
        self._lines = {(): node.start_mark.line + 1}
        return Document(self._file, self._value(node, ()), self._lines)

    def _value(self, node: yaml.Node, path: Steps) -> Any:
        self._nodes += 1
        if self._nodes > MAX_NODES or len(path) > MAX_DEPTH:
            message = f"holds more than {MAX_NODES:,} values once its aliases are written out"
            raise self._unreadable(node, path, message)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._item(item, (*path, i)) for i, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _item(self, node: yaml.Node, path: Steps) -> Any:
        self._lines[path] = node.start_mark.line + 1
        return self._value(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Steps) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for key_node, value_node, merged in _entries(node):
            key = self._key(key_node, path)
            place = (*path, key)
            if key not in value:
                self._lines[place] = key_node.start_mark.line + 1
                value[key] = self._value(value_node, place)
            elif not merged:
                line = key_node.start_mark.line + 1
                message = f"stands twice, first in line {self._lines[place]}"
                self.problems.append(Problem(self._file, line, dotted(place), message))
        return value

    def _key(self, node: yaml.Node, path: Steps) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self._unreadable(node, path, "has a key that is not text")
        if "\0" in node.value:
            raise self._unreadable(node, path, "has a key with a NUL character: take it out")
        return str(node.value)

    def _scalar(self, node: yaml.Node, path: Steps) -> Any:
        if "\0" in node.value:  # written as an escape; neither headers nor databases can hold it
            raise self._unreadable(node, path, "holds a NUL character: take it out")
        try:
            return self._scalars.construct_object(node)
        except (yaml.YAMLError, ValueError, OverflowError):
            message = f"{str(node.value)[:60]!r} is not a value that YAML knows: put it in quotes"
            raise self._unreadable(node, path, message) from None

    def _unreadable(self, node: yaml.Node, path: Steps, message: str) -> _Unreadable:
        return _Unreadable(Problem(self._file, node.start_mark.line + 1, dotted(path), message))


def _entries(node: yaml.MappingNode) -> Iterator[tuple[yaml.Node, yaml.Node, bool]]:
    """Keys and values of a mapping, its own first, then those merged in by ``<<``."""
    merges: list[yaml.Node] = []
    for key, value in node.value:
        if key.tag == _MERGE:
            merges += value.value if isinstance(value, yaml.SequenceNode) else [value]
        else:
            yield key, value, False
    for part in merges:
        if isinstance(part, yaml.MappingNode):
            yield from ((k, v, True) for k, v in part.value if k.tag != _MERGE)
