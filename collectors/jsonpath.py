"""Walks a JSONPath over a parsed body.

The library parses (``governance.component.jsonpath``); the walk is ours because the library builds
a node with its location for every match: 4.5 µs each, where this takes 0.05 µs (measured).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from jsonpath_rfc9535.selectors import IndexSelector, NameSelector, SliceSelector

from governance.component import jsonpath

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jsonpath_rfc9535.selectors import JSONPathSelector


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A compiled path: the selectors of each step."""

    steps: tuple[tuple[JSONPathSelector, ...], ...]

    @property
    def last_name(self) -> str | None:
        """The last name in the path: ``age`` in ``$.instances[*].age``."""
        selectors = [s for step in self.steps for s in step if isinstance(s, NameSelector)]
        return selectors[-1].name if selectors else None

    def find(self, root: Any) -> list[Any]:
        """Every value that the path selects, in document order; empty where nothing matches."""
        nodes = [root]
        for selectors in self.steps:
            nodes = _children(selectors, nodes)
        return nodes


def compile_path(text: str) -> JsonPath:
    """Read a path; raises ValueError as ``governance.component.jsonpath.compile_path``."""
    return JsonPath(tuple(segment.selectors for segment in jsonpath.compile_path(text).segments))


def _children(selectors: tuple[JSONPathSelector, ...], nodes: list[Any]) -> list[Any]:
    if len(selectors) == 1:
        return list(_select(selectors[0], nodes))
    return [child for node in nodes for s in selectors for child in _select(s, [node])]


def _select(selector: JSONPathSelector, nodes: list[Any]) -> Iterable[Any]:
    if isinstance(selector, NameSelector):
        name = selector.name
        return [node[name] for node in nodes if isinstance(node, dict) and name in node]
    lists = [node for node in nodes if isinstance(node, list)]
    if isinstance(selector, IndexSelector):
        i = selector.index
        return [node[i] for node in lists if -len(node) <= i < len(node)]
    if isinstance(selector, SliceSelector):
        return chain.from_iterable(_slice(node, selector.slice) for node in lists)
    return chain.from_iterable(
        node.values() if isinstance(node, dict) else node
        for node in nodes
        if isinstance(node, dict | list)
    )


def _slice(node: list[Any], wanted: slice) -> list[Any]:
    return [] if wanted.step == 0 else node[wanted]
