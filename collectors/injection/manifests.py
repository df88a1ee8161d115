"""What a pod and its Services say about ports: names, numbers, who targets what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collectors.injection.base import Manifest, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Target = int | str  # of a Service: a number, or the name of a container's port


def annotation(pod: Manifest, name: str) -> str | None:
    """The value of an annotation of the pod, without spaces around it."""
    value = (pod.get("metadata", {}).get("annotations") or {}).get(name)
    return None if value is None else str(value).strip()


def label(pod: Manifest, name: str) -> str | None:
    """The value of a label of the pod."""
    value = (pod.get("metadata", {}).get("labels") or {}).get(name)
    return None if value is None else str(value)


def containers(pod: Manifest) -> list[Manifest]:
    """The app containers; init containers are none."""
    return list(pod["spec"].get("containers") or ())


def everything(pod: Manifest) -> list[Manifest]:
    """All containers, init containers first."""
    return [*(pod["spec"].get("initContainers") or ()), *containers(pod)]


def named(pod: Manifest, name: str) -> Manifest | None:
    """The app container of this name."""
    return next((c for c in containers(pod) if c["name"] == name), None)


def ports(container: Manifest) -> list[Manifest]:
    """The TCP ports that a container declares."""
    declared = container.get("ports") or ()
    return [port for port in declared if port.get("protocol", "TCP") == "TCP"]


def numbers(container: Manifest) -> list[int]:
    """The numbers of the TCP ports that a container declares."""
    return [int(port["containerPort"]) for port in ports(container)]


def number_of(container: Manifest, name: str) -> int | None:
    """The number that a container declares for a port's name."""
    found = (int(p["containerPort"]) for p in ports(container) if p.get("name") == name)
    return next(found, None)


def name_of(container: Manifest, number: int) -> str | None:
    """The name that a container declares for a port's number."""
    return next((p.get("name") for p in ports(container) if p["containerPort"] == number), None)


def words(container: Manifest) -> list[str]:
    """Command and arguments as one list."""
    return [str(w) for w in (*(container.get("command") or ()), *(container.get("args") or ()))]


def variable(container: Manifest, name: str) -> Manifest | None:
    """The environment variable as it is declared; the last one counts."""
    found = [v for v in container.get("env") or () if v["name"] == name]
    return found[-1] if found else None


def selecting(pod: Manifest, services: Iterable[Manifest]) -> list[Manifest]:
    """The Services whose selector picks this pod."""
    labels = pod.get("metadata", {}).get("labels") or {}
    found = []
    for service in services:
        selector = service.get("spec", {}).get("selector") or {}
        if selector and selector.items() <= labels.items():
            found.append(service)
    return found


def targets(services: Iterable[Manifest]) -> list[Target]:
    """What the TCP ports of Services target, each once."""
    found: list[Target] = []
    for service in services:
        for port in service["spec"].get("ports") or ():
            target = port.get("targetPort", port["port"])
            if port.get("protocol", "TCP") == "TCP" and target not in found:
                found.append(target)
    return found


def speaks_tls(container: Manifest, number: int, services: Sequence[Manifest]) -> str | None:
    """By what it is known that a port of the app speaks TLS; None if nothing says so."""
    known = {number, name_of(container, number)}
    for probe, place in handlers(container):
        if probe.get("scheme") == "HTTPS" and probe.get("port") in known:
            return f"{place} asks it by HTTPS"
    for word in words(container):
        if word.partition("=")[0].replace("_", "-") in _TLS_FLAGS:
            return f"it is started with {word.partition('=')[0]}"
    if "https" in str(name_of(container, number) or ""):
        return f"its port is named {name_of(container, number)!r}"
    for service in services:
        for port in service["spec"].get("ports") or ():
            if port.get("targetPort", port["port"]) in known and port.get("appProtocol") == "https":
                return f"Service {service['metadata']['name']} says appProtocol: https"
    return None


_TLS_FLAGS = frozenset({"--ssl-keyfile", "--ssl-certfile", "--ssl-config-file", "--ssl-cert"})


def handlers(container: Manifest) -> Iterator[tuple[Manifest, str]]:
    """Every probe and hook that names a port, with its place."""
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        yield from _handlers(container.get(probe), probe)
    for hook in ("postStart", "preStop"):
        yield from _handlers((container.get("lifecycle") or {}).get(hook), f"lifecycle.{hook}")


def _handlers(holder: Manifest | None, place: str) -> Iterator[tuple[Manifest, str]]:
    for kind in ("httpGet", "tcpSocket", "grpc"):
        handler: Any = (holder or {}).get(kind)
        if handler is not None:
            yield handler, place


def port_number(text: str, what: str) -> int:
    """A port's number out of a text; raises Refused."""
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise Refused("wrong_annotation", f"{what} is {text!r}: write a port number")
    return int(text)
