"""Random bodies that look like those of the protocols, and are wrong in every second place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

NAMES = ("a", "b", "x", "t", "score", "predict", "label", "predict_proba")
SCALARS: tuple[Any, ...] = (
    *(None, True, False, 0, 1, 2.5, -1, 10**30, 10**400, float("nan"), float("inf")),
    *("", "1", "x", "nan", "é", "\x00", [1], [], {}, {"b64": "x"}),
)


def body(chance: Random) -> Any:
    """A V1, V2 or chat request or response; ``json.dumps`` writes it."""
    kind = chance.choice((_v1, _v2, _chat, _batch))
    return kind(chance)


def _v2(chance: Random) -> Any:
    return {
        "inputs": [_tensor(chance) for _ in range(chance.randint(0, 3))],
        "outputs": [_tensor(chance) for _ in range(chance.randint(0, 2))],
        "id": _scalar(chance),
        "model_version": _scalar(chance),
    }


def _v1(chance: Random) -> Any:
    return {
        chance.choice(("instances", "inputs")): _rows(chance),
        chance.choice(("predictions", "outputs")): _rows(chance),
        "t": _scalar(chance),
    }


def _batch(chance: Random) -> Any:
    return [{"instances": _rows(chance)} for _ in range(2)]


def _chat(chance: Random) -> Any:
    message = {"role": "user", "content": _scalar(chance)}
    choice = {"message": message, "finish_reason": _scalar(chance)}
    return {
        "messages": chance.choice(([message], _scalar(chance))),
        "choices": chance.choice(([choice], _scalar(chance))),
        "usage": {"prompt_tokens": _scalar(chance), "completion_tokens": _scalar(chance)},
    }


def _tensor(chance: Random) -> dict[str, Any]:
    n, width = chance.randint(0, 3), chance.randint(0, 2)
    shapes: tuple[Any, ...] = (
        [n],
        [n, width],
        [],
        -1,
        [-1],
        [n, -1],
        [n * width],
        [n, 1],
        None,
        "x",
    )
    tensor = {
        "name": chance.choice(NAMES),
        "datatype": chance.choice(("FP32", "BYTES", "INT64", "BOOL", "ZZ")),
        "data": chance.choice((_array(chance, n, width), _scalar(chance))),
        "shape": chance.choice(shapes),
    }
    return {key: value for key, value in tensor.items() if chance.random() > 0.08}


def _rows(chance: Random) -> Any:
    n, names = chance.randint(0, 3), chance.sample(NAMES, 2)
    forms = (
        _array(chance, n, 2),
        [{name: _scalar(chance) for name in names} for _ in range(n)],
        {name: _array(chance, n, 2) for name in names},
        {name: {"0": _scalar(chance), "1": _scalar(chance)} for name in names},
        _scalar(chance),
    )
    return chance.choice(forms)


def _array(chance: Random, n: int, width: int) -> list[Any]:
    forms = (
        [_scalar(chance) for _ in range(n)],
        [[_scalar(chance) for _ in range(width)] for _ in range(n)],
        [chance.choice((_scalar(chance), [_scalar(chance)])) for _ in range(n)],
    )
    return chance.choice(forms)


def _scalar(chance: Random) -> Any:
    return chance.choice(SCALARS)
