"""Where a pod's sidecar goes: decided from the pod and its Services, never guessed.

In this order: what annotations say, Knative's ``queue-proxy``, a known runtime (it is moved to
another port), a port that every Service names, refusal. A refused pod starts as it is.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from collectors.injection import manifests
from collectors.injection.base import (
    APP_PORT,
    CONTAINER,
    MOVE,
    NATIVE_SINCE,
    PORT,
    RUNTIME,
    TRAFFIC_PORT,
    Manifest,
    Placement,
    Refusal,
    Refused,
    Road,
    Told,
    Variable,
)
from collectors.injection.hindrances import look_at_ports, look_for_hindrances
from collectors.injection.runtimes import RUNTIMES, argument, how_told, port_of, runtime_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_QUEUE = "queue-proxy"
_USER_PORT = "USER_PORT"
_FORWARDS = re.compile(
    r"^(--component-port|--upstream)[= ](https?://(localhost|127\.0\.0\.1):)?(\d+)/?$"
)
_NOT_TRAFFIC = re.compile(r"metrics|prom|grpc|health|admin|debug|profil")
_MOVES = "env:NAME, arg:--flag or listens:NUMBER"


def place(
    pod: Manifest, services: Sequence[Manifest], version: tuple[int, int]
) -> Placement | Refusal:
    """Where the sidecar goes, or why nowhere.

    Parameters
    ----------
    pod
        The pod as it is to be created.
    services
        All Services of its namespace; those that do not select it are left out of account.
    version
        Of Kubernetes, as ``(1, 33)``.
    """
    try:
        native = version >= NATIVE_SINCE
        look_for_hindrances(pod, native=native)
        selecting = manifests.selecting(pod, services)
        placement = _placement(pod, selecting, native=native)
        look_at_ports(pod, placement, selecting)
    except Refused as refused:
        return refused.refusal
    return placement


def _placement(pod: Manifest, services: Sequence[Manifest], *, native: bool) -> Placement:
    if manifests.annotation(pod, MOVE) is not None:
        return _by_annotation(pod, native=native)
    if manifests.named(pod, _QUEUE) is not None:
        return _knative(pod, native=native)
    found = _known(pod)
    if found is not None:
        return _runtime(pod, services, found, native=native)
    return _named(pod, services, native=native)


def _by_annotation(pod: Manifest, *, native: bool) -> Placement:
    container = _chosen(pod, manifests.containers(pod))
    listen = _asked_port(pod, container)
    kind, _, value = (manifests.annotation(pod, MOVE) or "").partition(":")
    told: Told | None = None
    upstream = APP_PORT
    if kind == "env" and value:
        told = Variable(value)
    elif kind == "arg" and value.startswith("-"):
        told = argument(container, value)
    elif kind == "listens":
        upstream = manifests.port_number(value, MOVE)
    else:
        raise Refused("wrong_annotation", f"{MOVE} is {kind}:{value}: write {_MOVES}")
    return Placement(Road.ANNOTATION, container["name"], listen, upstream, native, told)


def _asked_port(pod: Manifest, container: Manifest) -> int:
    """The number of ``evenhand.io/port``, else of the only port that the container declares."""
    asked = manifests.annotation(pod, PORT)
    if asked is not None:
        declared = manifests.number_of(container, asked)
        return declared or manifests.port_number(asked, PORT)
    declared_numbers = manifests.numbers(container)
    if len(declared_numbers) != 1:
        raise Refused(
            "ambiguous_port",
            f"container {container['name']} declares {len(declared_numbers)} ports: name the one "
            f"of the model by {PORT}",
        )
    return declared_numbers[0]


def _knative(pod: Manifest, *, native: bool) -> Placement:
    """``queue-proxy`` is told that the user's port is the sidecar's; nothing else changes."""
    queue = manifests.named(pod, _QUEUE) or {}
    declared = (manifests.variable(queue, _USER_PORT) or {}).get("value")
    if declared is None:
        raise Refused("no_user_port", f"{_QUEUE} has no variable {_USER_PORT} to change")
    upstream = manifests.port_number(str(declared), _USER_PORT)
    told = Variable(_USER_PORT)
    return Placement(Road.KNATIVE, _QUEUE, TRAFFIC_PORT, upstream, native, told)


def _known(pod: Manifest) -> tuple[Manifest, str] | None:
    """The container that runs a known runtime, and its name; None if none does."""
    said = manifests.annotation(pod, RUNTIME)
    if said is not None:
        if said not in RUNTIMES:
            names = ", ".join(RUNTIMES)
            raise Refused("wrong_annotation", f"{RUNTIME} is {said!r}: write one of {names}")
        return _chosen(pod, manifests.containers(pod)), said
    running = {c["name"]: name for c in manifests.containers(pod) if (name := runtime_of(c))}
    if manifests.annotation(pod, CONTAINER) is not None:
        container = _chosen(pod, manifests.containers(pod))
        name = running.get(container["name"])
        return None if name is None else (container, name)
    if not running:
        return None
    container = _chosen(pod, [c for c in manifests.containers(pod) if c["name"] in running])
    return container, running[container["name"]]


def _runtime(
    pod: Manifest, services: Sequence[Manifest], found: tuple[Manifest, str], *, native: bool
) -> Placement:
    """The sidecar takes the runtime's port, and the runtime gets another."""
    container, name = found
    listen = port_of(container, name)
    reached = manifests.targets(services)
    others = [t for t in reached if t not in (listen, manifests.name_of(container, listen))]
    if reached and len(others) == len(reached) and listen not in _forwarded(pod):
        raise Refused(
            "not_targeted",
            f"{name} listens on {listen}, but the pod's Services target "
            f"{', '.join(map(str, others))}: the sidecar would see nothing",
        )
    notes = tuple(f"port {target} is not watched" for target in others)
    told = how_told(container, name)
    return Placement(
        Road.RUNTIME, container["name"], listen, APP_PORT, native, told=told, notes=notes
    )


