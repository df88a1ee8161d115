"""A real Kubernetes API for a session, with the CRD; skipped, saying so, where it was not built.

Its program takes minutes to build: ``make test-cluster`` does, and CI uses what it finds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from governance.component.crd import NAME, crd_text
from tests.kubernetes.waiting import until
from tests.testkit import kubebox_build
from tests.testkit.kubernetes import Kubernetes, start_kubernetes

if TYPE_CHECKING:
    from collections.abc import Iterator

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.fixture(scope="session")
def kubernetes() -> Iterator[Kubernetes]:
    """A cluster that knows the CRD."""
    if kubebox_build.here() is None:
        pytest.skip(f"{kubebox_build.NAME} is not built here: make test-cluster")
    with start_kubernetes() as cluster:
        install_crd(cluster)
        yield cluster


def install_crd(cluster: Kubernetes) -> None:
    """Apply the CRD as Helm does, by its name, and wait until it is served."""
    answer = cluster.client.patch(
        f"{CRDS}/{NAME}",
        params={"fieldManager": "helm", "fieldValidation": "Strict"},
        headers={"content-type": "application/apply-patch+yaml"},
        content=crd_text(),
    )
    assert answer.status_code == 201, answer.text
    assert answer.headers.get_list("warning") == []
    until(lambda: condition(cluster, "Established") == "True", "the CRD is not established")


def namespace(cluster: Kubernetes, name: str, **labels: str) -> None:
    """Create a namespace, unless another module has."""
    body = {"metadata": {"name": name, "labels": labels}}
    answer = cluster.client.post("/api/v1/namespaces", json=body)
    assert answer.status_code in {201, 409}, answer.text


def condition(cluster: Kubernetes, kind: str) -> str | None:
    """The status of a condition of the CRD."""
    status = cluster.get(f"{CRDS}/{NAME}").get("status") or {}
    found = [c["status"] for c in status.get("conditions") or () if c["type"] == kind]
    return found[0] if found else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs the cluster; all but the CRD's tests start programs, which takes minutes."""
    for item in items:
        if "kubernetes" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.cluster)
            if item.path.stem != "test_crd":
                item.add_marker(pytest.mark.slow)
