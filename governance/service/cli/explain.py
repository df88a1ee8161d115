"""``evenhand collect --explain``: what would leave the pod for a request and its response.

Exit codes: 0 it can be read, or its path is no inference; 1 a body is not valid for its protocol.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collectors.base import Exchange
from collectors.capture import Capture
from collectors.catalog import find_protocol, protocols_named
from collectors.projections import projections_of
from collectors.read import decode
from governance.clock import SystemClock
from governance.component.notices import unsummed
from governance.config import load_settings
from governance.errors import CaptureError, ConfigError
from governance.event import sum_name
from governance.privacy import KEY_BYTES, SMALLEST_SUM, Pseudonymiser, open_pseudonymiser
from governance.service.cli.flags import components_of, one_component
from governance.wire.message import encode

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from governance.component.load import LoadedComponent
    from governance.component.schema import Component
    from governance.config import Settings
    from governance.event import Column, EventBatch

SHOWN = 5  # values of a column

_MEASURED = frozenset({"latency_ms", "ttft_ms"})  # by the sidecar; files have no such thing
_STREAM_STARTS = (b"data:", b"event:", b":")


@dataclass(frozen=True, slots=True)
class Explanation:
    """What came of a look; ``batch`` is None where nothing would leave.

    ``sums`` are what its events would be added to: name, and length.
    """

    component: Component
    path: str
    protocol: str | None
    batch: EventBatch | None = None
    sums: tuple[tuple[str, int], ...] = ()
    notes: tuple[str, ...] = ()
    error: CaptureError | None = None


def run(options: argparse.Namespace) -> int:
    """Explain; 1 if a body is not valid for its protocol."""
    flags = {"components": options.components, "privacy.keyDirectory": options.key_directory}
    settings = load_settings(options.config, os.environ, flags)
    loaded = _component(options, settings)
    found = _explain(loaded, settings, _exchange(options))
    if options.json:
        print(json.dumps(_report(found), indent=2))
    else:
        _print(found)
    return 0 if found.error is None else 1


def _component(options: argparse.Namespace, settings: Settings) -> LoadedComponent:
    """The component of the file that --component names, else the only one of --components."""
    if options.component is not None:
        return one_component(Path(options.component))
    components = components_of(settings)
    if len(components) != 1:
        raise ConfigError(f"--explain is about one component, not {len(components)}: --component")
    return components[0]


def _exchange(options: argparse.Namespace) -> Exchange:
    if options.path is None:
        raise ConfigError("--explain needs --path, for example --path /v2/models/NAME/infer")
    if len(options.explain) > 2:
        raise ConfigError(f"--explain takes a request and a response, not {len(options.explain)}")
    bodies = [_read(file) for file in options.explain]
    response = bodies[1] if len(bodies) > 1 else None
    streams = response is not None and response.lstrip().startswith(_STREAM_STARTS)
    kind = "text/event-stream" if streams else "application/json"
    return Exchange(
        method="POST",
        target=options.path,
        request_headers={"content-type": "application/json"},
        request_body=bodies[0],
        status=200,
        response_headers={"content-type": kind},
        response_body=response,
        started_us=SystemClock().now_us(),
        latency_ms=0.0,
        request_bytes=len(bodies[0]),
        response_bytes=len(response or b""),
    )


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from None


def _explain(loaded: LoadedComponent, settings: Settings, exchange: Exchange) -> Explanation:
    component = loaded.component
    protocols = protocols_named(component.spec.capture.protocols)
    protocol = find_protocol(protocols, exchange.method, exchange.path)
    if protocol is None:
        return Explanation(component, exchange.path, None)
    pseudonymiser, notes = _pseudonymiser(component, settings)
    component, whole = _unsampled(component)
    projections = {} if unsummed(component) else projections_of(component, loaded.file)
    capture = Capture(component, pseudonymiser, embed=projections.keys())
    try:
        captured = capture.alone(exchange)
        batch = captured.batch
        if batch is not None and not batch.columns["truncated"].values.any():
            refused = decode(protocol, exchange).refused
            if refused is not None:
                raise refused
    except CaptureError as error:
        return Explanation(component, exchange.path, protocol.name, error=error)
    sums = tuple(
        (sum_name(modality, projection.hash), projection.size)
        for modality, projection in projections.items()
        if modality in captured.vectors
    )
    notes = (*notes, *whole, *_unseen(capture))
    return Explanation(component, exchange.path, protocol.name, batch, sums, notes)


def _pseudonymiser(
    component: Component, settings: Settings
) -> tuple[Pseudonymiser, tuple[str, ...]]:
    try:
        return open_pseudonymiser(component, settings.privacy.key_directory), ()
    except ConfigError:
        note = "no privacy key here: pseudonyms and codes are of a key made for this look"
        return Pseudonymiser(secrets.token_bytes(KEY_BYTES)), (note,)


def _unsampled(component: Component) -> tuple[Component, tuple[str, ...]]:
    """The component as if it kept every event, and a note where it does not."""
    sampling = component.spec.capture.sampling
    if sampling >= 1:
        return component, ()
    capture = component.spec.capture.model_copy(update={"sampling": 1.0})
    spec = component.spec.model_copy(update={"capture": capture})
    note = f"of all events a share of {sampling:g} is kept, with its weight"
    return component.model_copy(update={"spec": spec}), (note,)


def _unseen(capture: Capture) -> Iterator[str]:
    """What could not be seen of pictures and recordings, and why."""
    for reason, n in capture.counts.items():
        kind, _, what = reason.partition(":")
        if kind in {"undecodable", "not_decoded"}:
            yield f"{n} {kind.replace('_', ' ')} ({what.replace(':', ', ')})"


def _report(found: Explanation) -> dict[str, Any]:
    report: dict[str, Any] = {
        "captured": found.batch is not None,
        "component": str(found.component.key),
        "path": found.path,
        "protocol": found.protocol,
    }
    if found.error is not None:
        report |= {"reason": found.error.reason, "message": str(found.error)}
    if found.batch is not None:
        report |= {
            "privacy": found.component.spec.governance.data_privacy.level.value,
            "version": found.batch.version,
            "events": found.batch.n,
            "bytes": len(encode(found.batch)),
            "columns": {n: _column(n, c) for n, c in found.batch.columns.items()},
            "sums": {
                name: {"numbers": size, "fewest_events": SMALLEST_SUM} for name, size in found.sums
            },
            "notes": list(found.notes),
        }
    return report


def _column(name: str, column: Column) -> dict[str, Any]:
    if name == "event_id":
        shown = [value.tobytes().hex() for value in column.values[:SHOWN]]
        return {"type": "pseudonym", "values": shown}
    if name in _MEASURED:
        return {"type": "number", "values": []}
    values = column.values[:SHOWN].tolist()
    if column.dictionary is None:
        return {"type": "number", "values": [_number(value) for value in values]}
    texts = [None if code < 0 else column.dictionary[code] for code in values]
    return {"type": "category", "values": texts}


def _number(value: float) -> float | str | None:
    """JSON has no infinities: they are spelled, and NaN is what it means, missing."""
    if value != value:  # noqa: PLR0124 - NaN
        return None
    return str(value) if value in {float("inf"), float("-inf")} else value


def _print(found: Explanation) -> None:
    print(f"component  {found.component.key}")
    print(f"path       {found.path}")
    if found.protocol is None:
        print("captured   false: this path is no inference; the request passes and is no event")
        return
    print(f"protocol   {found.protocol}")
    if found.error is not None:
        print(f"captured   false: {found.error.reason}: {found.error}")
    elif found.batch is not None:
        _print_batch(found, found.batch)


def _print_batch(found: Explanation, batch: EventBatch) -> None:
    level = found.component.spec.governance.data_privacy.level.value
    events = f"{batch.n} event{'' if batch.n == 1 else 's'}"
    print(f"captured   true: {events} of version {batch.version}, {len(encode(batch))} bytes")
    and_sums = " and sums" if found.sums else ""
    print(f"privacy    {level}; nothing but these columns{and_sums} leaves the pod")
    for note in found.notes:
        print(f"note       {note}")
    width = max(map(len, [*batch.columns, *(name for name, _ in found.sums)]))
    print(f"\n{'column':<{width}}  {'type':<9}  values")
    for name, column in batch.columns.items():
        shown = _column(name, column)
        values = ", ".join("-" if value is None else str(value) for value in shown["values"])
        more = ", ..." if batch.n > SHOWN and values else ""
        print(f"{name:<{width}}  {shown['type']:<9}  {values or 'as measured'}{more}")
    for name, size in found.sums:
        print(f"{name:<{width}}  {'sum':<9}  {size:,} numbers, over {SMALLEST_SUM} events or more")
