"""What forbids a sidecar, whatever the road: the pod's own nature, TLS, ports that are not free."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collectors.injection import manifests
from collectors.injection.base import (
    ADMIN_PORT,
    INJECT,
    NATIVE_SINCE,
    SIDECAR,
    Manifest,
    Placement,
    Refused,
    Road,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


def look_for_hindrances(pod: Manifest, *, native: bool) -> None:
    """That a sidecar can be in the pod at all; raises Refused."""
    spec = pod["spec"]
    if manifests.annotation(pod, INJECT) == "false":
        raise Refused("not_wanted", f"the pod says {INJECT}: false")
    if any(container["name"] == SIDECAR for container in manifests.everything(pod)):
        raise Refused("injected", f"the pod has a container {SIDECAR} already")
    if spec.get("hostNetwork"):
        raise Refused("host_network", "ports of a pod on the host's network are the host's own")
    if "kubernetes.io/config.mirror" in (pod["metadata"].get("annotations") or {}):
        raise Refused("static_pod", "a static pod is the kubelet's; the API cannot change it")
    if (spec.get("os") or {}).get("name") == "windows":
        raise Refused("windows", "the sidecar's image is for Linux")
    if not native and spec.get("restartPolicy", "Always") != "Always":
        raise Refused(
            "never_ends",
            "the pod is to end, and a sidecar among its containers would keep it: this needs "
            f"Kubernetes {NATIVE_SINCE[0]}.{NATIVE_SINCE[1]} or newer",
        )


def look_at_ports(pod: Manifest, placement: Placement, services: Sequence[Manifest]) -> None:
    """That the app speaks no TLS, and what is opened is free and allowed; raises Refused."""
    if placement.road is not Road.KNATIVE:
        container = manifests.named(pod, placement.container) or {}
        app = placement.upstream if placement.renamed else placement.listen
        how = manifests.speaks_tls(container, app, services)
        if how is not None:
            raise Refused("tls", f"port {app} of {placement.container} speaks TLS ({how})")
    if placement.listen < 1024:
        raise Refused(
            "privileged_port",
            f"the sidecar runs without privileges and cannot listen on {placement.listen}: target "
            "a port above 1023",
        )
    if placement.listen == placement.upstream:
        raise Refused("same_port", f"the app listens on {placement.listen} itself")
    taken = {number for c in manifests.everything(pod) for number in manifests.numbers(c)}
    opened = {ADMIN_PORT}
    if placement.road in {Road.KNATIVE, Road.NAMED}:
        opened.add(placement.listen)
    elif placement.told is not None:
        opened.add(placement.upstream)
    if opened & taken:
        listed = ", ".join(map(str, sorted(opened & taken)))
        raise Refused("port_taken", f"a container declares port {listed}, which injection uses")
