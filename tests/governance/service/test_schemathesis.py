"""Every request that the API's description allows, and many that it does not: Schemathesis."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_schema_conformance,
    status_code_conformance,
)

from governance.clock import SystemClock
from governance.finding import Status
from governance.service.app import build_app
from governance.service.auth import Authority
from governance.service.http import bind, served
from tests.alerting.stored import finding, open_migrated, spec, write
from tests.governance.service.test_api import tokens_file

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = 10  # an operation, of what is allowed, and of what is not
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    ignored_auth,
)


class Patient(SystemClock):
    """Every look at it is a minute later: nobody fails too often to be listened to."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def monotonic(self) -> float:
        self._seconds += 60
        return self._seconds


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The description of an API that answers on a socket."""
    folder = tmp_path_factory.mktemp("api")
    store = open_migrated(folder)
    write(store, [finding(i, Status.BREACH) for i in range(3)], spec())
    tokens = tokens_file(folder, reader={"roles": ["read"]})
    app = build_app(store, Authority.load(tokens, "127.0.0.1", clock=Patient()))
    with served(app, bind("127.0.0.1:0")) as url:
        described = schemathesis.openapi.from_dict(app.openapi())
        described.config.update(base_url=url)
        yield described
    store.engine.dispose()


def test_the_api_keeps_its_description(api: Any) -> None:
    """No server error, no status or shape that is not described, nobody without a token."""
    operations = [found.ok() for found in api.get_all_operations()]
    assert len(operations) >= 12
    for operation in operations:
        for mode in GenerationMode:
            _hold(operation.as_strategy(generation_mode=mode))


def _hold(cases: Any) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def asked(case: Any) -> None:
        case.call_and_validate(
            checks=list(CHECKS), headers={"Authorization": "Bearer reader"}, timeout=30
        )

    with suppress(Unsatisfiable):  # an operation without parameters cannot be asked wrongly
        asked()
