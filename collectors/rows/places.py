"""``spec.signals`` on a row file: which column each signal reads.

``column:X``, ``input:X``, ``output:X`` and ``request:$.X`` all read column X; there are no
headers. Where the component does not say, the columns ``id``, ``prediction`` and ``score`` are
taken for what they are called, and so are the columns that every event may have (``OWN_NAMES``:
``latency_ms``, ``input_tokens``, ``finish_reason``, ...). ``features.tabular`` is ``column:*``
where it is not said: every column but those that the signals above, time, version and label read,
and those of texts and media. The columns of groups are features too, as models read them;
``exclude`` takes them out.
``features.text`` reads the text itself, and the column ``completion``, where there is one, is the
answer to it; ``features.voice`` and ``features.image`` read the path of a file, absolute or
relative to the row file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from governance.component.jsonpath import simple_name
from governance.component.nearest import did_you_mean, listed
from governance.component.schema import Modality
from governance.component.selector import Selector, SelectorKind
from governance.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from governance.component.schema import Component, FeatureSignal

OWN_NUMBERS = (
    *("latency_ms", "ttft_ms", "status_code", "input_tokens", "output_tokens"),
    *("request_bytes", "response_bytes", "truncated", "undecodable", "refusal"),
)
OWN_NAMES = (*OWN_NUMBERS, "finish_reason")

MEDIA = frozenset({Modality.VOICE, Modality.IMAGE})

ANSWER = "completion"

_DEFAULT_NAMES = ("id", "prediction", "score")
_EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class RowPlaces:
    """Column of each signal, by signal (``id``, ``time``, ...); what is not there has none.

    ``groups`` are by attribute, ``features`` are the columns of tabular features, ``contents`` are
    the columns of texts, recordings and pictures; paths in them are relative to ``folder``.
    ``embeddings`` are the columns of the model's own.
    ``answer`` is the column of answers to the texts; None where there is none.
    """

    signals: Mapping[str, str]
    groups: Mapping[str, str] = field(default_factory=dict)
    features: tuple[str, ...] = ()
    contents: Mapping[Modality, str] = field(default_factory=dict)
    folder: Path = field(default_factory=Path)
    answer: str | None = None
    embeddings: Mapping[Modality, str] = field(default_factory=dict)

    @property
    def has_media(self) -> bool:
        """Whether files are decoded for every row."""
        return not MEDIA.isdisjoint(self.contents)


def find_places(component: Component, names: Sequence[str], file: Path) -> RowPlaces:
    """Where a file of recorded traffic has what the component declares.

    Raises
    ------
    ConfigError
        If a declared column is not there, or a selector does not fit a row file; the message
        names file, column, nearest column and signal.
    """
    finder = _Finder(component, names, file)
    signals = component.spec.signals
    places = finder.signals(required=True)
    if signals.label is not None:
        places["label"] = finder.column("label", signals.label.source)
    contents, embeddings = finder.contents(), finder.embeddings()
    taken = (*places.values(), *contents.values(), *embeddings.values(), *finder.answer)
    return RowPlaces(
        signals=places,
        groups={
            name: finder.column(f"groups.{name}", group.source)
            for name, group in signals.groups.items()
        },
        features=finder.features(taken),
        contents=contents,
        folder=file.parent,
        answer=next(iter(finder.answer), None),
        embeddings=embeddings,
    )


def find_reference_places(component: Component, names: Sequence[str], file: Path) -> RowPlaces:
    """Where a file of reference rows has what is compared.

    Only features must be there: a training table often has neither times nor a model's outputs.
    Rows with labels also tell how well the model did, rows with groups how its rates of groups
    differ from window to window.
    """
    finder = _Finder(component, names, file)
    places, contents = finder.signals(required=False), finder.contents()
    places |= finder.label()
    embeddings = finder.embeddings()
    taken = (*places.values(), *contents.values(), *embeddings.values(), *finder.answer)
    return RowPlaces(
        signals=places,
        groups=finder.known_groups(),
        features=finder.features(taken),
        contents=contents,
        folder=file.parent,
        answer=next(iter(finder.answer), None),
        embeddings=embeddings,
    )


class _Finder:
    def __init__(self, component: Component, names: Sequence[str], file: Path) -> None:
        self._spec = component.spec
        self._names = names
        self._file = file

    def signals(self, *, required: bool) -> dict[str, str]:
        signals = self._spec.signals
        places = {name: name for name in (*_DEFAULT_NAMES, *OWN_NAMES) if name in self._names}
        for name in ("id", "time", "version", "prediction", "score"):
            selector = getattr(signals, name)
            if selector is None:
                continue
            column = self._argument(name, selector)
            if required or column in self._names:
                places[name] = self._existing(name, selector, column)
            else:
                places.pop(name, None)
        return places

    @property
    def answer(self) -> tuple[str, ...]:
        """The column of answers, where texts are declared and the file has it."""
        declared = Modality.TEXT in self._spec.signals.features
        return (ANSWER,) if declared and ANSWER in self._names else ()

    def label(self) -> dict[str, str]:
        """The column of labels, where the file has it."""
        label = self._spec.signals.label
        column = None if label is None else self._argument("label", label.source)
        return {"label": column} if column is not None and column in self._names else {}

    def known_groups(self) -> dict[str, str]:
        """The columns of attributes, of those that the file has."""
        declared = self._spec.signals.groups.items()
        columns = {name: _column_name(group.source) or "" for name, group in declared}
        return {name: column for name, column in columns.items() if column in self._names}

    def column(self, signal: str, selector: Selector) -> str:
        """The column that a selector reads; raises ConfigError if it is not there."""
        return self._existing(signal, selector, self._argument(signal, selector))

    def features(self, taken: Sequence[str]) -> tuple[str, ...]:
        """The columns of tabular features; where all are wanted, all that are not ``taken``."""
        if Modality.TABULAR not in self._spec.model.modality:
            return ()
        signal = self._spec.signals.features.get(Modality.TABULAR)
        if signal is None or signal.source.argument == _EVERYTHING:
            excluded = set(taken) | set(signal.exclude if signal else ())
            label = self._spec.signals.label
            if label is not None:
                excluded.add(label.source.argument)
            if signal is not None:
                self._check_categorical(signal)
            return tuple(name for name in self._names if name not in excluded)
        return (self.column("features.tabular", signal.source),)

    def contents(self) -> dict[Modality, str]:
        """The columns of declared modalities that are no tables."""
        features = self._spec.signals.features
        declared = (modality for modality in self._spec.model.modality if modality in features)
        return {
            modality: self.column(f"features.{modality.value}", features[modality].source)
            for modality in declared
            if modality is not Modality.TABULAR
        }

    def embeddings(self) -> dict[Modality, str]:
        """The columns of the model's own embeddings."""
        declared = self._spec.signals.embeddings.items()
        return {
            modality: self.column(f"embeddings.{modality.value}", selector)
            for modality, selector in declared
        }

    def _argument(self, signal: str, selector: Selector) -> str:
        name = _column_name(selector)
        if name is None:
            raise ConfigError(
                f"{self._file}: spec.signals.{signal} is {selector}, which a file of rows does "
                "not have: for replay write column:NAME"
            )
        return name

    def _check_categorical(self, signal: FeatureSignal) -> None:
        """A name that is written wrongly here would silently turn codes into numbers."""
        for name in signal.categorical:
            if name not in self._names and name not in signal.exclude:
                raise ConfigError(
                    f"{self._file}: has no column {name!r}{did_you_mean(name, self._names)}, which "
                    "spec.signals.features.tabular.categorical lists; its columns: "
                    f"{listed(self._names)}"
                )

    def _existing(self, signal: str, selector: Selector, column: str) -> str:
        if column not in self._names:
            near = did_you_mean(column, self._names)
            raise ConfigError(
                f"{self._file}: has no column {column!r}{near}, which spec.signals.{signal} "
                f"({selector}) reads; its columns: {listed(self._names)}"
            )
        return column


def _column_name(selector: Selector) -> str | None:
    """The column that a selector reads in a file of rows; None where such a file has none."""
    if selector.kind in {SelectorKind.COLUMN, SelectorKind.INPUT, SelectorKind.OUTPUT}:
        return selector.argument
    return None if selector.kind is SelectorKind.HEADER else simple_name(selector.argument)
