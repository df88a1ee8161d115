"""Kubernetes operator: components from custom resources, sidecars by admission, status and Events.

Any number of replicas may run: all answer the API server's webhooks over TLS, one reconciles (a
Lease says which). The spec of a resource is never written. Needs the extra: evenhand[operator].
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collectors.injection.sidecar import RESOURCES, SidecarSettings
from governance.clock import SystemClock, parse_duration_us
from governance.errors import ConfigError
from governance.metrics import Metrics
from governance.service.build import open_store, process_name
from governance.service.cli.flags import add_settings_flags, settings_of
from governance.service.http import parse_address

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from governance.config import Settings
    from governance.service.operator.api import Credentials
    from governance.service.operator.run import Operator

_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add_settings_flags(parser, "bus", "database")
    parser.add_argument("--metrics", metavar="HOST:PORT", help="where to answer scrapes")
    parser.add_argument("--group", default="evenhand", metavar="NAME", help="worker group")
    cluster = parser.add_argument_group("cluster")
    cluster.add_argument("--kubeconfig", type=Path, metavar="FILE", help="outside of a cluster")
    cluster.add_argument("--namespace", metavar="NAME", help="of the installation (the pod's own)")
    cluster.add_argument(
        "--worker",
        action="append",
        default=[],
        metavar="DEPLOYMENT",
        help="reads the components: rolled when they change; may be repeated",
    )
    cluster.add_argument(
        "--grace",
        default="5m",
        metavar="DURATION",
        help="how long declared and in force may differ before it is drift (default %(default)s)",
    )
    webhook = parser.add_argument_group("webhook")
    webhook.add_argument(
        "--webhook", default="0.0.0.0:9443", metavar="HOST:PORT", help="(default %(default)s)"
    )
    webhook.add_argument(
        "--tls-directory", type=Path, required=True, metavar="DIR", help="tls.crt and tls.key"
    )
    sidecar = parser.add_argument_group("sidecar")
    sidecar.add_argument("--sidecar-image", required=True, metavar="IMAGE", help="what to inject")
    sidecar.add_argument("--sidecar-pull-policy", default="IfNotPresent", metavar="POLICY")
    sidecar.add_argument(
        "--sidecar-user", default="65532", metavar="UID", help="'any' leaves it to the cluster"
    )
    sidecar.add_argument(
        "--sidecar-resources", type=_mapping, default=RESOURCES, metavar="JSON", help="its limits"
    )


def run(options: argparse.Namespace) -> int:
    """Operate until SIGTERM."""
    if importlib.util.find_spec("kopf") is None:
        raise ConfigError("operate needs kopf: install evenhand[operator]")
    from governance.service.operator.run import operate  # noqa: PLC0415 - loads kopf, 2 s

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    settings, metrics = settings_of(options), Metrics()
    operator = _operator(options, settings, metrics)
    host, port = parse_address(options.metrics or settings.http.metrics)
    bound, stop_metrics = metrics.serve(host, port)

    def say() -> None:
        print(
            f"operate: ready; webhooks on {options.webhook}; metrics on "
            f"http://{host}:{bound}/metrics",
            flush=True,
        )

    try:
        asyncio.run(operate(operator, say))
    finally:
        stop_metrics()
        operator.store.engine.dispose()
    return 0


def _operator(options: argparse.Namespace, settings: Settings, metrics: Metrics) -> Operator:
    from governance.service.operator.objects import Place  # noqa: PLC0415 - see run
    from governance.service.operator.run import Operator  # noqa: PLC0415
    from governance.service.operator.telemetry import Telemetry  # noqa: PLC0415

    clock = SystemClock()
    return Operator(
        credentials=_credentials(options),
        store=open_store(settings, group=options.group),
        place=Place(_namespace(options), tuple(options.worker)),
        bus=settings.bus,
        sidecar=SidecarSettings(
            options.sidecar_image,
            options.sidecar_pull_policy,
            _user(options.sidecar_user),
            resources=options.sidecar_resources,
        ),
        grace_us=_duration(options.grace),
        tls=options.tls_directory,
        address=parse_address(options.webhook),
        holder=os.environ.get("HOSTNAME", "") + f"/{process_name(clock)}",
        clock=clock,
        telemetry=Telemetry(metrics),
    )


def _credentials(options: argparse.Namespace) -> Credentials:
    from governance.service.operator.api import from_kubeconfig, in_cluster  # noqa: PLC0415

    return in_cluster() if options.kubeconfig is None else from_kubeconfig(options.kubeconfig)


def _namespace(options: argparse.Namespace) -> str:
    if options.namespace is not None:
        return str(options.namespace)
    try:
        return _NAMESPACE.read_text().strip()
    except OSError:
        raise ConfigError("this is no pod: name the installation by --namespace NAME") from None


def _user(text: str) -> int | None:
    if text == "any":
        return None
    if not text.isdecimal() or int(text) == 0:
        raise ConfigError(f"--sidecar-user {text!r}: write a user id above 0, or any")
    return int(text)


def _duration(text: str) -> int:
    try:
        return parse_duration_us(text)
    except ValueError as error:
        raise ConfigError(f"--grace: {error}") from None


def _mapping(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ConfigError(f"--sidecar-resources {text!r} is not a JSON object")
    return value
