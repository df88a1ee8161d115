"""Profiles: references as JSON files that are checked when they are read.

::

    {"format": "evenhand.reference/v1", "id": SHA-256 of the canonical text of what follows,
     "reference": {...}}
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta

from detectors.embedding_reference import EmbeddingReference
from detectors.feature_reference import FeatureReference
from detectors.group_reference import RATE_NAMES, GroupReference
from detectors.joint_reference import MOST_FEATURES, JointReference
from detectors.performance.reference import dense
from detectors.reference import Reference, WindowCut, canonical_json
from detectors.stats.mmd import GramNull
from detectors.stats.overdispersion import LENGTHS, Block
from governance.algebra.bins import CategoryBins, NumericBins
from governance.algebra.fourier import Projection
from governance.algebra.pieces import fit_pieces
from governance.algebra.products import FARTHEST, size_of
from governance.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from governance.algebra.pieces import Pieces
    from governance.algebra.sums import Sums

FORMAT = "evenhand.reference/v1"
REMEDY = "build it again with `evenhand baseline FILE --component YAML -o PROFILE`"

_Count = Annotated[int, Meta(ge=0, le=2**53)]
_Size = Annotated[float, Meta(gt=0)]
_Rho = Annotated[float, Meta(ge=1)]
_Positive = Annotated[int, Meta(ge=1)]
_Spread = Annotated[float, Meta(ge=0)]
_Ladder = list[tuple[_Positive, _Size, _Rho]]


class _Feature(msgspec.Struct, forbid_unknown_fields=True, tag_field="kind"):
    counts: list[_Count]
    ladder: _Ladder


class _Pieces(msgspec.Struct, forbid_unknown_fields=True):
    edges: list[float]
    rows: list[_Count]
    mean: list[float]
    null_constant: Annotated[float, Meta(ge=0)]


class _Numeric(_Feature, tag="numeric"):
    edges: list[float]
    minimum: float
    maximum: float
    sd: Annotated[float, Meta(ge=0)]
    null_constant: Annotated[float, Meta(ge=0)]
    pieces: _Pieces | None = None  # profiles of earlier builds have none


class _Category(_Feature, tag="category"):
    kept: list[str]
    rare: list[str]


class _Projection(msgspec.Struct, forbid_unknown_fields=True):
    embedding: str
    scale: Annotated[list[_Size], Meta(min_length=1, max_length=4_096)]
    h: Annotated[float, Meta(ge=1e-6)]
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    unit: bool
    pairs: Annotated[int, Meta(ge=1, le=4_096)]
    hash: str


class _Embedding(msgspec.Struct, forbid_unknown_fields=True):
    projection: _Projection
    rows: Annotated[int, Meta(ge=1, le=2**53)]
    sums: list[Annotated[int, Meta(ge=-(2**62), le=2**62)]]
    null: tuple[_Spread, _Spread, _Size, _Spread]
    ladder: _Ladder


class _Joint(msgspec.Struct, forbid_unknown_fields=True):
    features: Annotated[list[str], Meta(min_length=2, max_length=MOST_FEATURES)]
    steps: list[list[Annotated[int, Meta(ge=-FARTHEST, le=FARTHEST)]]]
    rows: Annotated[int, Meta(ge=1, le=2**53)]
    sums: list[Annotated[int, Meta(ge=-(2**62), le=2**62)]]
    nulls: list[tuple[_Spread, _Spread, _Size, _Spread]]
    left_out: Annotated[int, Meta(ge=0, le=2**31)]
    ladder: _Ladder


class _Cut(msgspec.Struct, forbid_unknown_fields=True):
    kind: Literal["every", "events"]
    length: _Positive
    pane: _Positive


class _Content(msgspec.Struct, forbid_unknown_fields=True):
    rows: _Count
    ordered: bool
    windows: _Cut
    start_us: int | None
    end_us: int | None
    inputs: dict[str, _Numeric | _Category]
    outputs: dict[str, dict[str, _Numeric | _Category]]
    embeddings: dict[str, _Embedding] = {}
    joint: _Joint | None = None
    groups: dict[str, dict[str, dict[str, _Ladder]]] = {}
    performance: dict[str, dict[str, list[tuple[_Count, _Count]]]] = {}


def is_profile(head: bytes) -> bool:
    """Whether a file that begins with ``head`` (some 200 bytes) is a profile, not rows."""
    return b'"evenhand.reference/' in head


def profile_text(reference: Reference) -> str:
    """The profile of a reference: one line, the same for the same reference."""
    content = canonical_json(reference.content())
    return f'{{"format":"{FORMAT}","id":"{reference.id}","reference":{content}}}\n'


def write_profile(path: Path, reference: Reference) -> None:
    """Write the profile of a reference to a file."""
    path.write_text(profile_text(reference), encoding="utf-8")


def read_profile(path: Path) -> Reference:
    """Read a profile; raises as ``parse_profile`` does, also if the file cannot be read."""
    try:
        return parse_profile(path.read_bytes(), str(path))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None


def parse_profile(text: bytes | str, place: str) -> Reference:
    """The reference of a profile; ``place`` names it in errors.

    Raises
    ------
    ConfigError
        If the text is no profile of this format, was damaged or edited, or does not fit together;
        the message names place, field and remedy.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{place}: is damaged, it is not JSON ({error}): {REMEDY}") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = document.get("format") if isinstance(document, dict) else None
        raise ConfigError(f"{place}: format: is {found!r}, this build reads {FORMAT!r}: {REMEDY}")
    try:
        content = msgspec.convert(document.get("reference"), _Content)
        reference = _reference(content)
    except (msgspec.ValidationError, _Unfit) as error:
        raise ConfigError(f"{place}: {error}: {REMEDY}") from None
    if document.get("id") != reference.id:
        raise ConfigError(
            f"{place}: id: is {document.get('id')!r}, but the content's hash is "
            f"{reference.id!r}: the file was edited or damaged: {REMEDY}"
        )
    return reference


