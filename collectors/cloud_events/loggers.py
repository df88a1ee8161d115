"""Which inference loggers are understood, and how they name things.

=============  =====================================  =============================================
logger         ``type``                               two halves have in common
=============  =====================================  =============================================
KServe agent   ``org.kubeflow.serving.inference.*``   ``id``
Seldon, 0.3/1  ``io.seldon.serving.inference.*``      ``requestid`` (each half has an id of its own)
=============  =====================================  =============================================

A transformer and its predictor log under one id, so ``component`` and ``endpoint`` belong to the
key. KServe's ``metadata`` holds the request's headers that its ``--metadata-headers`` name.

Sources: kserve v0.15, pkg/logger/{handler,worker}.go; seldon-core, executor/logger/worker.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from collectors.cloud_events.halves import PairKey, Side

if TYPE_CHECKING:
    from collectors.cloud_events.event import CloudEvent

_FAMILIES = ("org.kubeflow.serving.inference.", "io.seldon.serving.inference.")
KNOWN_TYPES = tuple(family + side for family in _FAMILIES for side in Side)

_KEYED_BY = ("inferenceservicename", "namespace", "component", "endpoint")
_decode_metadata = msgspec.json.Decoder(dict[str, list[str]]).decode


def side_of(event: CloudEvent) -> Side | None:
    """Which half of an exchange it is; None where it is neither."""
    if event.type not in KNOWN_TYPES:
        return None
    return Side(event.type.rpartition(".")[2])


def pair_key(event: CloudEvent) -> PairKey:
    """What both halves of an exchange have in common."""
    own = event.attributes.get("requestid") or event.id
    return (own, *(event.attributes.get(name, "") for name in _KEYED_BY))


def request_headers(event: CloudEvent) -> dict[str, str]:
    """The request's headers as far as the logger tells them, and the id as ``ce-id``."""
    headers = {"ce-id": event.attributes.get("requestid") or event.id}
    try:
        told = _decode_metadata(event.attributes.get("metadata", "{}"))
    except (msgspec.DecodeError, RecursionError):
        return headers  # only a convenience: the exchange can be read without
    return {name.lower(): values[-1] for name, values in told.items() if values} | headers
