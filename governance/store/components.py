"""What the store knows about components, for those who list them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, select

from governance.component.key import ComponentKey
from governance.finding import Window
from governance.store.engine import snapshot
from governance.store.tables import generations, versions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Engine, RowMapping, Select, Table


@dataclass(frozen=True, slots=True)
class VersionSummary:
    """A model version and its newest judged window.

    ``judged_us`` is when it was judged, in the log's time: the events of a window that was judged
    just now may be years old.
    """

    version: str
    window: Window
    judged_us: int


@dataclass(frozen=True, slots=True)
class ComponentSummary:
    """A component's newest recorded spec, and its versions, most recently judged first."""

    component: ComponentKey
    partition: int
    generation: int
    spec: str  # canonical JSON of the component document
    commit: str | None
    versions: tuple[VersionSummary, ...]


class Components:
    """The read side of one worker group; raises StoreError when the database is away."""

    def __init__(self, engine: Engine, group: str = "evenhand") -> None:
        self._engine = engine
        self._group = group

    def find(self, namespace: str | None = None) -> list[ComponentSummary]:
        """Every component of which a generation is recorded, by namespace and name."""
        named = {} if namespace is None else {"namespace": namespace}
        return self._summaries(named)

    def get(self, component: ComponentKey) -> ComponentSummary | None:
        """One component, or None where no generation of it is recorded."""
        named = {"namespace": component.namespace, "component": component.name}
        return next(iter(self._summaries(named)), None)

    def _summaries(self, named: Mapping[str, str]) -> list[ComponentSummary]:
        with snapshot(self._engine) as connection:
            specs = connection.execute(_newest_generations(self._group, named)).mappings().all()
            judged = connection.execute(
                select(versions).where(*_where(versions, self._group, named))
            ).mappings()
            windows: dict[ComponentKey, list[VersionSummary]] = {}
            for row in sorted(judged, key=lambda row: (-row["window_end"], row["version"])):
                windows.setdefault(_key(row), []).append(_version(row))
        found = [_summary(row, windows.get(_key(row), ())) for row in specs]
        return sorted(found, key=lambda summary: summary.component)


def _newest_generations(group: str, named: Mapping[str, str]) -> Select[Any]:
    keys = generations.c.namespace, generations.c.component
    newest = (
        select(*keys, func.max(generations.c.generation).label("generation"))
        .where(*_where(generations, group, named))
        .group_by(*keys)
        .subquery()
    )
    same = and_(*(generations.c[c.name] == c for c in newest.c))
    return select(generations).join(newest, same).where(generations.c.worker_group == group)


def _where(table: Table, group: str, named: Mapping[str, str]) -> list[ColumnElement[bool]]:
    return [table.c.worker_group == group, *(table.c[name] == named[name] for name in named)]


def _key(row: RowMapping) -> ComponentKey:
    return ComponentKey(row["namespace"], row["component"])


def _version(row: RowMapping) -> VersionSummary:
    window = Window(
        row["window_kind"], row["window_number"], row["window_start"], row["window_end"]
    )
    return VersionSummary(row["version"], window, row["judged_at"])


def _summary(row: RowMapping, judged: Sequence[VersionSummary]) -> ComponentSummary:
    return ComponentSummary(
        _key(row), row["partition"], row["generation"], row["spec"], row["commit"], tuple(judged)
    )
