"""A heartbeat never changes a lock, a licence or a site's data, because it does not write to their tables."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from audit.models import Event
from conftest import RegisteredSite
from heartbeat.tests.calls import call
from sites.models import Site

WRITE = re.compile(r'\b(?:INSERT INTO|(?<!FOR )UPDATE|DELETE FROM)\s+"?(\w+)"?', re.IGNORECASE)
WRITTEN_TABLES = {"heartbeat_heartbeat", "sites_sitepulse"}
if connection.vendor == "postgresql":
    WRITTEN_TABLES |= {"heartbeat_agentrun"}  # the statement names it, and finds a row there only for an agent


def tables_written(site_id: str, key: str) -> set[str]:
    with CaptureQueriesContext(connection) as queries:
        assert call(site_id, key).status_code == 200
    return {table for query in queries for table in WRITE.findall(query["sql"])}


def test_a_heartbeat_writes_only_the_history_and_the_pulse(roma: RegisteredSite) -> None:
    for _ in range(4):
        assert tables_written(roma.site_id, roma.key) == WRITTEN_TABLES


@pytest.mark.parametrize("state", ["locked", "inactive", "expired"])
def test_a_site_without_service_gets_only_its_history_and_pulse_written(
    api: APIClient, roma: RegisteredSite, state: str
) -> None:
    if state == "locked":
        api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    elif state == "inactive":
        api.patch(roma.path, {"is_active": False})
    else:
        api.patch(roma.path, {"license_expires_at": "2020-01-01T00:00:00Z"})
    assert tables_written(roma.site_id, roma.key) == WRITTEN_TABLES


def test_the_second_use_of_a_new_key_retires_the_old_one_and_records_an_event(
    api: APIClient, roma: RegisteredSite
) -> None:
    new = api.post(f"{roma.path}/rotate-key").json()["secret_key"]
    assert tables_written(roma.site_id, new) == WRITTEN_TABLES
    assert tables_written(roma.site_id, new) >= {"sites_sitekey", "audit_event"}
    assert tables_written(roma.site_id, new) == WRITTEN_TABLES
    assert call(roma.site_id, roma.key).status_code == 401
    event = Event.objects.newest_first()[0]
    assert (event.action, event.source, event.actor) == ("site.key_retired", "system", None)


def test_the_site_and_its_etag_stay_as_they_were(api: APIClient, roma: RegisteredSite) -> None:
    site, etag = Site.objects.values().get(), api.get(roma.path)["ETag"]
    for _ in range(3):
        call(roma.site_id, roma.key)
    assert Site.objects.values().get() == site
    assert api.get(roma.path)["ETag"] == etag
    assert api.patch(roma.path, {"name": "Roma 2"}, headers={"If-Match": etag}).status_code == 200


def test_the_number_of_statements_does_not_grow_with_the_history(roma: RegisteredSite) -> None:
    counts = []
    for _ in range(6):
        with CaptureQueriesContext(connection) as queries:
            call(roma.site_id, roma.key)
        counts.append(len(queries))
    assert len(set(counts[2:])) == 1
    assert counts[-1] <= 7
