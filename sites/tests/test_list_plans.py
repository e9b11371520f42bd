"""How PostgreSQL answers the list: by which indexes it counts and finds, and that it reads the pulses once.

Plans, not times: with so many sites that a wrong plan costs more, and with statistics as autovacuum leaves them.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from panel.sites.list import triage_postgresql
from panel.sites.list.triage import find_triage_page
from sites.attention import pulses_needing_attention
from sites.listing import postgresql
from sites.listing.pages import find_page
from sites.listing.query import SiteQuery
from sites.querysets import containing, ending_at, unlicensed_at
from sites.status import SiteStatus, status_conditions

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="is about PostgreSQL's plans"),
]

SITES = 20_000
ORGANIZATION = uuid.UUID(hashlib.md5(b"organization").hexdigest())
SEEDED_AT_ONCE = 1_000  # within the time that a statement may take on a busy machine
# Every fifth site is in Rome's zone. Of five hundred one is locked, one inactive, one expired, one deregistered and one of
# Rosso. The pulses go round in another rhythm: of a hundred two were never seen, two are late, two offline, and a fifth of
# all have version 2.0.0. Of a hundred two are of an organization.
SEED = """
    CREATE TEMPORARY TABLE numbered AS SELECT n, md5(n::text)::uuid AS site_id FROM generate_series({first}, {last}) AS n;
    INSERT INTO sites_site (site_id, name, owner_name, contact_email, timezone, is_active, is_locked, lock_reason, locked_at,
                            license_expires_at, deregistered_at, created_at, updated_at, revision, search_text,
                            organization_id)
    SELECT site_id, 'Trattoria ' || site_id, 'Giulia', 'giulia@roma.example',
           CASE WHEN n % 5 = 0 THEN 'Europe/Rome' ELSE 'UTC' END, n % 500 <> 1, n % 500 = 0,
           CASE WHEN n % 500 = 0 THEN 'unpaid' END, CASE WHEN n % 500 = 0 THEN now() END,
           now() + CASE WHEN n % 500 = 2 THEN -1 ELSE 1 END * (n % 365 + 1) * interval '1 day',
           CASE WHEN n % 500 = 3 THEN now() END, now() - n * interval '1 hour', now(), 1,
           concat_ws(E'\n', 'trattoria', CASE WHEN n % 500 = 4 THEN 'rosso' ELSE 'giulia' END, 'giulia@roma.example', site_id),
           CASE WHEN n % 50 = 7 THEN md5('organization')::uuid END
    FROM numbered;
    INSERT INTO sites_sitekey (site_id, digest, hint, created_at)
    SELECT site_id, repeat(md5(site_id::text), 2), 'abcdefgh', now() FROM numbered;
    INSERT INTO sites_sitepulse (site_id, last_seen_at, due_at, version, newest_key_uses, window_calls)
    SELECT site_id, due_at - interval '6 hours', due_at, n / 7 % 5 || '.0.0', 0, 0
    FROM (SELECT n, site_id, CASE n / 3 % 50 WHEN 0 THEN NULL
                                             WHEN 1 THEN now() - interval '10 minutes'
                                             WHEN 2 THEN now() - interval '2 days' - n * interval '1 second'
                                             ELSE now() + (n % 300 + 20) * interval '1 minute' END AS due_at
          FROM numbered) AS pulses;
    DROP TABLE numbered
"""


@pytest.fixture(scope="module", autouse=True)
def _many_sites(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    tables = ["sites_organization", "sites_site", "sites_sitekey", "sites_sitepulse"]
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO sites_organization (id, name, slug, created_at, updated_at, revision, search_text)"
            " VALUES (%s, 'Conti', 'conti', now(), now(), 1, 'conti')",
            [ORGANIZATION],
        )
        for before in range(0, SITES, SEEDED_AT_ONCE):
            cursor.execute(SEED.format(first=before + 1, last=before + SEEDED_AT_ONCE))
        for table in tables:
            cursor.execute(f"VACUUM ANALYZE {table}")
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(tables)} CASCADE")


@pytest.fixture(autouse=True)
def _a_fifth_of_the_sites_a_fifth_of_the_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("LOOK_UP_AT_MOST", "SORT_AT_MOST", "SORT_TEXT_MATCHES_AT_MOST", "ASK_PULSES_UP_TO_ROW", "SAMPLE_ROWS")
    for module in (postgresql, triage_postgresql):
        for name in names:
            if hasattr(module, name):
                monkeypatch.setattr(module, name, getattr(module, name) // 5)


@dataclass(frozen=True)
class Step:
    """A node of a plan that ran: PostgreSQL's own words for it."""

    kind: str
    table: str | None
    index: str | None
    rows_read: int


