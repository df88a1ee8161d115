"""Builds the stages from settings; the only place where they meet."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from alerting.annotations import Links
from alerting.checkpoint_signer import CheckpointSigner
from alerting.deliveries import Courier
from alerting.evaluator import Evaluator, Ports
from alerting.feed import Feed
from alerting.notifiers.alertmanager import AlertmanagerPoster
from alerting.notifiers.mlflow import MlflowNotifier
from alerting.notifiers.webhook import WebhookNotifier
from alerting.pace import Pace
from alerting.rule import Rule
from alerting.runner import AlertWorker, Parts
from alerting.stages import ActionPolicy
from alerting.standing import Standings
from alerting.watch import Watch
from governance.audit_signature import load_signing_key
from governance.clock import SECOND_US
from governance.errors import ConfigError
from governance.service.stores import Store
from governance.store.audit import Audit
from governance.store.engine import open_engine
from governance.store.leases import Leases
from governance.store.presence import Presences
from governance.store.schema import check_schema, migrate

if TYPE_CHECKING:
    from governance.bus.ports import Bus
    from governance.clock import Clock
    from governance.config import AlertingSettings, DeliverySettings, Settings
    from governance.metrics import Metrics


def open_store(settings: Settings, *, group: str = "evenhand", migrating: bool = False) -> Store:
    """The store at the settings' URL; ``migrating`` brings its schema up to date first.

    Raises
    ------
    ConfigError
        If the URL is unusable, or the schema is not this program's.
    StoreError
        If the database is away.
    """
    engine = open_engine(settings.database.url)
    if migrating:
        migrate(engine)
    else:
        check_schema(engine)
    return Store.over(engine, group)


def process_name(clock: Clock) -> str:
    """Names this process for its life: host, process id, start."""
    return f"{socket.gethostname()}-{os.getpid()}-{clock.now_us()}"


def road_of(alerting: AlertingSettings) -> str:
    """The road that component alerts take to people; ``auto`` follows the settings.

    Raises
    ------
    ConfigError
        If the road is Alertmanager and none is named.
    """
    urls = alerting.alertmanager.urls
    if alerting.road == "auto":
        return "alertmanager" if urls else "none"
    if alerting.road == "alertmanager" and not urls:
        raise ConfigError(
            "alerting.road is alertmanager, but alerting.alertmanager.urls names none"
        )
    return alerting.road


def build_alert_worker(
    settings: Settings, store: Store, clock: Clock, metrics: Metrics, bus: Bus | None = None
) -> AlertWorker:
    """One replica of alerting; raises ConfigError for unusable webhooks or rules.

    Without a bus nothing is fed to subscribers of the topics of findings and alerts.
    """
    alerting = settings.alerting
    holder = process_name(clock)
    ports = Ports(
        engine=store.engine,
        findings=store.findings,
        alerts=store.alerts,
        deliveries=store.deliveries,
        components=store.components,
        group=store.group,
    )
    pace = _pace(alerting.delivery)
    webhooks = WebhookNotifier(alerting.webhooks, alerting.allowed_hosts, pace.attempt_seconds)
    registries = MlflowNotifier(settings.registries, pace.attempt_seconds)
    poster = (
        AlertmanagerPoster(
            alerting.alertmanager.urls,
            Links(alerting.external_url, alerting.runbook_url),
            every_seconds=alerting.alertmanager.post_every_seconds,
        )
        if road_of(alerting) == "alertmanager"
        else None
    )
    feed = None if bus is None else Feed(bus, metrics, partitions=settings.bus.partitions)
    standings = Standings(store.components, Presences(store.engine, store.group))
    parts = Parts(
        ports=ports,
        standings=standings,
        watch=Watch(ports, standings, clock),
        evaluator=Evaluator(ports, clock, _rule(alerting), policy=_policy(settings), feed=feed),
        courier=Courier(
            store.deliveries,
            {"webhook": webhooks, "mlflow": registries},
            holder=holder,
            clock=clock,
            metrics=metrics,
            pace=pace,
        ),
        leases=Leases(store.engine),
        poster=poster,
        signer=_signer(settings, store, clock),
    )
    return AlertWorker(parts, holder=holder, clock=clock, metrics=metrics)


def _pace(delivery: DeliverySettings) -> Pace:
    return Pace(
        first_wait_seconds=delivery.first_wait / SECOND_US,
        longest_wait_seconds=delivery.longest_wait / SECOND_US,
        give_up_after_seconds=delivery.give_up_after / SECOND_US,
        attempt_seconds=delivery.attempt / SECOND_US,
        at_once=delivery.at_once,
    )


def _signer(settings: Settings, store: Store, clock: Clock) -> CheckpointSigner | None:
    """Raises ConfigError if only one of key and file is named, or the key is unusable."""
    key, file = settings.audit.signing_key_file, settings.audit.checkpoint_file
    if key is None and file is None:
        return None
    if key is None or file is None:
        missing = "signingKeyFile" if key is None else "checkpointFile"
        raise ConfigError(f"audit checkpoints need both a key and a file: set audit.{missing}")
    every_us = settings.audit.checkpoint_every
    signing = load_signing_key(key)
    return CheckpointSigner(Audit(store.engine), signing, file, every_us=every_us, clock=clock)


def _policy(settings: Settings) -> ActionPolicy:
    """Whose receivers are whose: names of webhooks, then of registries."""
    actions = settings.alerting.actions
    namespaces = {name: frozenset(one.namespaces) for name, one in settings.registries.items()}
    for name, one in settings.alerting.webhooks.items():
        namespaces[name] = frozenset(one.namespaces)
    return ActionPolicy(actions.per_day, actions.dry_run, namespaces)


def _rule(alerting: AlertingSettings) -> Rule:
    try:
        return Rule(
            alerting.breaches,
            alerting.of_windows,
            alerting.of_windows,
            alerting.keep_firing,
            alerting.resolve_at,
        )
    except ValueError as error:
        raise ConfigError(f"alerting.breaches, alerting.ofWindows: {error}") from None
