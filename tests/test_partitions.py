"""The history is partitioned while sites call home; then months are dropped as a whole."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from heartbeat.services import Report, SiteCredentials, statement_parameters
from heartbeat.statement import SENT_STATEMENT
from tests.databases import prepared_postgresql
from tests.running_server import RunningServer, Site, register

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=30)]

DAY = timedelta(days=1)
NOW = datetime.now(UTC)
OTHER_ROLE = "history_reader"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("partitions")
    url = prepared_postgresql(postgres_url, folder)
    running = RunningServer(url, folder, settings={"HEARTBEATS_PER_MINUTE": "10000", "HEARTBEAT_HISTORY_DAYS": "30"})
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def site(server: RunningServer) -> Site:
    return register(server.sign_in(), server)


def query(server: RunningServer, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(server.database_url, autocommit=True) as connection:
        cursor = connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def add_rows(server: RunningServer, site: Site, *moments: datetime) -> None:
    for moment in moments:
        query(
            server,
            "INSERT INTO heartbeat_heartbeat (site_id, received_at, version, uptime_seconds, licensed, locked)"
            " VALUES (%s, %s, '1.0.0', 1, true, false)",
            site.site_id,
            moment,
        )


def partition_of(server: RunningServer, moment: datetime) -> str:
    ((name,),) = query(
        server, "SELECT tableoid::regclass::text FROM heartbeat_heartbeat WHERE received_at = %s", moment
    )
    return str(name)


def months_later(moment: datetime, months: int) -> datetime:
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    return datetime(year, month + 1, 10, 12, tzinfo=UTC)


def plan_of_the_heartbeat(server: RunningServer, site: Site) -> set[tuple[str, str]]:
    parameters = statement_parameters(
        SiteCredentials(site.site_id, site.key), Report("1", 1), ip=None, at=datetime.now(UTC)
    )
    with psycopg.connect(server.database_url) as connection:
        connection.execute("SET enable_seqscan = off")  # the tables are small
        row = connection.execute("EXPLAIN (FORMAT JSON) " + SENT_STATEMENT, parameters).fetchone()
    assert row is not None
    nodes, found = [row[0][0]["Plan"]], set()
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if "Relation Name" in node:
            found.add((node["Relation Name"], node["Node Type"]))
    return found


def prune(server: RunningServer) -> dict[str, int]:
    done = server.manage("prune", "--json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@contextmanager
def calling_home(site: Site) -> Iterator[tuple[list[int], list[float]]]:
    """Three at a time, all the time: the statuses and the seconds of the answers."""
    statuses: list[int] = []
    times: list[float] = []
    stopping = threading.Event()

    def call() -> None:
        while not stopping.is_set():
            began = time.monotonic()
            statuses.append(site.call_home().status_code)
            times.append(time.monotonic() - began)

    with ThreadPoolExecutor(3) as callers:
        for _ in range(3):
            callers.submit(call)
        try:
            yield statuses, times
        finally:
            stopping.set()


def test_what_a_conversion_that_was_killed_left_is_removed_by_prune(server: RunningServer, site: Site) -> None:
    query(server, "CREATE UNIQUE INDEX heartbeat_id_and_time ON heartbeat_heartbeat (id, received_at)")
    limit = (
        "ALTER TABLE heartbeat_heartbeat ADD CONSTRAINT heartbeat_before_next_months CHECK (received_at < '2020-01-01')"
    )
    query(server, limit)
    with psycopg.connect(server.database_url, autocommit=True) as conversion:
        conversion.execute("SELECT pg_advisory_lock(20261101)")  # it still runs
        prune(server)
        assert query(server, "SELECT to_regclass('heartbeat_id_and_time')") == [("heartbeat_id_and_time",)]
    prune(server)
    assert query(server, "SELECT to_regclass('heartbeat_id_and_time')") == [(None,)]
    assert site.call_home().status_code == 200


def test_no_heartbeat_fails_or_is_lost_while_the_history_is_converted(server: RunningServer, site: Site) -> None:
    query(server, "TRUNCATE heartbeat_heartbeat")
    add_rows(server, site, NOW - 100 * DAY, NOW - 40 * DAY, NOW - 20 * DAY)
    query(server, f"CREATE ROLE {OTHER_ROLE}")
    query(server, f"GRANT SELECT, INSERT ON heartbeat_heartbeat TO {OTHER_ROLE}")
    plan = plan_of_the_heartbeat(server, site)
    with calling_home(site) as (statuses, times):
        done = server.manage("partition_history", "--json")
    try:
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["converted"]
        assert set(statuses) == {200}
        assert max(times) < 3
        ((rows,),) = query(server, "SELECT count(*) FROM heartbeat_heartbeat")
        assert rows == len(statuses) + 3
        ((distinct,),) = query(server, "SELECT count(DISTINCT id) FROM heartbeat_heartbeat")
        assert distinct == rows, "ids go on where they were"
        assert plan_of_the_heartbeat(server, site) == plan
        privileges = "SELECT has_table_privilege(%s, 'heartbeat_heartbeat', p) FROM unnest(%s::text[]) AS p"
        granted = query(server, privileges, OTHER_ROLE, ["SELECT", "INSERT", "UPDATE"])
        assert granted == [(True,), (True,), (False,)]
    finally:
        query(server, f"DROP OWNED BY {OTHER_ROLE}")
        query(server, f"DROP ROLE {OTHER_ROLE}")


def test_the_schema_has_the_names_that_migrations_expect(server: RunningServer) -> None:
    names = {
        name for (name,) in query(server, "SELECT indexname FROM pg_indexes WHERE tablename = 'heartbeat_heartbeat'")
    }
    assert names == {"heartbeat_heartbeat_pkey", "heartbeat_of_site_by_time", "heartbeat_by_arrival"}


def test_rows_of_a_month_without_a_partition_are_kept_and_move_into_it_later(server: RunningServer, site: Site) -> None:
    far = months_later(NOW, 13)
    query(server, f"DROP TABLE heartbeat_{far:%Y_%m}")
    add_rows(server, site, far)
    assert partition_of(server, far) == "heartbeat_other_months"
    again = json.loads(server.manage("partition_history", "--json").stdout)
    assert not again["converted"]
    assert len(again["partitions"]) == 13  # the former table, which covers this and the next month, and twelve more
    assert partition_of(server, far) == f"heartbeat_{far:%Y_%m}"


def test_the_history_and_the_list_show_the_same_as_before(server: RunningServer, site: Site) -> None:
    api = server.sign_in()
    shown = api.get(f"/api/sites/{site.site_id}/heartbeats?page_size=3").json()["results"]
    times = [row["received_at"] for row in shown]
    assert times == sorted(times, reverse=True)
    assert api.get("/api/sites").json()["count"] == 1


def test_rows_from_before_the_conversion_are_deleted_one_by_one(server: RunningServer, site: Site) -> None:
    pruned = prune(server)
    assert (pruned["heartbeats"], pruned["heartbeat_partitions"]) == (2, 0)


def test_months_that_are_over_are_dropped_and_younger_ones_stay(server: RunningServer, site: Site) -> None:
    # As if the conversion was long ago: the former table is gone, and there is a month of which all is older than 30 days.
    old, young = months_later(NOW, -4), NOW - 2 * DAY
    (former,) = query(server, "SELECT relname FROM pg_class WHERE relname LIKE 'heartbeat_before_%%' AND relkind = 'r'")
    query(server, f"DROP TABLE {former[0]}")
    month = f"heartbeat_{old:%Y_%m}"
    bounds = f"FROM ('{old:%Y-%m}-01T00:00:00Z') TO ('{months_later(old, 1):%Y-%m}-01T00:00:00Z')"
    query(server, f"CREATE TABLE {month} PARTITION OF heartbeat_heartbeat FOR VALUES {bounds}")
    add_rows(server, site, old, young)
    pruned = prune(server)
    assert pruned["heartbeats"] == 0
    assert pruned["heartbeat_partitions"] >= 1
    assert query(server, "SELECT to_regclass(%s)", month) == [(None,)]
    assert partition_of(server, young) == f"heartbeat_{young:%Y_%m}"
    assert site.call_home().status_code == 200


def test_the_present_month_gets_its_partition_while_sites_call_home_and_two_commands_run(
    server: RunningServer, site: Site
) -> None:
    month = f"heartbeat_{NOW:%Y_%m}"
    query(server, f"DROP TABLE {month}")
    query(
        server,
        "INSERT INTO heartbeat_heartbeat (site_id, received_at, version, uptime_seconds, licensed, locked)"
        " SELECT %s, %s, '1.0.0', 1, true, false FROM generate_series(1, 100000)",
        site.site_id,
        NOW,
    )
    with calling_home(site) as (statuses, times), ThreadPoolExecutor(2) as commands:
        runs = list(commands.map(lambda _: server.manage("partition_history"), range(2)))
    assert [run.returncode for run in runs] == [0, 0], [run.stderr for run in runs]
    assert set(statuses) == {200}
    assert max(times) < 5
    assert query(server, f"SELECT count(*) FROM {month}") == [(100_000 + len(statuses),)]
    assert query(server, "SELECT count(*) FROM heartbeat_other_months") == [(0,)]
