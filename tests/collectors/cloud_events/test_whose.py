from __future__ import annotations

from typing import Any

import pytest

from collectors.cloud_events.event import CloudEvent
from collectors.cloud_events.whose import Owners
from governance.component.schema import Component


def watched(key: str, endpoint: str | None = None, model: str = "model") -> Component:
    namespace, name = key.split("/")
    spec: dict[str, Any] = {"model": {"name": model, "version": "1", "modality": ["tabular"]}}
    if endpoint is not None:
        spec["model"]["endpoint"] = endpoint
    document = {
        "apiVersion": "apexlogic.io/v1alpha1",
        "kind": "MultimodalAIComponent",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }
    return Component.model_validate(document)


OWNERS = Owners(
    [
        watched("shop/sentiment", "https://api.example.com/models/sentiment-v2"),
        watched("shop/topics", "https://api.example.com/models/topics"),
        watched("bank/loans", model="loans-model"),
        watched("bank/twin-a", "http://twins.bank/m"),
        watched("bank/twin-b", "http://twins.bank/m"),
    ]
)


@pytest.mark.parametrize(
    ("source", "namespace", "name", "owner"),
    [
        ("https://api.example.com/models/sentiment-v2", "", "", "shop/sentiment"),
        ("http://api.example.com:443/models/sentiment-v2/", "", "", "shop/sentiment"),
        ("api.example.com/models/topics/v/3", "", "", "shop/topics"),
        ("http://api.example.com/", "", "", None),  # either of two
        ("http://api.example.com/", "shop", "topics", "shop/topics"),
        ("https://api.example.com/models/sentiment", "", "", None),  # a step is a whole step
        ("loans-predictor-7d9f", "bank", "loans", "bank/loans"),
        ("loans-predictor-7d9f", "bank", "loans-model", "bank/loans"),
        ("loans-predictor-7d9f", "shop", "loans", None),
        ("http://twins.bank/m", "", "", None),
        ("http://twins.bank/m", "bank", "twin-b", "bank/twin-b"),
        ("http://[", "", "", None),
        ("/", "", "", None),
    ],
)
def test_source_tells_the_component_else_the_extensions_do(
    source: str, namespace: str, name: str, owner: str | None
) -> None:
    """The declared endpoint first, names where that leaves several or none; never a guess."""
    attributes = {"namespace": namespace, "inferenceservicename": name}
    found = OWNERS.of(CloudEvent("a", source, "t", None, attributes, b""))
    assert (None if found is None else str(found)) == owner
