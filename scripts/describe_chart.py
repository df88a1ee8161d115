"""Make README.md and values.schema.json of the Helm chart from its values.yaml.

    python scripts/describe_chart.py [--check]

A value's comment is its description; a line ``# schema: {...}`` in it adds JSON Schema. The schema
is closed: a key that is not there is refused. With --check nothing is written, exit code 1 tells
that a file is not what it would be.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[1] / "helm/evenhand"
_TYPES = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}


@dataclass(frozen=True, slots=True)
class Value:
    """One value: its path, default, description and what more its schema says."""

    path: tuple[str, ...]
    default: Any
    words: str
    schema: dict[str, Any]


def main(arguments: list[str]) -> int:
    """Write, or compare."""
    values = read_values((CHART / "values.yaml").read_text())
    made = {"README.md": readme(values), "values.schema.json": schema_text(values)}
    stale = [n for n, text in made.items() if not _same(CHART / n, text)]
    if "--check" in arguments:
        for name in stale:
            print(f"{name} is not what values.yaml says: python scripts/describe_chart.py")
        return 1 if stale else 0
    for name in stale:
        (CHART / name).write_text(made[name])
    return 0


def _same(file: Path, text: str) -> bool:
    return file.is_file() and file.read_text() == text


def read_values(text: str) -> list[Value]:
    """Every value that has a comment of its own; raises ValueError for a leaf without one."""
    return list(_walk(yaml.compose(text), yaml.safe_load(text), text.splitlines(), ()))


def _walk(node: Any, value: Any, lines: list[str], path: tuple[str, ...]) -> Any:
    for key_node, value_node in node.value:
        key, line = key_node.value, key_node.start_mark.line
        words, schema = _comment(lines, line, key_node.start_mark.column)
        default = value[key]
        if words and path:
            yield Value((*path, key), default, words, schema)
        elif isinstance(default, dict) and default:
            yield from _walk(value_node, default, lines, (*path, key))
        else:
            raise ValueError(f"{'.'.join((*path, key))} has no comment")


def _comment(lines: list[str], line: int, column: int) -> tuple[str, dict[str, Any]]:
    prefix = f"{' ' * column}#"
    found: list[str] = []
    while line > 0 and lines[line - 1].startswith(prefix):
        line -= 1
        found.insert(0, lines[line][len(prefix) :].strip())
    schema = [text.removeprefix("schema:") for text in found if text.startswith("schema:")]
    words = " ".join(text for text in found if not text.startswith("schema:"))
    return words, json.loads(schema[0]) if schema else {}


def schema_text(values: list[Value]) -> str:
    """JSON Schema (draft 7) that takes these values and no others."""
    root: dict[str, Any] = {"$schema": "http://json-schema.org/draft-07/schema#"} | _closed()
    root["properties"]["global"] = {"type": "object"}  # Helm's own
    for value in values:
        place = root
        for step in value.path[:-1]:
            place = place["properties"].setdefault(step, _closed())
        place["properties"][value.path[-1]] = _leaf(value)
    return json.dumps(root, indent=2) + "\n"


def _closed() -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": {}}


def _leaf(value: Value) -> dict[str, Any]:
    kind = _TYPES[type(value.default)]
    return {"type": kind, "description": value.words} | value.schema


def readme(values: list[Value]) -> str:
    """The chart's page: how to install, then a section for each block of values."""
    parts = [(CHART / "README.head.md").read_text()]
    block = ""
    for value in values:
        if value.path[0] != block:
            block = value.path[0]
            parts.append(f"\n### {block}\n\n| value | default | meaning |\n|---|---|---|\n")
        default = json.dumps(value.default)
        words = value.words.replace("|", "\\|")
        parts.append(f"| `{'.'.join(value.path)}` | `{default}` | {words} |\n")
    return "".join(parts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
