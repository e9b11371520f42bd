"""How PostgreSQL answers the dashboard and the list: of the large tables only the pulses are read whole.

Plans, not times; with so many sites that a wrong plan costs more. The sites and the helpers are those of the list's plans.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Admin
from audit import triggers
from sites.tests.test_list_plans import (
    SEEDED_AT_ONCE,
    SITES,
    Step,
    _a_fifth_of_the_sites_a_fifth_of_the_bounds,
    _many_sites,
    read_whole,
    steps,
)

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="is about PostgreSQL's plans"),
]

__all__ = ["_a_fifth_of_the_sites_a_fifth_of_the_bounds", "_many_sites"]  # seeds this module too

EVENTS_EACH, HEARTBEATS_EACH = 2, 4
EVENTS = """
    INSERT INTO audit_event (id, at, action, subject_type, subject_id, subject_name, source, changes)
    SELECT gen_random_uuid(), now(), 'site.updated', 'site', md5(n::text)::uuid, 'Trattoria', 'system', '{}'
      FROM generate_series(%(first)s, %(last)s) AS n, generate_series(1, %(each)s)"""
# One after another, as they come; the newest of them today.
HEARTBEATS = """
    INSERT INTO heartbeat_heartbeat (site_id, received_at, version, uptime_seconds, licensed, locked)
    SELECT md5(n::text)::uuid, now() - interval '40 days' * (1 - (turn * %(sites)s + n) / (%(sites)s * %(each)s)::float8),
           '1.0.0', 1, true, false
      FROM generate_series(0, %(each)s - 1) AS turn, generate_series(1, %(sites)s) AS n ORDER BY turn, n"""
# Three days ago, and they have been told.
LOCK_ONE_IN_A_HUNDRED = """
    UPDATE sites_site SET is_locked = true, lock_reason = 'unpaid', locked_at = now() - interval '3 days'
     WHERE site_id IN (SELECT md5(n::text)::uuid FROM generate_series(50, %(sites)s, 100) AS n);
    UPDATE sites_sitepulse SET reply_locked = true
     WHERE site_id IN (SELECT md5(n::text)::uuid FROM generate_series(50, %(sites)s, 100) AS n)"""
LARGE = ("sites_site", "sites_sitekey", "audit_event", "heartbeat_heartbeat")


@pytest.fixture(scope="module", autouse=True)
def _what_they_did(_many_sites: None, django_db_blocker: Any) -> Iterator[None]:
    tables = ["audit_event", "heartbeat_heartbeat"]
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for first in range(1, SITES, SEEDED_AT_ONCE):
            cursor.execute(EVENTS, {"first": first, "last": first + SEEDED_AT_ONCE - 1, "each": EVENTS_EACH})
        cursor.execute(HEARTBEATS, {"sites": SITES, "each": HEARTBEATS_EACH})
        cursor.execute("SELECT brin_summarize_new_values('heartbeat_by_arrival')")
        for table in tables:
            cursor.execute(f"VACUUM ANALYZE {table}")
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for statement in (
            *triggers.DROP_CURRENT["postgresql"],
            f"TRUNCATE {', '.join(tables)}",
            *triggers.CREATE_CURRENT["postgresql"],
        ):
            cursor.execute(statement)


def plans_of(path: str, admin: Admin) -> list[list[Step]]:
    browser = Client()
    browser.force_login(admin)
    with CaptureQueriesContext(connection) as queries:
        assert browser.get(path).status_code == 200
    asked = [query["sql"] for query in queries if query["sql"].lstrip("( \n").startswith(("SELECT", "WITH"))]
    with connection.cursor() as cursor:
        plans = []
        for sql in asked:
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
            plans.append(list(steps(cursor.fetchone()[0][0]["Plan"])))
    return plans


def test_only_the_pulses_are_read_whole_and_twice(anna: Admin) -> None:
    cold, warm = plans_of("/admin/", anna), plans_of("/admin/", anna)
    for each in (cold, warm):
        assert {table: sum(read_whole(plan, table) for plan in each) for table in LARGE} == dict.fromkeys(LARGE, 0)
        assert 1.9 < sum(read_whole(plan, "sites_sitepulse") for plan in each) < 2.1


def test_what_is_looked_up_follows_from_the_sites_in_trouble_and_not_from_all(anna: Admin) -> None:
    plans_of("/admin/", anna)
    for plan in plans_of("/admin/", anna):
        looked_up = [step for step in plan if "Index" in step.kind or "Bitmap" in step.kind]
        by_heap = sum(step.rows_read for step in looked_up if step.kind != "Index Only Scan" and step.table)
        assert by_heap < SITES / 10, [step for step in looked_up if step.rows_read > 100]


def test_licences_are_counted_in_indexes_alone(anna: Admin) -> None:
    (plan,) = [
        plan for plan in plans_of("/admin/", anna) if any(step.index == "site_active_by_expiry" for step in plan)
    ][:1]
    assert {step.kind for step in plan if step.table} == {"Index Only Scan"}


@pytest.mark.parametrize(
    "query",
    [
        "",
        "p=300",
        "view=attention",
        "view=ending",
        "view=locked",
        "status=offline",
        "version=2.0.0",
        "zone=Europe/Rome",
        "q=rosso",
        "o=-4",
    ],
)
def test_no_query_of_the_list_reads_a_large_table_whole_but_the_pulses(anna: Admin, query: str) -> None:
    plans_of("/admin/sites/site/", anna)  # counts those that need attention, and keeps the number
    plans = plans_of(f"/admin/sites/site/?{query}", anna)
    assert len(plans) >= 6
    assert {table: sum(read_whole(plan, table) for plan in plans) for table in LARGE} == dict.fromkeys(LARGE, 0)
    # Where more match than are remembered, a part of the pulses was looked at in vain.
    assert sum(read_whole(plan, "sites_sitepulse") for plan in plans) < 2


# Last, since the statistics of `ANALYZE` stay although the locks are rolled back.
def test_the_pulses_of_locked_sites_are_looked_up_one_by_one(anna: Admin) -> None:
    """However many are locked: a join would read all pulses once more."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK_ONE_IN_A_HUNDRED, {"sites": SITES})
        cursor.execute("ANALYZE sites_site")
    plans = plans_of("/admin/", anna)
    assert 1.9 < sum(read_whole(plan, "sites_sitepulse") for plan in plans) < 2.1
