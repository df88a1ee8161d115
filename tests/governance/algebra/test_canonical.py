import numpy as np
import pytest

from governance.algebra.canonical import canonical_text


@pytest.mark.parametrize("value", [1, 1.0, "1", "1.0", "1.00", np.int8(1), np.float32(1)])
def test_one_number_has_one_spelling(value: object) -> None:
    """An integral number reads the same from JSON, a tensor, a CSV cell and YAML."""
    assert canonical_text(value) == "1"


@pytest.mark.parametrize("value", [True, "True", "TRUE", "true", np.True_])
def test_one_truth_has_one_spelling(value: object) -> None:
    """A boolean reads the same from JSON and from the files that Python, R and Excel write."""
    assert canonical_text(value) == "true"


@pytest.mark.parametrize("text", ["017", "1e3", "0.50", "1.2.0", " 1", "Ärger", ".0", "truer"])
def test_other_text_stays_as_written(text: str) -> None:
    """Text that is no decimal integral number and no boolean is not touched."""
    assert canonical_text(text) == text


def test_zero_has_no_sign() -> None:
    """Minus zero is zero, as a float and as text."""
    assert canonical_text(-0.0) == canonical_text("-0.0") == "0"


@pytest.mark.parametrize("value", [None, ""])
def test_missing_is_empty_text(value: object) -> None:
    """None and the empty cell are the same missing value."""
    assert canonical_text(value) == ""


def test_floats_of_any_size_are_spelled_without_loss() -> None:
    """Huge and non-finite floats get a text; fractions come back exactly."""
    assert canonical_text(1e20) == "100000000000000000000"
    assert canonical_text(float("inf")) == "inf"
    assert float(canonical_text(0.1 + 0.2)) == 0.1 + 0.2
