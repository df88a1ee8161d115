"""``evenhand collect --listen HOST:PORT``: the door as a process of its own."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from governance.clock import SystemClock
from governance.config import load_settings
from governance.errors import ConfigError
from governance.metrics import Metrics
from governance.service.auth import Authority
from governance.service.cli.flags import components_of
from governance.service.door import door_app, opened, projections_by_component
from governance.service.http import bind, parse_address, served
from governance.service.stop import stop_on_signals

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from governance.component.load import LoadedComponent
    from governance.component.schema import Component
    from governance.config import Settings


METRICS = "127.0.0.1:8603"


def run(options: argparse.Namespace) -> int:
    """Take events and labels until SIGTERM."""
    stop = stop_on_signals()
    settings = _settings(options)
    host, port = parse_address(options.listen)
    authority = Authority.load(settings.http.tokens_file, host)
    metrics = Metrics()
    scraped = _metrics_address(settings)
    state = options.state_dir or _default_state(port)
    loaded = _components(settings, options.component)
    components = [item.component for item in loaded]
    projections = projections_by_component(loaded)
    with (
        opened(
            settings, components, state, SystemClock(), metrics, projections=projections
        ) as door,
        _scraped(metrics, scraped) as scrape,
        served(
            door_app(door, authority, settings.http.max_body_bytes), bind(options.listen)
        ) as url,
    ):
        if settings.http.tokens_file is None:
            print(
                f"evenhand: no tokens: who reaches {options.listen} may write; set http.tokensFile",
                file=sys.stderr,
            )
        print(
            f"collect: ready; door on {url} for {_listed(components)}; metrics on {scrape}",
            flush=True,
        )
        stop.wait()
    return 0


def _metrics_address(settings: Settings) -> str:
    """As set; else another than that of the stages that a machine may run beside its door."""
    http = settings.http
    return http.metrics if "metrics" in http.model_fields_set else METRICS


def _settings(options: argparse.Namespace) -> Settings:
    flags = {
        "bus.url": options.bus,
        "components": options.components,
        "privacy.keyDirectory": options.key_directory,
    }
    return load_settings(options.config, os.environ, flags)


def _components(settings: Settings, wanted: str | None) -> list[LoadedComponent]:
    """The components that the door takes rows for: all, or the one that is named."""
    loaded = components_of(settings)
    if wanted is None:
        return loaded
    found = [item for item in loaded if str(item.component.key) == wanted]
    if not found:
        names = ", ".join(str(item.component.key) for item in loaded)
        raise ConfigError(f"--component {wanted}: no component is called so; known: {names}")
    return found


@contextmanager
def _scraped(metrics: Metrics, address: str) -> Iterator[str]:
    host, port = parse_address(address)
    try:
        bound, stop = metrics.serve(host, port)
    except OSError as error:
        raise ConfigError(
            f"cannot answer scrapes on {address}: {error.strerror}; set http.metrics "
            "(EVENHAND_HTTP_METRICS)"
        ) from None
    try:
        yield f"http://{host}:{bound}/metrics"
    finally:
        stop()


def _default_state(port: int) -> Path:
    """One folder per user and port, so that a restarted process finds what it left."""
    return Path(tempfile.gettempdir()) / f"evenhand-door-{os.geteuid()}-{port or os.getpid()}"


def _listed(components: list[Component]) -> str:
    first = ", ".join(str(component.key) for component in components[:3])
    return first if len(components) <= 3 else f"{first} and {len(components) - 3} more"
