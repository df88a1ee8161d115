"""The container that is put into a pod, with its volumes: fit for Pod Security `restricted`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from collectors.injection import manifests
from collectors.injection.base import ADMIN_PORT, SIDECAR, VERSION, Manifest, Placement

if TYPE_CHECKING:
    from collections.abc import Mapping

STATE: Final = "evenhand-state"
CAPTURE: Final = "evenhand-capture"
KEY: Final = "evenhand-key"
_STATE_DIR = "/var/lib/evenhand"
_CAPTURE_DIR = "/etc/evenhand/capture"
_KEY_DIR = "/etc/evenhand/keys"

COMPONENT_FILE: Final = "component.yaml"
SETTINGS_FILE: Final = "settings.yaml"
"""Keys of the capture ConfigMap."""

# Pump and reader measure 87 MB together, and hold at most 4 MiB of copies, 32 MiB of bodies and
# 4 MiB of spool (docs/benchmarks.md). No CPU limit: throttling would be latency of the model's.
RESOURCES: Final[Mapping[str, Any]] = {
    "requests": {"cpu": "100m", "memory": "128Mi"},
    "limits": {"memory": "512Mi"},
}


@dataclass(frozen=True, slots=True)
class SidecarSettings:
    """What the cluster's operator decides for all sidecars.

    ``run_as_user`` None leaves the user to the cluster (OpenShift); else it must be named, since a
    pod whose own user is root would hand that down.
    """

    image: str
    pull_policy: str = "IfNotPresent"
    run_as_user: int | None = 65532
    state_bytes: int = 320 * 1024 * 1024  # 256 MiB of spool, and the counters
    resources: Mapping[str, Any] = field(default_factory=lambda: dict(RESOURCES))


@dataclass(frozen=True, slots=True)
class Subject:
    """The component that a pod belongs to, and the objects in its namespace that its sidecar reads.

    ``key_secret`` is None where the privacy level needs no key.
    """

    namespace: str
    name: str
    config_map: str
    config_hash: str
    key_secret: str | None = None


def sidecar_container(
    pod: Manifest, placement: Placement, subject: Subject, settings: SidecarSettings
) -> Manifest:
    """The container."""
    container: Manifest = {
        "name": SIDECAR,
        "image": settings.image,
        "imagePullPolicy": settings.pull_policy,
        "args": _arguments(placement, subject),
        "env": _environment(pod),
        "ports": [{"name": "evh-admin", "containerPort": ADMIN_PORT, "protocol": "TCP"}],
        "readinessProbe": _probe("/readyz", period=2, failures=3),
        "livenessProbe": _probe("/livez", period=10, failures=3),
        "resources": dict(settings.resources),
        "securityContext": _restricted(settings.run_as_user),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": _mounts(subject),
    }
    if placement.native:
        container["restartPolicy"] = "Always"
    return container


def sidecar_volumes(subject: Subject, settings: SidecarSettings) -> list[Manifest]:
    """The pod's volumes that it mounts."""
    volumes: list[Manifest] = [
        {"name": STATE, "emptyDir": {"sizeLimit": str(settings.state_bytes)}},
        {"name": CAPTURE, "configMap": {"name": subject.config_map}},
    ]
    if subject.key_secret is not None:
        volumes.append({"name": KEY, "secret": {"secretName": subject.key_secret}})
    return volumes


def _arguments(placement: Placement, subject: Subject) -> list[str]:
    arguments = [
        "collect",
        f"--upstream=127.0.0.1:{placement.upstream}",
        "--host=0.0.0.0",
        f"--port={placement.listen}",
        f"--admin-port={ADMIN_PORT}",
        f"--components={_CAPTURE_DIR}/{COMPONENT_FILE}",
        f"--config={_CAPTURE_DIR}/{SETTINGS_FILE}",
        f"--state-dir={_STATE_DIR}",
    ]
    return arguments + ([f"--key-directory={_KEY_DIR}"] if subject.key_secret else [])


def _environment(pod: Manifest) -> list[Manifest]:
    uid: Manifest = {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.uid"}}
    environment: list[Manifest] = [
        {"name": "EVENHAND_POD_UID", "valueFrom": uid},
        {"name": "TMPDIR", "value": _STATE_DIR},  # the only place that can be written
    ]
    version = manifests.annotation(pod, VERSION)
    if version:
        environment.append({"name": "EVENHAND_MODEL_VERSION", "value": version})
    return environment


def _probe(path: str, *, period: int, failures: int) -> Manifest:
    return {
        "httpGet": {"path": path, "port": ADMIN_PORT, "scheme": "HTTP"},
        "periodSeconds": period,
        "timeoutSeconds": 2,
        "successThreshold": 1,
        "failureThreshold": failures,
    }


def _restricted(user: int | None) -> Manifest:
    context: Manifest = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    return context if user is None else context | {"runAsUser": user, "runAsGroup": user}


def _mounts(subject: Subject) -> list[Manifest]:
    mounts: list[Manifest] = [
        {"name": STATE, "mountPath": _STATE_DIR},
        {"name": CAPTURE, "mountPath": _CAPTURE_DIR, "readOnly": True},
    ]
    if subject.key_secret is not None:
        mounts.append({"name": KEY, "mountPath": _KEY_DIR, "readOnly": True})
    return mounts
