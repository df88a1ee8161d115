"""Show what injection makes of a pod, without a cluster: the same rules, the same patch.

    evenhand inject deployment.yaml service.yaml --components credit.yaml --image evenhand:1

FILES hold pods, or what makes pods (Deployment, StatefulSet, DaemonSet, ReplicaSet, Job), and the
Services in front of them. Every pod is printed as the webhook would admit it, as YAML, or as JSON
Patch with --patch; what was decided goes to stderr.

Exit codes: 0 every pod has a sidecar, 1 one was refused, 2 wrong usage.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from collectors.injection.base import COMPONENT_LABEL, Placement
from collectors.injection.capture import config_map_name, subject_of
from collectors.injection.manifests import label
from collectors.injection.patch import injected, json_patch, refused
from collectors.injection.place import place
from collectors.injection.sidecar import SidecarSettings, Subject
from governance.component.document import read_documents
from governance.errors import ConfigError, InvalidComponent
from governance.service.cli.flags import add_settings_flags, components_of, settings_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from governance.config import Settings

    Manifest = dict[str, Any]

IMAGE = "evenhand:latest"

_TEMPLATED = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="pods and Services")
    parser.add_argument(
        "--component", metavar="NAME", help=f"as if every pod had the label {COMPONENT_LABEL}"
    )
    parser.add_argument("--image", default=IMAGE, help="the sidecar's (default %(default)s)")
    parser.add_argument(
        "--kubernetes-version",
        default="1.33",
        metavar="X.Y",
        help="of the cluster (default %(default)s); before 1.29 there are no native sidecars",
    )
    parser.add_argument("--patch", action="store_true", help="print JSON Patch, not manifests")
    add_settings_flags(parser, "bus", "components")


def run(options: argparse.Namespace) -> int:
    """Decide and print; 1 if a pod is refused."""
    documents = list(_documents(options.files))
    services = [d for d in documents if d.get("kind") == "Service"]
    workloads = [d for d in documents if d.get("kind") in _TEMPLATED | {"Pod"}]
    if not workloads:
        kinds = ", ".join(sorted(_TEMPLATED | {"Pod"}))
        raise ConfigError(f"no pod in these files: write one of {kinds}")
    settings = settings_of(options)
    changed = [_changed(workload, services, options, settings) for workload in workloads]
    _print(zip(workloads, (pair[0] for pair in changed), strict=True), as_patch=options.patch)
    return 0 if all(placed for _, placed in changed) else 1


def _documents(files: Iterable[Path]) -> Iterator[Manifest]:
    for file in files:
        found, problems = read_documents(file)
        if problems:
            raise InvalidComponent(problems)
        for document in found:
            if not isinstance(document.value, dict):
                raise ConfigError(f"{file}: is not a Kubernetes manifest: no mapping of keys")
            items = document.value.get("items")  # a List, as kubectl get prints one
            yield from items if isinstance(items, list) else [document.value]


def _changed(
    workload: Manifest, services: list[Manifest], options: argparse.Namespace, settings: Settings
) -> tuple[Manifest, bool]:
    """The workload as it would run, and whether it has a sidecar."""
    pod = _pod(workload)
    subject = _subject(pod, options, settings)
    same = [s for s in services if _namespace(s) == subject.namespace]
    decision = place(pod, same, _version(options.kubernetes_version))
    name = f"{workload['kind']} {workload.get('metadata', {}).get('name', '')}"
    print(f"{name}: {decision}", file=sys.stderr)
    if isinstance(decision, Placement):
        for note in decision.notes:
            print(f"{name}: {note}", file=sys.stderr)
        after = injected(pod, decision, subject, SidecarSettings(options.image))
    else:
        after = refused(pod, decision)
    return _with_pod(workload, after), isinstance(decision, Placement)


def _pod(workload: Manifest) -> Manifest:
    """The pod that a workload makes."""
    if workload["kind"] == "Pod":
        return workload
    template = (workload.get("spec") or {}).get("template")
    if not isinstance(template, dict) or not isinstance(template.get("spec"), dict):
        raise ConfigError(f"{workload['kind']} has no spec.template.spec: it makes no pods")
    metadata = {"namespace": _namespace(workload), **(template.get("metadata") or {})}
    return {"metadata": metadata, "spec": template["spec"]}


def _with_pod(workload: Manifest, pod: Manifest) -> Manifest:
    if workload["kind"] == "Pod":
        return pod
    metadata = {k: v for k, v in pod["metadata"].items() if k != "namespace"}
    template = {**workload["spec"]["template"], "metadata": metadata, "spec": pod["spec"]}
    return {**workload, "spec": {**workload["spec"], "template": template}}


def _subject(pod: Manifest, options: argparse.Namespace, settings: Settings) -> Subject:
    name = options.component or label(pod, COMPONENT_LABEL)
    namespace = _namespace(pod)
    if name is None:
        raise ConfigError(f"the pod has no label {COMPONENT_LABEL}: add it, or name --component")
    if not settings.components:
        return Subject(namespace, name, config_map_name(name), "unknown", "evenhand-privacy-key")
    loaded = components_of(settings)
    keys = [str(item.component.key) for item in loaded]
    if f"{namespace}/{name}" not in keys:
        raise ConfigError(f"no component {namespace}/{name} in --components: {', '.join(keys)}")
    return subject_of(loaded[keys.index(f"{namespace}/{name}")], settings.bus)


def _namespace(manifest: Manifest) -> str:
    return str((manifest.get("metadata") or {}).get("namespace") or "default")


def _version(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"v?(\d+)\.(\d+)(\..*)?", text)
    if found is None:
        raise ConfigError(f"--kubernetes-version {text!r} is not X.Y, for example 1.33")
    return int(found[1]), int(found[2])


def _print(pairs: Iterable[tuple[Manifest, Manifest]], *, as_patch: bool) -> None:
    if as_patch:
        for before, after in pairs:
            print(json.dumps(json_patch(before, after), indent=2))
    else:
        sys.stdout.write(yaml.safe_dump_all([after for _, after in pairs], sort_keys=False))
