"""``spec.signals``: where things are in rows, requests and responses."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from governance.component.block import Block
from governance.component.fields import JsonSchema, Outcome, Place, Places
from governance.component.modality import Modality  # noqa: TC001 - pydantic reads it


class Favourable(Block):
    """Which outcomes are favourable: listed values, or a score at or above a bound."""

    values: tuple[Outcome, ...] | None = Field(default=None, alias="in")
    at_least: float | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Favourable:
        if (self.values is None) == (self.at_least is None):
            raise ValueError("write exactly one of in: [...] and atLeast: NUMBER")
        if self.values == ():
            raise ValueError("in: [] makes no outcome favourable: list at least one")
        return self


class LabelSignal(Block):
    """Where the ground truth is; ``favourable`` overrides that of the prediction."""

    source: Place = Field(alias="from")
    favourable: Favourable | None = None


class GroupSignal(Block):
    """A sensitive attribute: where it is, and what its codes are called."""

    source: Place = Field(alias="from")
    names: dict[str, str] = Field(default_factory=dict)
    others: Literal["keep", "pool", "drop"] = "keep"


class FeatureSignal(Block):
    """Which values are features of a modality."""

    source: Places = Field(alias="from")
    exclude: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    names: tuple[str, ...] = ()  # names of unnamed columns (a V2 tensor of shape [n, d])


def _short_form(value: object) -> object:
    return {"from": value} if isinstance(value, str) else value


_Label = Annotated[
    LabelSignal, BeforeValidator(_short_form, json_schema_input_type=Place | LabelSignal)
]
_Group = Annotated[
    GroupSignal, BeforeValidator(_short_form, json_schema_input_type=Place | GroupSignal)
]
_Feature = Annotated[
    FeatureSignal, BeforeValidator(_short_form, json_schema_input_type=Places | FeatureSignal)
]


class Signals(Block):
    """Where things are in rows, requests and responses; defaults come from the protocol."""

    id: Place | None = None
    time: Place | None = None
    version: Place | None = None
    prediction: Place | None = None
    score: Place | None = None
    favourable: Favourable | None = None
    label: _Label | None = None
    groups: dict[str, _Group] = Field(default_factory=dict)
    features: dict[Modality, _Feature] = Field(default_factory=dict)
    embeddings: dict[Modality, Place] = Field(default_factory=dict)  # the model's own
    response_schema: JsonSchema | None = None  # of answers in text; or the file that holds it

    @property
    def of_numbers(self) -> bool:
        """Whether predictions and labels are numbers: no outcome is declared favourable."""
        return self.favourable is None and (self.label is None or self.label.favourable is None)
