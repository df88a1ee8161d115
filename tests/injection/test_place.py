"""Placement: one decision for each shape of pod, always with its reason."""

from __future__ import annotations

import copy
from collections import Counter

import pytest

from collectors.injection.base import Placement, Refusal
from collectors.injection.place import place
from tests.injection.shapes import SHAPES, Shape


def _ids(shape: Shape) -> str:
    return shape.name


@pytest.mark.parametrize("shape", SHAPES, ids=_ids)
def test_each_shape_is_decided_as_its_rule_says(shape: Shape) -> None:
    """Port by port, or refused under its code."""
    decision = place(shape.pod, shape.services, shape.version)
    said = str(decision) if isinstance(decision, Placement) else decision.code
    assert said == shape.decision, str(decision)


@pytest.mark.parametrize("shape", SHAPES, ids=_ids)
def test_deciding_changes_nothing(shape: Shape) -> None:
    """A pod and its Services are as they were."""
    pod, services = shape.pod, shape.services
    before = copy.deepcopy((pod, services))
    place(pod, services, shape.version)
    assert (pod, services) == before


def test_the_table_is_wide() -> None:
    """At least 40 shapes, with names of their own; both decisions by every road."""
    assert len(SHAPES) >= 40
    assert max(Counter(shape.name for shape in SHAPES).values()) == 1
    roads = {shape.decision.split(":")[0] for shape in SHAPES if shape.is_placed}
    assert roads == {"annotation", "knative", "runtime", "named port"}


def test_a_refusal_says_what_would_help() -> None:
    """Nobody has to read this code to get a sidecar."""
    shape = next(shape for shape in SHAPES if shape.decision == "no_args")
    decision = place(shape.pod, shape.services, shape.version)
    assert isinstance(decision, Refusal)
    assert "Write its args, with --http_port among them" in decision.words


def test_services_of_other_pods_do_not_count() -> None:
    """A Service that selects less than the pod's labels does, one that selects more does not."""
    shape = next(shape for shape in SHAPES if shape.name == "named port")
    (other, own) = shape.services
    own["spec"]["selector"]["tier"] = "x"
    decision = place(shape.pod, [other, own], shape.version)
    assert isinstance(decision, Refusal)
    assert decision.code == "no_service"


def test_what_is_not_watched_is_said() -> None:
    """The gRPC port beside the HTTP port is a note, not a silence."""
    shape = next(shape for shape in SHAPES if shape.name == "triton by name")
    decision = place(shape.pod, shape.services, shape.version)
    assert isinstance(decision, Placement)
    assert decision.notes == ("port grpc is not watched",)
