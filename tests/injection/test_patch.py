"""The patch: only what the placement needs changes, and the pod stays fit for `restricted`."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from collectors.injection import manifests
from collectors.injection.base import ADMIN_PORT, SIDECAR, Placement, Refusal
from collectors.injection.patch import injected, json_patch, refused
from collectors.injection.place import place
from collectors.injection.sidecar import SidecarSettings, Subject
from tests.injection.shapes import NEW, SHAPES, Shape

SETTINGS = SidecarSettings("registry.local/evenhand:1")
SUBJECT = Subject("team", "credit", "evenhand-credit", "abc", key_secret="evenhand-privacy-key")
PLACED = [shape for shape in SHAPES if shape.is_placed]

Manifest = dict[str, Any]


def _ids(shape: Shape) -> str:
    return shape.name


def _shape(name: str) -> Shape:
    return next(shape for shape in SHAPES if shape.name == name)


def _placement(shape: Shape) -> Placement:
    decision = place(shape.pod, shape.services, shape.version)
    assert isinstance(decision, Placement)
    return decision


def _injected(shape: Shape) -> Manifest:
    return injected(shape.pod, _placement(shape), SUBJECT, SETTINGS)


def _sidecar(pod: Manifest) -> Manifest:
    (found,) = [c for c in manifests.everything(pod) if c["name"] == SIDECAR]
    return found


def _app(pod: Manifest) -> Manifest:
    return manifests.containers(pod)[0]


def apply(document: Any, operations: list[dict[str, Any]]) -> Any:
    """RFC 6902, the three operations that are used; slow and obvious."""
    document = copy.deepcopy(document)
    for operation in operations:
        *steps, last = [
            step.replace("~1", "/").replace("~0", "~") for step in operation["path"].split("/")[1:]
        ]
        place = document
        for step in steps:
            place = place[int(step) if isinstance(place, list) else step]
        if operation["op"] == "remove":
            del place[last]
        elif last == "-":
            place.append(operation["value"])
        else:
            place[int(last) if isinstance(place, list) else last] = operation["value"]
    return document


@pytest.mark.parametrize("shape", PLACED, ids=_ids)
def test_the_operations_make_the_injected_pod(shape: Shape) -> None:
    """What the API server applies is what was decided."""
    after = _injected(shape)
    assert apply(shape.pod, json_patch(shape.pod, after)) == after


@pytest.mark.parametrize("shape", PLACED, ids=_ids)
def test_only_the_app_and_the_lists_change(shape: Shape) -> None:
    """No container but the placement's is touched, and nothing is removed."""
    before, after, placement = shape.pod, _injected(shape), _placement(shape)
    for old in manifests.everything(before):
        new = next(c for c in manifests.everything(after) if c["name"] == old["name"])
        if old["name"] != placement.container:
            assert new == old
        assert old.keys() <= new.keys() | {"valueFrom"}
    assert not [op for op in json_patch(before, after) if op["op"] == "remove"]


@pytest.mark.parametrize("shape", PLACED, ids=_ids)
def test_nobody_listens_twice(shape: Shape) -> None:
    """Sidecar, its health and the app have three ports."""
    placement = _placement(shape)
    assert len({placement.listen, placement.upstream, ADMIN_PORT}) == 3
    arguments = _sidecar(_injected(shape))["args"]
    assert f"--upstream=127.0.0.1:{placement.upstream}" in arguments
    assert f"--port={placement.listen}" in arguments


@pytest.mark.parametrize("shape", PLACED, ids=_ids)
def test_a_second_look_refuses(shape: Shape) -> None:
    """A pod is injected once, however often the webhook is called."""
    decision = place(_injected(shape), shape.services, shape.version)
    assert isinstance(decision, Refusal)
    assert decision.code == "injected"


@pytest.mark.parametrize("shape", PLACED, ids=_ids)
def test_the_kubelet_asks_the_app_itself(shape: Shape) -> None:
    """No probe or hook of the app leads through the sidecar."""
    placement = _placement(shape)
    app = manifests.named(_injected(shape), placement.container) or {}
    asked = {handler.get("port") for handler, _ in manifests.handlers(app)}
    assert not asked & {placement.listen, placement.renamed}


@pytest.mark.parametrize("shape", PLACED, ids=_ids)
def test_the_sidecar_keeps_to_restricted(shape: Shape) -> None:
    """Pod Security `restricted`, as its profile lists it, with a root that cannot be written."""
    context = _sidecar(_injected(shape))["securityContext"]
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] != 0
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert context["readOnlyRootFilesystem"] is True
    volumes = {v["name"]: v for v in _injected(shape)["spec"]["volumes"]}
    mounts = _sidecar(_injected(shape))["volumeMounts"]
    assert [m["name"] for m in mounts if not m.get("readOnly")] == ["evenhand-state"]
    assert {m["name"] for m in mounts} <= volumes.keys()