def steps(node: dict[str, Any]) -> Iterator[Step]:
    loops = node["Actual Loops"]
    if loops:
        read = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * loops
        yield Step(node["Node Type"], node.get("Relation Name"), node.get("Index Name"), read)
        for below in node.get("Plans", []):
            yield from steps(below)


Query = dict[str, Any]
Conditions = Callable[[datetime], tuple[Q, Q, Q]]
Explain = Callable[[Query], list[list[Step]]]


@pytest.fixture
def explain(api: APIClient) -> Explain:
    """Ask for a list; the steps of each of its queries but the first, which is the admin's own.

    A timedelta in the query is an instant so far from now.
    """

    def explain(query: Query) -> list[list[Step]]:
        query = {
            name: (timezone.now() + value).isoformat() if isinstance(value, timedelta) else value
            for name, value in query.items()
        }
        with CaptureQueriesContext(connection) as queries:
            page = api.get("/api/sites", query).json()
        assert page["results"]
        plans = []
        with connection.cursor() as cursor:
            for each in queries.captured_queries[1:]:
                cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {each['sql']}")
                plans.append(list(steps(cursor.fetchone()[0][0]["Plan"])))
        return plans

    return explain


@pytest.fixture
def explain_triage(db: None) -> Callable[..., list[list[Step]]]:
    """Ask for a page of fifty in the order of triage; the steps of its two queries."""

    def explain_triage(conditions: Conditions, *, by: str, page: int) -> list[list[Step]]:
        at = timezone.now()
        on_site, on_text, on_pulse = conditions(at)
        order = by.removeprefix("-")
        query = SiteQuery(
            at=at,
            on_site=on_site,
            on_text=on_text,
            on_pulse=on_pulse,
            order="name" if order == "triage" else f"pulse__{order}",
            descending=by.startswith("-"),
        )
        find = find_triage_page if order == "triage" else find_page
        with CaptureQueriesContext(connection) as queries:
            assert find(query, slice((page - 1) * 50, page * 50)).sites
        plans = []
        with connection.cursor() as cursor:
            for each in queries.captured_queries:
                cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {each['sql']}")
                plans.append(list(steps(cursor.fetchone()[0][0]["Plan"])))
        return plans

    return explain_triage


def read_whole(plan: list[Step], table: str) -> float:
    """How often the plan reads that table from end to end, in parts too."""
    return sum(step.rows_read for step in plan if step.kind == "Seq Scan" and step.table == table) / SITES


@pytest.mark.parametrize(
    ("query", "indexes"),
    [
        ({}, "site_flags site_by_name_alphabetical"),
        ({"is_locked": "true"}, "site_locked"),
        ({"is_locked": "false"}, "site_flags site_by_name_alphabetical"),
        ({"is_active": "true"}, "site_flags site_active_by_expiry site_by_name_alphabetical"),
        ({"is_active": "false"}, "site_flags"),
        ({"licensed": "true"}, "site_active_by_expiry site_by_name_alphabetical"),
        ({"licensed": "false"}, "site_flags site_by_expiry"),
        ({"license_expires_before": timedelta(0)}, "site_by_expiry"),
        ({"license_expires_before": timedelta(days=300)}, "site_by_expiry site_by_name_alphabetical"),
        ({"license_expires_after": timedelta(days=10)}, "site_by_expiry site_by_name_alphabetical"),
        ({"search": "ROSSO"}, "site_search"),
        ({"organization_id": str(ORGANIZATION)}, "site_by_organization"),
        ({"organization_id": str(ORGANIZATION), "ordering": "-name", "page": "7"}, "site_by_organization"),
        ({"ordering": "-name"}, "site_flags site_by_name_alphabetical"),
        ({"ordering": "created_at"}, "site_flags site_by_age"),
        ({"ordering": "-created_at"}, "site_flags site_by_age"),
        ({"ordering": "license_expires_at"}, "site_flags site_by_expiry"),
        ({"ordering": "-license_expires_at"}, "site_flags site_by_expiry"),
        ({"ordering": "-name", "page": "200"}, "site_flags site_by_name_alphabetical"),
    ],
    ids=str,
)
def test_a_question_about_sites_is_answered_from_indexes(explain: Explain, query: Query, indexes: str) -> None:
    *finding, rows = explain(query)
    found = [step for plan in finding for step in plan]
    assert read_whole(found, "sites_site") == 0
    assert {step.index for step in found if step.index} <= set(indexes.split())
    assert {step.kind for step in rows if step.table} <= {"Index Scan", "Bitmap Heap Scan"}