class _Unfit(ValueError):
    """Fields that do not fit each other."""


def _reference(content: _Content) -> Reference:
    cut = content.windows
    if cut.length % cut.pane:
        raise _Unfit(f"windows: length {cut.length} is no multiple of pane {cut.pane}")
    inputs = _features("inputs", content.inputs)
    outputs = {
        version: _features(f"outputs.{version}", named)
        for version, named in content.outputs.items()
    }
    for name, feature in inputs.items():
        if feature.counts.sum() != content.rows:
            raise _Unfit(
                f"inputs.{name}.counts: add up to {feature.counts.sum()}, rows is {content.rows}"
            )
    return Reference(
        rows=content.rows,
        ordered=content.ordered,
        windows=WindowCut(cut.kind, cut.length, cut.pane),
        inputs=inputs,
        outputs=outputs,
        start_us=content.start_us,
        end_us=content.end_us,
        embeddings={
            modality: _embedding(f"embeddings.{modality}", embedding)
            for modality, embedding in content.embeddings.items()
        },
        joint=None if content.joint is None else _joint(content.joint, inputs),
        groups={
            attribute: _groups(f"groups.{attribute}", known)
            for attribute, known in content.groups.items()
        },
        performance={
            version: _performance(f"performance.{version}", stored)
            for version, stored in content.performance.items()
        },
    )


def _performance(place: str, stored: dict[str, list[tuple[int, int]]]) -> Sums:
    try:
        return {name: dense(name, cells) for name, cells in stored.items()}
    except ValueError as error:
        raise _Unfit(f"{place}: {error}") from None


def _features(place: str, named: dict[str, _Numeric | _Category]) -> dict[str, FeatureReference]:
    return {name: _feature(f"{place}.{name}", feature) for name, feature in named.items()}


def _feature(place: str, feature: _Numeric | _Category) -> FeatureReference:
    bins = _bins(place, feature)
    if len(feature.counts) != bins.size:
        raise _Unfit(f"{place}.counts: has {len(feature.counts)} bins, not {bins.size}")
    ladder = _ladder(place, feature.ladder)
    counts = np.array(feature.counts, dtype=np.int64)
    if isinstance(feature, _Category) or not isinstance(bins, NumericBins):
        return FeatureReference(bins, counts, ladder)
    stored, constant = feature.pieces, feature.null_constant
    if stored is None:
        return FeatureReference(bins, counts, ladder, constant)
    pieces = _pieces(f"{place}.pieces", stored, bins, counts)
    return FeatureReference(bins, counts, ladder, constant, pieces, stored.null_constant)


