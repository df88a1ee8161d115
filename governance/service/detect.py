"""Builds the detect worker from settings: components, references, keys."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from detectors.catalog import make_detectors
from detectors.declared import Declared
from detectors.runner import DetectWorker, Stores
from governance.component.schema import PrivacyLevel
from governance.privacy import open_pseudonymiser
from governance.service.build import process_name
from governance.service.references import resolve_reference
from governance.store.checkpoints import Checkpoints
from governance.store.references import References

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from detectors.era import Make
    from governance.bus.ports import Bus
    from governance.clock import Clock
    from governance.component.load import LoadedComponent
    from governance.component.schema import Component
    from governance.config import Settings
    from governance.metrics import Metrics
    from governance.service.stores import Store


def declare(
    loaded: Iterable[LoadedComponent],
    key_directory: Path | None,
    *,
    warn: Callable[[str], None] = lambda _: None,
) -> list[Declared]:
    """Components with their references, and detectors that read keyed names.

    Raises
    ------
    ConfigError
        If a reference or a privacy key is not there, or does not fit.
    """
    return [
        Declared(
            item.component,
            item.canonical,
            resolve_reference(item.component, item.file, warn=warn),
            _make(item.component, key_directory),
        )
        for item in loaded
    ]


def build_detect_worker(  # noqa: PLR0913 - what a worker is made of
    settings: Settings,
    store: Store,
    bus: Bus,
    declared: Iterable[Declared],
    *,
    clock: Clock,
    metrics: Metrics,
) -> DetectWorker:
    """A worker of the store's group; ``start`` and ``run`` it."""
    return DetectWorker(
        bus,
        Stores(Checkpoints(store.engine, store.group), References(store.engine)),
        declared,
        clock=clock,
        metrics=metrics,
        name=process_name(clock),
        group=store.group,
        partitions=settings.bus.partitions,
    )


def _make(component: Component, key_directory: Path | None) -> Make:
    if component.spec.governance.data_privacy.level is PrivacyLevel.OPEN:
        return make_detectors
    pseudonymiser = open_pseudonymiser(component, key_directory)
    return partial(make_detectors, keyed=pseudonymiser.category_code)
