"""PostgreSQL's plans for the page of one site: it reads that site's rows, however many other sites there are."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Admin
from sites.models import Site

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="is about PostgreSQL's plans"),
]

SITES, HEARTBEATS_EACH, EVENTS_EACH = 2_000, 30, 20
# One site has a long history and was locked early in it; it sends a heartbeat every two minutes.
LONG, LONG_CALLS = 3_000, 60_000
BUSY = "md5('1')::uuid"
SEED = [
    f"""
    INSERT INTO sites_site (site_id, name, owner_name, contact_email, timezone, is_active, is_locked, lock_reason, locked_at,
                            license_expires_at, created_at, updated_at, revision, search_text)
    SELECT md5(n::text)::uuid, 'Trattoria ' || n, 'Giulia', 'giulia@roma.example', 'UTC', TRUE, n = 1,
           CASE WHEN n = 1 THEN 'unpaid' END, CASE WHEN n = 1 THEN now() END,
           now() + interval '300 days', now() - interval '100 days', now(), 1, 'trattoria ' || n
    FROM generate_series(1, {SITES}) AS n""",
    """
    INSERT INTO sites_sitekey (site_id, digest, hint, created_at)
    SELECT site_id, repeat(md5(site_id::text), 2), 'abcdefgh', now() FROM sites_site""",
    """
    INSERT INTO sites_sitepulse (site_id, last_seen_at, due_at, version, newest_key_uses, window_calls)
    SELECT site_id, now(), now() + interval '6 hours', '1.0.0', 0, 0 FROM sites_site""",
    f"""
    INSERT INTO heartbeat_heartbeat (site_id, received_at, version, uptime_seconds, licensed, locked)
    SELECT site_id, now() - n * interval '2 minutes', '1.0.0', 60, TRUE, FALSE
    FROM sites_site, LATERAL generate_series(
        1, CASE WHEN site_id = {BUSY} THEN {LONG_CALLS} ELSE {HEARTBEATS_EACH} END) AS n""",
    f"""
    INSERT INTO audit_event (id, at, action, subject_type, subject_id, subject_name, source, changes)
    SELECT gen_random_uuid(), now(), CASE n WHEN {EVENTS_EACH} THEN 'site.locked' ELSE 'site.updated' END, 'site',
           site_id, name, 'command', '{{}}'
    FROM sites_site, generate_series(1, {LONG}) AS n WHERE n <= {EVENTS_EACH} OR site_id = {BUSY}""",
]
TABLES = ["sites_site", "sites_sitekey", "sites_sitepulse", "heartbeat_heartbeat", "audit_event"]
# The page may read all events of that site, and two heartbeats for each hour of the ninety days.
MOST_ROWS = 2 * LONG


@pytest.fixture(scope="module", autouse=True)
def _many_sites(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for statement in SEED:
            cursor.execute(statement)
        for table in TABLES:
            cursor.execute(f"VACUUM ANALYZE {table}")
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
        cursor.execute(f"TRUNCATE {', '.join(TABLES)} CASCADE")
        cursor.execute("ALTER TABLE audit_event ENABLE TRIGGER USER")


def steps(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", []):
        yield from steps(below)


def rows_read(step: dict[str, Any]) -> float:
    removed = step.get("Rows Removed by Filter", 0) + step.get("Rows Removed by Index Recheck", 0)
    return (step["Actual Rows"] + removed) * step["Actual Loops"]


@pytest.mark.parametrize("number", [1, 2], ids=["the busy site", "a usual one"])
def test_no_table_is_read_sequentially(anna: Admin, number: int) -> None:
    browser = Client()
    browser.force_login(anna)
    site = Site.objects.get(name=f"Trattoria {number}")
    with CaptureQueriesContext(connection) as queries:
        assert browser.get(f"/admin/sites/site/{site.pk}/change/").status_code == 200
    asked = [each["sql"] for each in queries.captured_queries if any(table in each["sql"] for table in TABLES)]
    assert len(asked) >= 7
    with connection.cursor() as cursor:
        for sql in asked:
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
            for step in steps(cursor.fetchone()[0][0]["Plan"]):
                if step.get("Relation Name") in TABLES:
                    assert step["Node Type"] != "Seq Scan", (step, sql)
                    assert rows_read(step) <= MOST_ROWS, (step, sql)