def _forwarded(pod: Manifest) -> set[int]:
    """Ports to which another container of the pod passes traffic on (KServe's agent, proxies)."""
    found = set()
    for container in manifests.containers(pod):
        words = manifests.words(container)
        pairs = [f"{a} {b}" for a, b in itertools.pairwise(words)]
        found |= {int(m[4]) for word in [*words, *pairs] if (m := _FORWARDS.match(word))}
    return found


def _named(pod: Manifest, services: Sequence[Manifest], *, native: bool) -> Placement:
    """Every Service uses the port's name, so the name's number is the sidecar's from now on."""
    if not services:
        raise Refused(
            "no_service",
            "the runtime is unknown and no Service selects the pod yet, so nothing tells the "
            f"port: create the Service first, or write {PORT} and {MOVE}",
        )
    reached = manifests.targets(services)
    name = _only_name(pod, reached)
    owners = [c for c in manifests.containers(pod) if manifests.number_of(c, name) is not None]
    if not owners:
        raise Refused("undeclared_port", f"no container declares the port {name!r} of the Service")
    container = _chosen(pod, owners)
    number = manifests.number_of(container, name) or 0
    if number in reached:
        raise Refused(
            "numeric_target",
            f"a Service targets port {number} by its number as well: let it say {name!r}",
        )
    notes = tuple(f"port {target} is not watched" for target in reached if target != name)
    return Placement(
        Road.NAMED, container["name"], TRAFFIC_PORT, number, native, renamed=name, notes=notes
    )


def _only_name(pod: Manifest, reached: Sequence[manifests.Target]) -> str:
    """The port name of the model's traffic among what the Services target."""
    asked = manifests.annotation(pod, PORT)
    if asked is not None and asked in reached:
        return asked
    names = [t for t in reached if isinstance(t, str) and not _NOT_TRAFFIC.search(t)]
    numeric = [t for t in reached if isinstance(t, int)]
    if numeric and not (asked is None and len(names) == 1 and _all_declared_apart(pod, numeric)):
        raise Refused(
            "numeric_target",
            f"the runtime is unknown and a Service targets port {numeric[0]} by its number: name "
            f"the port in the container and target the name, or say by {MOVE} how the app is told "
            "another port",
        )
    if len(names) != 1:
        listed = ", ".join(map(str, reached))
        raise Refused("ambiguous_port", f"the Services target {listed}: name one by {PORT}")
    return names[0]


def _all_declared_apart(pod: Manifest, numeric: Sequence[int]) -> bool:
    """Whether every number belongs to a port that is plainly not the model's (metrics, gRPC)."""
    apart = {
        int(port["containerPort"])
        for container in manifests.containers(pod)
        for port in manifests.ports(container)
        if _NOT_TRAFFIC.search(port.get("name", ""))
    }
    return set(numeric) <= apart


def _chosen(pod: Manifest, candidates: Sequence[Manifest]) -> Manifest:
    asked = manifests.annotation(pod, CONTAINER)
    if asked is not None:
        found = manifests.named(pod, asked)
        if found is None:
            names = ", ".join(c["name"] for c in manifests.containers(pod))
            raise Refused("wrong_annotation", f"{CONTAINER} is {asked!r}; the pod has {names}")
        return found
    if len(candidates) != 1:
        names = ", ".join(c["name"] for c in candidates)
        raise Refused(
            "ambiguous_container", f"containers {names} may serve the model: say by {CONTAINER}"
        )
    return candidates[0]
