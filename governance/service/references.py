"""The reference of a component: a profile, or rows that are measured here and now.

``spec.baseline.uri`` is a path or a ``file:`` URL, relative to the component's own file;
``sha256`` is that of the file, whichever of the two it is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from collectors.replay import open_rows
from collectors.rows.events import RowEvents
from collectors.rows.places import find_reference_places
from detectors.drift.unmatched import unmatched
from detectors.profile import REMEDY, is_profile, read_profile
from detectors.reading import labelled_columns
from detectors.reference import Reference, WindowCut, build_reference
from governance.component.baseline import baseline_path, local_path, verify
from governance.errors import ConfigError
from governance.event import EventBatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from governance.component.schema import Component

_HEAD_BYTES = 256
_MOST_ROWS = 2**31 - 1  # a reference is measured as a whole


def resolve_reference(
    component: Component,
    base: Path,
    explicit: Path | None = None,
    *,
    warn: Callable[[str], None] = lambda _: None,
    keep_rows: bool = False,
) -> Reference | None:
    """The reference that a component declares or a command line names; None if there is none.

    Parameters
    ----------
    component
        What will be judged.
    base
        The component's file, or its folder.
    explicit
        A file of rows or a profile that takes the place of ``spec.baseline.uri``.
    warn
        Told about rows that were left out.
    keep_rows
        Whether the reference keeps the rows that it is measured from, for tests that need them.

    Raises
    ------
    ConfigError
        If the file is not there, has another hash, or cannot be measured.
    """
    path = explicit or baseline_path(component, base)
    if path is None:
        return None
    return read_reference(path, component, warn=warn, keep_rows=keep_rows)


def baseline_problem(component: Component, base: Path) -> str | None:
    """What is wrong with the file that ``spec.baseline.uri`` names; None if nothing is.

    Cheap: a profile is read, rows are not measured. A file that is not there is no problem here:
    a component is often checked where its reference is not.
    """
    baseline = component.spec.baseline
    if baseline.uri is None:
        return None
    try:
        path = local_path(baseline.uri, base)
        if not path.exists():
            return None
        if baseline.sha256 is not None:
            verify(path, baseline.sha256)
        return _cut_otherwise(path, component)
    except ConfigError as error:
        return str(error)


def unmatched_subjects(component: Component, base: Path) -> dict[str, str]:
    """What ``spec.monitoring.drift.features`` names and the component's profile does not have.

    By name, in words; nothing where there is no profile, or none that can be read.
    """
    try:
        path = baseline_path(component, base)
        if path is None or not path.exists():
            return {}
        with path.open("rb") as file:
            known = is_profile(file.read(_HEAD_BYTES))
        return unmatched(component, read_profile(path)) if known else {}
    except (ConfigError, OSError):
        return {}  # told as a problem


def read_reference(
    path: Path,
    component: Component,
    *,
    warn: Callable[[str], None] = lambda _: None,
    keep_rows: bool = False,
) -> Reference:
    """Read a profile, or measure a file of rows; raises ConfigError if neither can be."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    if is_profile(head):
        return read_profile(path)
    return measure_rows(path, component, warn=warn, keep_rows=keep_rows)


def measure_rows(
    path: Path,
    component: Component,
    *,
    warn: Callable[[str], None] = lambda _: None,
    keep_rows: bool = False,
) -> Reference:
    """Build the reference of a file of rows; raises ConfigError as ``build_reference`` does."""
    with open_rows(path) as rows:
        places = find_reference_places(component, rows.names, path)
        table = next(rows.tables(_MOST_ROWS), None)
        if table is None:
            raise ConfigError(f"{path}: holds no rows that could be a reference")
        read = RowEvents(component, places, rows.left_out, typed_by=None).read(table)
        for line in rows.left_out.lines():
            warn(f"{path}: {line}")
    columns = dict(read.columns)
    if read.labels is not None:
        prediction = columns.get("prediction")
        columns |= labelled_columns(prediction, read.labels, read.labelled, read.n)
    if "time" not in places.signals:
        del columns["time"]  # a second a row is no time that could tell a span
    batch = EventBatch(component.spec.model.version, read.n, columns, vectors=read.vectors)
    try:
        reference = build_reference(batch, component)
        return replace(reference, raw=batch) if keep_rows else reference
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _cut_otherwise(path: Path, component: Component) -> str | None:
    with path.open("rb") as file:
        if not is_profile(file.read(_HEAD_BYTES)):
            return None
    reference, wanted = read_profile(path), WindowCut.of(component.spec.monitoring.windows)
    if not reference.ordered or reference.windows == wanted:
        return None
    return (
        f"{path}: the profile was cut for windows of {reference.windows}, the component declares "
        f"{wanted}: {REMEDY}"
    )
