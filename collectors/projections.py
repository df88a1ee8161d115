"""By what a collector projects embeddings: constants of the build, or what the profile measured."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from governance.algebra.fourier import Projection
from governance.component.baseline import baseline_path
from governance.embeddings import MEASURED, SHIPPED, embedding_name
from governance.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from governance.component.schema import Component

_log = logging.getLogger(__name__)


class _Projection(msgspec.Struct):
    embedding: str
    scale: list[float]
    h: float
    seed: int
    unit: bool
    pairs: int
    hash: str


class _Embedding(msgspec.Struct):
    projection: _Projection


class _Reference(msgspec.Struct):
    embeddings: dict[str, _Embedding] = {}


class _Profile(msgspec.Struct):
    reference: _Reference


def projections_of(component: Component, base: Path) -> Mapping[str, Projection]:
    """Projections by modality, of the component's modalities that have one.

    ``base`` is the component's file. Where a projection is measured on reference rows and there
    is no profile to read it from, the log says so, and the modality is not summed.

    Raises
    ------
    ConfigError
        If ``spec.baseline`` names a file whose hash is another.
    """
    declared = {modality.value for modality in component.spec.model.modality}
    own = {modality.value for modality in component.spec.signals.embeddings}
    found = {name: SHIPPED[name] for name in sorted((declared - own) & SHIPPED.keys())}
    for name in sorted(declared & (MEASURED.keys() | own)):
        try:
            found[name] = _measured(component, base, name)
        except ValueError as error:
            _log.warning("%s: embeddings of %s are not summed: %s", component.key, name, error)
    return found


def _measured(component: Component, base: Path, modality: str) -> Projection:
    """The profile's projection; raises ValueError where there is none that this build can use."""
    path = baseline_path(component, base)
    if path is None:
        raise ValueError("no projection: spec.baseline names no profile")
    try:
        profile = msgspec.json.decode(path.read_bytes(), type=_Profile)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ValueError(f"{path} is no profile: `evenhand baseline` makes one of rows") from None
    embedding, wanted = (
        profile.reference.embeddings.get(modality),
        embedding_name(component, modality),
    )
    if embedding is None or embedding.projection.embedding != wanted:
        raise ValueError(f"no projection: {path} holds none of {wanted}: measure it again")
    said = embedding.projection
    projection = Projection(
        said.embedding, tuple(said.scale), said.h, said.seed, said.unit, said.pairs
    )
    if projection.hash != said.hash:
        raise ConfigError(f"{path}: this machine's numpy draws another projection from its seed")
    return projection
