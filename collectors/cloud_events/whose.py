"""Whose a CloudEvent is: ``spec.model.endpoint`` against its source, else what its sender says.

``source`` counts where it is the endpoint or lies above or below it (scheme, port and a slash at
the end do not matter). KServe's agents name their pod there; of those the extensions ``namespace``
and ``inferenceservicename`` are the component's own names, or those of its model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from collectors.cloud_events.event import CloudEvent
    from governance.component.key import ComponentKey
    from governance.component.schema import Component


class Owners:
    """Finds the component of an event."""

    def __init__(self, components: Iterable[Component]) -> None:
        self._places: dict[ComponentKey, tuple[str, ...]] = {}
        self._names: dict[tuple[str, str], set[ComponentKey]] = {}
        for component in components:
            model, key = component.spec.model, component.key
            place = () if model.endpoint is None else _place(model.endpoint)
            if place:
                self._places[key] = place
            for name in {key.name, model.name}:
                self._names.setdefault((key.namespace, name), set()).add(key)

    def of(self, event: CloudEvent) -> ComponentKey | None:
        """The only component that the event can be of; None where there is none or several."""
        said = self._names.get(
            (
                event.attributes.get("namespace", ""),
                event.attributes.get("inferenceservicename", ""),
            ),
            set(),
        )
        at = self._at(_place(event.source))
        for found in (at & said, at, said):
            if len(found) == 1:
                return next(iter(found))
        return None

    def _at(self, place: tuple[str, ...]) -> set[ComponentKey]:
        exact = {key for key, own in self._places.items() if own == place}
        return exact or {key for key, own in self._places.items() if _touch(own, place)}


def _place(address: str) -> tuple[str, ...]:
    """Host and path steps; empty where it names no host."""
    try:
        parts = urlsplit(address if "//" in address else f"//{address}")
        host = parts.hostname
    except ValueError:
        return ()
    return () if host is None else (host, *(step for step in parts.path.split("/") if step))


def _touch(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    shorter = min(len(one), len(other))
    return shorter > 0 and one[:shorter] == other[:shorter]
