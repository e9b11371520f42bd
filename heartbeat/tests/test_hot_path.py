"""A heartbeat is one statement on PostgreSQL, prepared, which finds its rows by index."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from psycopg._queries import MAX_CACHED_STATEMENT_LENGTH
from rest_framework.exceptions import ValidationError
from rest_framework.test import APIClient

from audit.actors import COMMAND
from conftest import RegisteredSite
from heartbeat.api.reports import read_report
from heartbeat.api.serializers import ReplySerializer, ReportSerializer
from heartbeat.runs import Boot
from heartbeat.services import Report as SiteReport
from heartbeat.services import SiteCredentials, statement_parameters
from heartbeat.statement import SENT_STATEMENT
from heartbeat.tests.agents import SimulatedAgent
from heartbeat.tests.calls import REPORT, call
from licensing.services import create_signing_key

on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="tests PostgreSQL's statement")

PRINTABLE = st.text(alphabet=st.characters(), max_size=70)


@on_postgresql
@pytest.mark.postgresql
def test_a_heartbeat_is_one_statement(roma: RegisteredSite) -> None:
    for _ in range(4):
        with CaptureQueriesContext(connection) as queries:
            assert call(roma.site_id, roma.key).status_code == 200
        assert len(queries) == 1


@on_postgresql
@pytest.mark.postgresql
def test_a_heartbeat_with_a_lease_is_one_statement_too(roma: RegisteredSite) -> None:
    create_signing_key(by=COMMAND, at=timezone.now())
    agent = SimulatedAgent(roma)
    agent.beat()  # the first one reads the key, and starts a run
    for send in (agent.beat, roma.call_home):
        for _ in range(4):
            with CaptureQueriesContext(connection) as queries:
                send()
            assert len(queries) == 1


@on_postgresql
@pytest.mark.postgresql
def test_only_a_second_use_that_retires_older_keys_takes_more_than_one_statement(
    api: APIClient, roma: RegisteredSite
) -> None:
    new = api.post(f"{roma.path}/rotate-key").json()["secret_key"]
    counts = []
    for _ in range(4):
        with CaptureQueriesContext(connection) as queries:
            assert call(roma.site_id, new).status_code == 200
        counts.append(len(queries))
    assert [count == 1 for count in counts] == [True, False, True, True]


@on_postgresql
@pytest.mark.postgresql
def test_a_refusal_reads_the_site_in_one_statement(roma: RegisteredSite) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert call(roma.site_id, "psk_wrong").status_code == 401
    assert sum("sites_site" in query["sql"] for query in queries) == 1


@on_postgresql
@pytest.mark.postgresql
def test_a_site_that_calls_too_often_is_refused_without_a_transaction(settings: Any, roma: RegisteredSite) -> None:
    settings.HEARTBEATS_PER_MINUTE = 3
    for _ in range(3):
        call(roma.site_id, roma.key)
    with CaptureQueriesContext(connection) as queries:
        assert call(roma.site_id, roma.key).status_code == 429
    assert len(queries) == 2


@on_postgresql
@pytest.mark.postgresql
@pytest.mark.parametrize("prepared", [True, False])
def test_the_statement_is_prepared_unless_a_pooler_forbids_it(roma: RegisteredSite, prepared: bool) -> None:
    options = connection.settings_dict["OPTIONS"]
    usual = options["prepared_statements"]
    options["prepared_statements"] = prepared
    try:
        with connection.cursor() as cursor:
            connection.connection._prepared.clear()  # the driver then deallocates statements of earlier tests
            for _ in range(5):
                assert call(roma.site_id, roma.key).status_code == 200
            cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%%sites_sitepulse%%'")
            assert cursor.fetchone()[0] == (1 if prepared else 0)
    finally:
        options["prepared_statements"] = usual


@on_postgresql
@pytest.mark.postgresql
def test_the_statement_is_short_enough_for_the_drivers_cache(db: None) -> None:
    assert len(SENT_STATEMENT.encode()) <= MAX_CACHED_STATEMENT_LENGTH


# Many rows, because PostgreSQL reads a small table without an index.
MANY_SITES = """
INSERT INTO sites_site (site_id, name, owner_name, contact_email, timezone, is_active, is_locked, license_expires_at,
                        created_at, updated_at, revision, search_text)
SELECT md5(n::text)::uuid, 'Site', 'Owner', 'a@b.example', 'UTC', true, false, now(), now(), now(), 1, 'site'
  FROM generate_series(1, 5000) n;
INSERT INTO sites_sitekey (site_id, digest, hint, created_at)
SELECT site_id, encode(sha256(site_id::text::bytea), 'hex'), 'hint', now() FROM sites_site WHERE name = 'Site';
INSERT INTO sites_sitepulse (site_id, newest_key_uses, window_calls)
SELECT site_id, 0, 0 FROM sites_site WHERE name = 'Site';
INSERT INTO heartbeat_agentrun (site_id, instance_id, boot_id, first_seen_at, last_seen_at, version, sequence, heartbeats,
                                turn, heartbeats_before_turn, returns)
SELECT site_id, site_id, site_id, now(), now(), '1', 1, 1, 1, 0, 0 FROM sites_site WHERE name = 'Site';
ANALYZE sites_site, sites_sitekey, sites_sitepulse, heartbeat_agentrun;
"""


def plan_nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from plan_nodes(inner)


@on_postgresql
@pytest.mark.postgresql
def test_every_row_is_found_by_an_index(roma: RegisteredSite) -> None:
    report = SiteReport("1", 1, boot=Boot(uuid.uuid4(), uuid.uuid4(), 1))
    facts = statement_parameters(SiteCredentials(roma.site_id, roma.key), report, ip=None, at=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(MANY_SITES)
        cursor.execute("EXPLAIN (FORMAT JSON) " + SENT_STATEMENT, facts)
        (plans,) = cursor.fetchone()
    found = list(plan_nodes((plans if isinstance(plans, list) else json.loads(plans))[0]["Plan"]))
    scans = {
        (node["Relation Name"], node["Node Type"]) for node in found if "Relation Name" in node and "Alias" in node
    }
    # Of the signing keys there are never more than a few, on one page.
    read = {(table, kind) for table, kind in scans if kind != "ModifyTable" and table != "licensing_signingkey"}
    assert {table for table, _ in read} == {"sites_site", "sites_sitekey", "sites_sitepulse", "heartbeat_agentrun"}
    assert {kind for _, kind in read} <= {"Index Scan", "Index Only Scan"}


def test_the_reply_has_the_documented_fields(roma: RegisteredSite) -> None:
    assert list(call(roma.site_id, roma.key).json()) == list(ReplySerializer().fields)


@given(
    version=PRINTABLE | st.none() | st.integers() | st.booleans(),
    uptime_seconds=st.integers(-10, 2**54) | st.floats() | st.booleans() | st.text(),
)
def test_a_report_is_read_as_its_serializer_reads_it(version: Any, uptime_seconds: Any) -> None:
    body = {"version": version, "uptime_seconds": uptime_seconds}
    serializer = ReportSerializer(data=body)
    if serializer.is_valid():
        assert read_report(body) == SiteReport(**serializer.validated_data)
    else:
        with pytest.raises(ValidationError):
            read_report(body)


def test_a_report_with_unknown_fields_is_read_the_same() -> None:
    assert read_report({**REPORT, "more": 1}) == SiteReport("1.0.0", 60)
