"""List calls of the API over a million findings in PostgreSQL: milliseconds, and the index used.

python -m benchmarks api
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx

from governance.service.app import build_app
from governance.service.auth import Authority
from governance.service.http import bind, served
from governance.service.stores import Store
from governance.store.engine import open_engine
from governance.store.schema import migrate
from tests.testkit.postgres import start_postgres

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine

FINDINGS, COMPONENTS, CALLS = 1_000_000, 100, 200
_BODY = '{"id":"x","filling":"' + "y" * 600 + '"}'
_LOAD = f"""
INSERT INTO findings (worker_group, id, revision, namespace, component, version, modality, "check",
  subject, status, window_kind, window_number, window_start, window_end, created_at, evaluated_at,
  body)
SELECT 'evenhand', md5(i::text), 0, 'ns' || mod(i, 5), 'c' || mod(i, {COMPONENTS}), '1',
  'tabular', (ARRAY['drift', 'data_quality', 'error_rate', 'latency_p95'])[1 + mod(i, 4)],
  'f' || mod(i / 400, 25), CASE WHEN mod(i, 5000) = 0 THEN 'breach' WHEN mod(i, 500) = 1 THEN
  'warning' ELSE 'ok' END, 'every', i / 10000, (i / 10000) * 3600000000::bigint,
  (i / 10000 + 1) * 3600000000::bigint, i, i, '{_BODY}'
FROM generate_series(0, {FINDINGS - 1}) i"""
_VERSIONS = f"""
INSERT INTO versions (worker_group, namespace, component, version, window_kind, window_number,
  window_start, window_end)
SELECT 'evenhand', 'ns' || mod(i, 5), 'c' || i, '1', 'every', 99, 0, 1
FROM generate_series(0, {COMPONENTS - 1}) i"""
QUERIES = {
    "all": "",
    "namespace": "namespace=ns3",
    "component": "namespace=ns3&component=c33",
    "component without its namespace": "component=c33",
    "component and check": "namespace=ns3&component=c33&check=data_quality",
    "component and subject": "namespace=ns3&component=c33&subject=f3",
    "component and breach": "namespace=ns0&component=c0&status=breach",
    "component and nothing": "namespace=ns3&component=c33&status=insufficient",
    "check": "check=latency_p95",
    "check that is not there": "check=none",
    "breach": "status=breach",
    "time": "since=36000&until=180000",
    "component and time": "namespace=ns3&component=c33&until=72000",
}


def main(_: Sequence[str] = ()) -> int:
    """Print the table; takes two minutes to fill the database."""
    with start_postgres() as server:
        engine = open_engine(server.database(), answer_seconds=0)
        migrate(engine)
        with engine.begin() as connection:
            connection.exec_driver_sql(_LOAD)
            connection.exec_driver_sql(_VERSIONS)
        with engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(
                "ANALYZE findings"
            )
        app = build_app(Store.over(engine), Authority.load(None, "127.0.0.1"))
        with served(app, bind("127.0.0.1:0")) as url, httpx.Client(base_url=url) as client:
            print("| filter | p50 ms | p99 ms | rows |\n| --- | ---: | ---: | ---: |")
            for name, query in QUERIES.items():
                print(_line(client, name, query))
        _show_plan(engine)
        engine.dispose()
    return 0


def _line(client: httpx.Client, name: str, query: str) -> str:
    """Pages one after the other, from the newest on, and again when they end."""
    times, cursor, rows = [], None, 0
    for _ in range(CALLS):
        more = "" if cursor is None else f"&cursor={cursor}"
        began = time.perf_counter()
        page: Any = client.get(f"/api/v1/findings?{query}{more}").raise_for_status()
        times.append(1_000 * (time.perf_counter() - began))
        shown = page.json()
        cursor, rows = shown["cursor"], max(rows, len(shown["findings"]))
    times.sort()
    return f"| {name} | {times[CALLS // 2]:.1f} | {times[CALLS * 99 // 100]:.1f} | {rows} |"


def _show_plan(engine: Engine) -> None:
    query = (
        "EXPLAIN SELECT body FROM findings WHERE worker_group = 'evenhand' AND namespace = 'ns0' "
        "AND component = 'c0' AND status = 'breach' ORDER BY window_end DESC, position DESC LIMIT 9"
    )
    with engine.connect() as connection:
        print("\ncomponent and breach:")
        for (line,) in connection.exec_driver_sql(query):
            print(f"    {line}")