def test_a_native_sidecar_stays_and_an_old_cluster_gets_a_container() -> None:
    """`restartPolicy: Always` on the last init container, from 1.29 on."""
    new = _injected(_shape("kserve raw"))["spec"]
    assert [c["name"] for c in new["initContainers"]] == ["storage-initializer", SIDECAR]
    assert new["initContainers"][-1]["restartPolicy"] == "Always"
    old = _injected(_shape("kserve raw, sidecar as last container before 1.29"))["spec"]
    assert [c["name"] for c in old["containers"]] == ["kserve-container", SIDECAR]
    assert "restartPolicy" not in old["containers"][-1]


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("kserve raw", "args", ["--model_name=m", "--model_dir=/mnt/models", "--http_port=19082"]),
        ("kserve that does not say its port", "args", None),
        ("triton by number", "args", ["--http-port", "19082"]),
        ("vllm by command", "command", ["--port=19082"]),
        ("tf serving", "args", ["--model_name=m", "--rest_api_port=19082"]),
        ("mlserver", "env", [{"name": "MLSERVER_HTTP_PORT", "value": "19082"}]),
        ("moved by a variable", "env", [{"name": "PORT", "value": "19082"}]),
        ("moved by a flag", "args", ["serve", "--listen", "19082"]),
    ],
)
def test_the_app_is_told_its_port(name: str, field: str, value: list[Any] | None) -> None:
    """In the place where it was told before, else at the end."""
    told = _app(_injected(_shape(name)))[field]
    expected = ["--http_port=19082"] if value is None else value
    assert all(item in told for item in expected), told
    before = _app(_shape(name).pod).get(field) or []
    assert len(told) - len(before) in ({1} if value is None else {0, 1})


def test_a_moved_app_declares_the_port_that_clients_know() -> None:
    """Services by name and by number find the sidecar; the declaration stays with the app."""
    app = _app(_injected(_shape("triton by name")))
    assert manifests.number_of(app, "http") == 8000
    assert app["livenessProbe"]["httpGet"]["port"] == 19082


def test_a_named_port_leads_to_the_sidecar_and_probes_to_the_app() -> None:
    """Every kind of probe and the hook say the real number from now on."""
    app = _app(_injected(_shape("named port, probes of each kind")))
    assert manifests.number_of(app, "http") == 19080
    assert {handler["port"] for handler, _ in manifests.handlers(app)} == {8080}


def test_knative_is_told_by_its_queue_alone() -> None:
    """The user container and Knative's own probe stay as they are."""
    before, after = _shape("knative").pod, _injected(_shape("knative"))
    queue = manifests.named(after, "queue-proxy") or {}
    assert (manifests.variable(queue, "USER_PORT") or {})["value"] == "19080"
    assert _app(after) == _app(before)
    assert queue["env"][1] == before["spec"]["containers"][1]["env"][1]


def test_the_version_of_a_pod_reaches_the_sidecar() -> None:
    """Canary and stable of one component stay apart."""
    shape = Shape("v", SHAPES[0].spec, (8080,), "", '{"evenhand.io/version": "2.1"}', NEW)
    environment = _sidecar(_injected(shape))["env"]
    assert {"name": "EVENHAND_MODEL_VERSION", "value": "2.1"} in environment


def test_a_user_may_be_left_to_the_cluster() -> None:
    """OpenShift gives each namespace a range of its own."""
    settings = SidecarSettings("e:1", run_as_user=None)
    shape = _shape("kserve raw")
    context = _sidecar(injected(shape.pod, _placement(shape), SUBJECT, settings))["securityContext"]
    assert "runAsUser" not in context
    assert context["runAsNonRoot"] is True


def test_without_a_key_nothing_of_it_is_mounted() -> None:
    """At the level open there is no Secret to wait for."""
    shape = _shape("kserve raw")
    pod = injected(shape.pod, _placement(shape), Subject("team", "c", "m", "h"), SETTINGS)
    assert "evenhand-key" not in str(pod)
    assert "--key-directory" not in str(pod)


def test_a_refused_pod_is_as_it_was_and_says_why() -> None:
    """Two annotations, nothing else."""
    pod = _shape("host network").pod
    operations = json_patch(pod, refused(pod, Refusal("host_network", "words")))
    assert [op["path"] for op in operations] == [
        "/metadata/annotations/evenhand.io~1inject-status",
        "/metadata/annotations/evenhand.io~1inject-reason",
    ]
