from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from governance.errors import PermanentError
from governance.store.references import References

if TYPE_CHECKING:
    from sqlalchemy import Engine


def test_profile_comes_back_by_its_hash(engine: Engine) -> None:
    """Bytes survive the database."""
    References(engine).put("a" * 64, b"\x00profile\xff")
    assert References(engine).get("a" * 64) == b"\x00profile\xff"


def test_unknown_hash_is_none(engine: Engine) -> None:
    """What was never kept is not there."""
    assert References(engine).get("b" * 64) is None


def test_same_profile_may_be_kept_again(engine: Engine) -> None:
    """Two workers that build one reference do not disturb each other."""
    References(engine).put("a" * 64, b"profile")
    References(engine).put("a" * 64, b"profile")
    assert References(engine).get("a" * 64) == b"profile"


def test_reference_is_immutable(engine: Engine) -> None:
    """Another content under a known hash is refused and the first stays."""
    References(engine).put("a" * 64, b"profile")
    with pytest.raises(PermanentError, match="already with another content"):
        References(engine).put("a" * 64, b"other")
    assert References(engine).get("a" * 64) == b"profile"