@pytest.mark.parametrize(
    "query",
    [
        {"status": "never_seen"},
        {"status": "online"},
        {"status": "late"},
        {"status": "offline"},
        {"status": "offline", "ordering": "-created_at"},
        {"status": "offline", "ordering": "-last_seen_at"},
        {"last_seen_before": timedelta(days=-1)},
        {"last_seen_before": timedelta(hours=-3)},
        {"version": "2.0.0"},
        {"ordering": "last_seen_at"},
        {"ordering": "-last_seen_at"},
    ],
    ids=str,
)
def test_a_question_about_pulses_reads_them_once_and_never_all_sites(explain: Explain, query: Query) -> None:
    *finding, rows = explain(query)
    found = [step for plan in finding for step in plan]
    # A first look, at some of them, comes on top.
    assert 0.9 < read_whole(found, "sites_sitepulse") < 1.5
    assert read_whole(found, "sites_site") == 0
    # What is looked up one by one does not grow with the number of sites, save the deregistered.
    assert sum(step.rows_read for step in found if step.kind == "Index Scan") < SITES / 20
    assert {step.kind for step in rows if step.table} <= {"Index Scan", "Bitmap Heap Scan"}


NONE = Q()


def of_status(status: str, at: datetime) -> tuple[Q, Q, Q]:
    return NONE, NONE, status_conditions(at, pulse="")[status]


QUESTIONS: dict[str, Conditions] = {
    "all": lambda at: (NONE, NONE, NONE),
    "locked": lambda at: (Q(is_locked=True), NONE, NONE),
    "not licensed": lambda at: (unlicensed_at(at), NONE, NONE),
    "ending": lambda at: (ending_at(at), NONE, NONE),
    "in a zone": lambda at: (Q(timezone="Europe/Rome"), NONE, NONE),
    "in an organization": lambda at: (Q(organization=ORGANIZATION), NONE, NONE),
    "of rosso": lambda at: (NONE, containing("rosso"), NONE),
    **{status: partial(of_status, status) for status in SiteStatus.values},
    "of version 2": lambda at: (NONE, NONE, Q(version="2.0.0")),
    "needing attention": lambda at: (NONE, NONE, pulses_needing_attention(at)),
}


@pytest.mark.parametrize("by", ["triage", "-triage"])
@pytest.mark.parametrize(("question", "page"), [*((question, 1) for question in QUESTIONS), ("all", 2), ("all", 350)])
def test_triage_reads_the_pulses_once_and_never_all_sites(
    explain_triage: Any, question: str, page: int, by: str
) -> None:
    *finding, rows = explain_triage(QUESTIONS[question], by=by, page=page)
    found = [step for plan in finding for step in plan]
    # The first look goes far where hardly more match than it may find.
    assert read_whole(found, "sites_sitepulse") < (2 if question == "needing attention" else 1.5)
    assert read_whole(found, "sites_site") == 0
    assert {step.kind for step in rows if step.table} <= {"Index Scan", "Bitmap Heap Scan"}


@pytest.mark.parametrize("by", ["version", "-version"])
def test_the_order_of_versions_reads_the_pulses_once(explain_triage: Any, by: str) -> None:
    *finding, _ = explain_triage(QUESTIONS["all"], by=by, page=1)
    found = [step for plan in finding for step in plan]
    assert read_whole(found, "sites_sitepulse") < 1.5
    assert read_whole(found, "sites_site") == 0


@pytest.mark.django_db
def test_no_index_stands_on_what_a_heartbeat_changes() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname FROM pg_indexes WHERE tablename = 'sites_sitepulse'")
        assert cursor.fetchall() == [("sites_sitepulse_pkey",)]