def _pieces(place: str, stored: _Pieces, bins: NumericBins, counts: NDArray[np.int64]) -> Pieces:
    edges, mean = _edges(place, stored.edges), np.array(stored.mean, dtype=np.float64)
    if not len(stored.rows) == len(mean) == len(edges) + 1:
        raise _Unfit(f"{place}: {len(edges)} edges need {len(edges) + 1} rows and means")
    if not np.isin(bins.edges, edges).all() or bins.sd <= 0:
        raise _Unfit(f"{place}.edges: do not cut the feature's bins")
    if (mean[:-1] > edges).any() or (mean[1:] < edges).any():
        raise _Unfit(f"{place}.mean: lies outside its piece")
    pieces = fit_pieces(bins, edges, np.array(stored.rows, dtype=np.int64), mean)
    if (np.add.reduceat(pieces.rows, pieces.starts) != counts[: -bins.tail]).any():
        raise _Unfit(f"{place}.rows: do not add up to the feature's counts")
    return pieces


def _ladder(place: str, stored: _Ladder) -> tuple[Block, ...]:
    ladder = tuple(Block(k, mean_rows, rho) for k, mean_rows, rho in stored)
    if tuple(block.k for block in ladder) != LENGTHS[: len(ladder)]:
        raise _Unfit(f"{place}.ladder: its lengths are not 1, 2, 4 ... in this order")
    return ladder


def _embedding(place: str, stored: _Embedding) -> EmbeddingReference:
    said = stored.projection
    projection = Projection(
        said.embedding, tuple(said.scale), said.h, said.seed, said.unit, said.pairs
    )
    if projection.hash != said.hash:
        raise _Unfit(
            f"{place}.projection.hash: is {said.hash!r}, this machine's numpy draws "
            f"{projection.hash!r} from the same seed"
        )
    if len(stored.sums) != projection.size:
        raise _Unfit(f"{place}.sums: has {len(stored.sums)} numbers, not {projection.size}")
    sums = np.array(stored.sums, dtype=np.int64)
    null = GramNull(*stored.null)
    return EmbeddingReference(projection, stored.rows, sums, null, _ladder(place, stored.ladder))


def _groups(place: str, stored: dict[str, dict[str, _Ladder]]) -> GroupReference:
    for group, rates in stored.items():
        if not rates or not RATE_NAMES.issuperset(rates):
            raise _Unfit(f"{place}.{group}: names no rate, or one that is none")
    return GroupReference(
        {
            group: {rate: _ladder(f"{place}.{group}.{rate}", kept) for rate, kept in rates.items()}
            for group, rates in stored.items()
        }
    )


def _joint(stored: _Joint, inputs: dict[str, FeatureReference]) -> JointReference:
    for name, steps in zip(stored.features, stored.steps, strict=False):
        if name not in inputs or len(steps) != inputs[name].bins.size:
            raise _Unfit(f"joint.steps: those of {name!r} fit no bins of inputs")
    d = len(stored.features)
    if len(stored.steps) != d or len(stored.nulls) != d or len(stored.sums) != size_of(d):
        raise _Unfit(f"joint: steps, nulls and sums are not those of {d} features")
    return JointReference(
        features=tuple(stored.features),
        steps=tuple(np.array(steps, dtype=np.int64) for steps in stored.steps),
        rows=stored.rows,
        sums=np.array(stored.sums, dtype=np.int64),
        nulls=tuple(GramNull(*null) for null in stored.nulls),
        left_out=stored.left_out,
        ladder=_ladder("joint", stored.ladder),
    )


def _bins(place: str, feature: _Numeric | _Category) -> NumericBins | CategoryBins:
    if isinstance(feature, _Category):
        if len({*feature.kept, *feature.rare}) != len(feature.kept) + len(feature.rare):
            raise _Unfit(f"{place}: kept and rare name a category twice")
        return CategoryBins(tuple(feature.kept), tuple(feature.rare))
    edges = _edges(place, feature.edges)
    if feature.minimum > feature.maximum:
        raise _Unfit(f"{place}.minimum: {feature.minimum} exceeds maximum, {feature.maximum}")
    return NumericBins(edges, feature.minimum, feature.maximum, feature.sd)


def _edges(place: str, stored: list[float]) -> NDArray[np.float64]:
    edges = np.array(stored, dtype=np.float64)
    if not np.isfinite(edges).all() or (np.diff(edges) <= 0).any():
        raise _Unfit(f"{place}.edges: do not rise")
    return edges
