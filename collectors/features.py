"""Features of an inference, by modality: where they come from, and what is made of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from collectors.look import Look
from collectors.media_features import MediaFeatures
from collectors.modalities.image import ImageDecoder
from collectors.modalities.tabular import tabular_columns
from collectors.modalities.text.columns import text_columns
from collectors.modalities.text.schema_validity import SchemaValidity
from collectors.modalities.text.trigrams import trigram_counts
from collectors.modalities.voice import VoiceDecoder
from collectors.own_embeddings import OwnEmbedding
from collectors.protocols.inputs import read_rows
from collectors.signals import Place, named_columns
from governance.component.schema import Modality
from governance.component.selector import SelectorKind
from governance.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from collectors.look import FeatureSource
    from collectors.modalities.media import Decoder
    from collectors.signals import Seen
    from governance.component.schema import FeatureSignal, Signals, Spec

EVERYTHING = "*"

_DECODERS: Mapping[Modality, Callable[[], Decoder]] = {
    Modality.IMAGE: ImageDecoder,
    Modality.VOICE: VoiceDecoder,
}

# A feature's name leaves the pod as it is. What no schema would call a column (an address, a
# sentence) is more likely content that a client put in the place of a key.
_NAME = re.compile(r"[\w .,()\[\]/%+:-]{1,64}")


class TabularFeatures:
    """``features.tabular``: all inputs, one tensor, or what a JSONPath selects."""

    reads_contents = False

    def __init__(self, signal: FeatureSignal | None) -> None:
        self._names = signal.names if signal is not None else ()
        self._excluded = frozenset(signal.exclude if signal is not None else ())
        self._categorical = signal.categorical if signal is not None else ()
        self._place: Place | None = None
        if signal is not None and signal.source.argument != EVERYTHING:
            self._place = Place("features.tabular", signal.source)

    def look(
        self,
        seen: Seen,
        asked: NDArray[np.bool_] | None = None,  # noqa: ARG002 - a table is known of every event
    ) -> Look:
        """Columns named ``tabular.<feature>``; raises CaptureError where names do not fit."""
        values = {
            name: array
            for name, array in self._values(seen).items()
            if name not in self._excluded and is_feature_name(name)
        }
        columns = tabular_columns(values, self._categorical)
        return Look({f"{Modality.TABULAR.value}.{name}": c for name, c in columns.items()})

    def _values(self, seen: Seen) -> Mapping[str, NDArray[Any]]:
        place = self._place
        if place is None:
            return seen.columns
        if place.reads_bodies and (objects := self._objects(place, seen)):
            return objects
        rows = place.rows(seen)
        if rows is None:
            return {}
        return named_columns({place.title: rows}, self._names)

    def _objects(self, place: Place, seen: Seen) -> Mapping[str, NDArray[Any]]:
        """Columns of the objects that a path selects; nothing where it selects anything else."""
        found = place.found(seen.inference.parsed[0])
        if not found or not all(isinstance(row, dict) for row in found):
            return {}
        if len(seen.exchanges) > 1:
            raise CaptureError("layout", "objects by a path: each exchange is read alone")
        return named_columns(_same_rows(found, seen.n))


class TextFeatures:
    """``features.text``: what a JSONPath or a tensor gives, else the protocol's own prompt."""

    reads_contents = True

    def __init__(self, signals: Signals, *, embed: bool) -> None:
        signal = signals.features.get(Modality.TEXT)
        self._place = None if signal is None else Place("features.text", signal.source)
        self._embed = embed
        self._validity = SchemaValidity(signals)

    def look(self, seen: Seen, asked: NDArray[np.bool_] | None = None) -> Look:
        """Columns named ``text.<feature>``; the embedding is of the prompt."""
        parsed = seen.inference.parsed
        answers = seen.each([one.completion for one in parsed]).tolist()
        reasons = seen.each([one.finish_reason for one in parsed]).tolist()
        texts = self._texts(seen)
        columns = text_columns(texts, answers, reasons, asked) | self._validity.columns(answers)
        named = {f"{Modality.TEXT.value}.{name}": column for name, column in columns.items()}
        if not self._embed or all(text is None for text in texts):
            return Look(named)
        if asked is not None:
            texts = [text if a else None for text, a in zip(texts, asked.tolist(), strict=True)]
        return Look(named, {Modality.TEXT.value: trigram_counts(texts)})

    def _texts(self, seen: Seen) -> Sequence[str | None]:
        if self._place is not None:
            rows: NDArray[Any] | None = self._place.values(seen)
        elif any(one.prompt is not None for one in seen.inference.parsed):
            rows = seen.each([one.prompt for one in seen.inference.parsed])
        else:
            rows = next((array for array in seen.columns.values() if _is_text(array)), None)
        if rows is None:
            return [None] * seen.n
        return [value if isinstance(value, str) else None for value in rows]


def feature_sources(spec: Spec, embed: Collection[str] = ()) -> list[FeatureSource]:
    """The sources of the declared modalities.

    ``embed`` are the modalities whose embeddings are wanted. What pictures and recordings need is
    loaded only where they are declared.

    Raises
    ------
    ConfigError
        If a library that a declared modality needs is not installed.
    """
    features = spec.signals.features
    sources: list[FeatureSource] = []
    for modality in spec.model.modality:
        signal, own = features.get(modality), spec.signals.embeddings.get(modality)
        wanted = modality.value in embed and own is None
        if modality is Modality.TABULAR:
            sources.append(TabularFeatures(signal))
        elif modality is Modality.TEXT:
            sources.append(TextFeatures(spec.signals, embed=wanted))
        else:
            decoder = _DECODERS[modality]()
            sources.append(MediaFeatures(modality, signal, decoder, embed=wanted))
        if own is not None and modality.value in embed:
            sources.append(OwnEmbedding(modality, own))
    return sources


def is_feature_name(name: str) -> bool:
    """Whether a text may leave the pod as the name of a feature."""
    return _NAME.fullmatch(name) is not None


def input_names(signals: Signals) -> tuple[str, ...]:
    """The names of an unnamed input's columns, where ``features.tabular`` names inputs."""
    tabular = signals.features.get(Modality.TABULAR)
    bodies = {SelectorKind.REQUEST, SelectorKind.RESPONSE}
    return () if tabular is None or tabular.source.kind in bodies else tabular.names


def _same_rows(found: list[Any], instances: int) -> Mapping[str, NDArray[Any]]:
    n, arrays = read_rows(found, SelectorKind.REQUEST.value)
    if n not in {1, instances}:
        raise CaptureError(
            "selector",
            f"spec.signals.features.tabular selects {n} objects for {instances} instances",
        )
    repeat = instances if n == 1 else 1
    return {name: array.repeat(repeat, axis=0) for name, array in arrays.items()}


def _is_text(array: NDArray[Any]) -> bool:
    return array.dtype == object and any(isinstance(value, str) for value in array)
