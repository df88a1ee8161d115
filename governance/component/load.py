"""Components from files and folders, all problems of all files at once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from governance.component import checks
from governance.component.document import Document, read_documents
from governance.component.json_schema import with_schema_of_file
from governance.component.located import read_model
from governance.component.notices import notices
from governance.component.schema import API_VERSION, KIND, Component
from governance.errors import InvalidComponent, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

_SUFFIXES = frozenset({".yaml", ".yml", ".json"})
_GROUP = API_VERSION.partition("/")[0]


@dataclass(frozen=True, slots=True)
class LoadedComponent:
    """A component and where it came from.

    ``canonical`` is what a generation records: sorted JSON of identity and spec, from which
    ``read_canonical`` makes the same component again.
    """

    component: Component
    file: Path
    canonical: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found under some paths: components, what is wrong, and what is worth knowing."""

    components: tuple[LoadedComponent, ...]
    problems: tuple[Problem, ...]
    notices: tuple[Problem, ...]


def load_components(paths: Iterable[Path]) -> list[LoadedComponent]:
    """Read every component under files and folders.

    Raises
    ------
    InvalidComponent
        With every problem of every file, where there is one.
    """
    reading = read_components(paths)
    if reading.problems:
        raise InvalidComponent(reading.problems)
    return list(reading.components)


def read_components(paths: Iterable[Path]) -> Reading:
    """Read every component under files and folders; nothing is raised for what is wrong."""
    loaded: list[LoadedComponent] = []
    problems: list[Problem] = []
    remarks: list[Problem] = []
    for path in paths:
        files, missing = _files(path)
        problems += missing
        for file in files:
            reading = _read_file(file)
            loaded += reading.components
            problems += reading.problems
            remarks += reading.notices
    problems += _twice(loaded)
    return Reading(tuple(loaded), tuple(problems), tuple(remarks))


def read_object(value: dict[str, Any], name: str) -> Reading:
    """Read one parsed object, as files are read; problems have its name and no lines."""
    return _read_documents([Document(name, value)], Path(name))


def read_canonical(text: str) -> Component:
    """The component of a ``LoadedComponent.canonical``."""
    return Component.model_validate(json.loads(text))


def _files(path: Path) -> tuple[list[Path], list[Problem]]:
    if not path.is_dir():
        return [path], []
    # Hidden folders are left out: a mounted ConfigMap keeps its real files in one.
    found = [
        file
        for file in sorted(path.rglob("*"))
        if file.suffix in _SUFFIXES
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
        and file.is_file()
    ]
    empty = [Problem(str(path), None, "", "this folder holds no .yaml, .yml or .json file")]
    return found, [] if found else empty


def _read_file(file: Path) -> Reading:
    documents, problems = read_documents(file)
    if not documents and not problems:
        problems = [Problem(str(file), None, "", f"holds no {KIND}: the file is empty")]
    reading = _read_documents(documents, file)
    return Reading(reading.components, (*problems, *reading.problems), reading.notices)


def _read_documents(documents: Iterable[Document], file: Path) -> Reading:
    loaded: list[LoadedComponent] = []
    problems: list[Problem] = []
    remarks: list[Problem] = []
    for document in documents:
        if _is_foreign(document.value):
            kind = document.value["kind"]
            remarks.append(document.problem((), f"skipped: a {kind} is not ours"))
            continue
        component, found = read_model(Component, document)
        problems += found
        if component is not None:
            component, wrong = _with_schema(component, file)
            problems += [document.problem(*remark) for remark in wrong]
            problems += [document.problem(*remark) for remark in checks.problems(component)]
            remarks += [document.problem(*remark) for remark in notices(component, document.value)]
            loaded.append(LoadedComponent(component, file, _canonical(document)))
    return Reading(tuple(loaded), tuple(problems), tuple(remarks))


def _with_schema(component: Component, file: Path) -> tuple[Component, list[checks.Remark]]:
    """The component with the schema of answers that a file beside it holds, and what is wrong."""
    try:
        return with_schema_of_file(component, file), []
    except ValueError as error:
        return component, [(("spec", "signals", "responseSchema"), str(error))]


def _is_foreign(value: Any) -> bool:
    """Whether a document says clearly that it is another kind of Kubernetes object."""
    if not isinstance(value, dict):
        return False
    version, kind = value.get("apiVersion"), value.get("kind")
    if not isinstance(version, str) or not isinstance(kind, str):
        return False
    return kind != KIND and version.partition("/")[0] != _GROUP


def _canonical(document: Document) -> str:
    value = document.value
    metadata = {k: v for k, v in value["metadata"].items() if k in {"name", "namespace"}}
    kept = {key: value[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": metadata}
    return json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _twice(loaded: list[LoadedComponent]) -> list[Problem]:
    first: dict[object, LoadedComponent] = {}
    problems = []
    for item in loaded:
        other = first.setdefault(item.component.key, item)
        if other is not item:
            message = f"{item.component.key} is declared twice, first in {other.file}"
            problems.append(Problem(str(item.file), None, "metadata.name", message))
    return problems
