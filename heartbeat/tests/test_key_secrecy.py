"""The key appears in no log, no error, no dump and no row."""

import logging
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from conftest import Register, RegisteredSite
from heartbeat.errors import InvalidSiteCredentials
from heartbeat.services import Report, SiteCredentials, record_heartbeat
from heartbeat.tests.calls import NOON, call, rows_of_every_table, wrong_key


@pytest.fixture
def keys(api: APIClient, register: Register, caplog: pytest.LogCaptureFixture) -> set[str]:
    """The keys of a site that is registered, called, rotated and guessed at, with every statement logged."""
    caplog.set_level(logging.DEBUG)
    for name in ("django", "django.db.backends", "portcullis"):
        caplog.set_level(logging.DEBUG, logger=name)
    with CaptureQueriesContext(connection):
        body = {"name": "Roma", "owner_name": "Giulia", "contact_email": "giulia@roma.example"}
        answer = api.post("/api/sites", body, headers={"Idempotency-Key": "once"})
        site = RegisteredSite(answer.json()["site_id"], answer.json()["secret_key"])
        new = api.post(f"{site.path}/rotate-key").json()["secret_key"]
        guess = wrong_key()
        for key in (site.key, new, new, site.key, guess):
            call(site.site_id, key)
        call(site.key, site.site_id)
        call(site.site_id, new, body={"version": None})
    return {site.key, new, guess}


def test_no_log_record_holds_a_key(keys: set[str], caplog: pytest.LogCaptureFixture) -> None:
    records = caplog.get_records("setup")
    assert {"django.db.backends", "django.request", "portcullis.access"} <= {record.name for record in records}
    for record in records:
        line = f"{record.getMessage()} {record.__dict__}"
        assert not any(key in line or key[4:47] in line for key in keys), record.name


def test_no_row_of_the_database_holds_a_key(keys: set[str]) -> None:
    rows = rows_of_every_table()
    assert "sites_sitekey" in rows
    assert not any(key in rows or key[4:47] in rows for key in keys)


def test_no_dump_holds_a_key(keys: set[str]) -> None:
    dump = StringIO()
    call_command("dumpdata", all=True, stdout=dump)
    assert '"model": "sites.sitekey"' in dump.getvalue()
    assert not any(key in dump.getvalue() or key[4:47] in dump.getvalue() for key in keys)


def test_no_error_body_holds_the_key_that_was_sent(roma: RegisteredSite) -> None:
    key = wrong_key()
    answers = [
        call(roma.site_id, key),
        call(key, roma.site_id),
        call(roma.site_id, roma.key, body={"version": None}),
    ]
    for answer in answers:
        assert answer.status_code in (400, 401)
        text = answer.content.decode() + str(dict(answer.headers))
        assert key not in text
        assert roma.key not in text


def test_neither_the_error_nor_the_repr_of_the_credentials_shows_the_key(roma: RegisteredSite) -> None:
    credentials = SiteCredentials(roma.site_id, wrong_key())
    with pytest.raises(InvalidSiteCredentials) as refusal:
        record_heartbeat(credentials, Report("1.0.0", 60), ip=None, at=NOON)
    assert credentials.key not in repr(refusal.value) + str(refusal.value)
    assert credentials.key not in repr(credentials)


def test_no_later_representation_of_a_site_shows_its_key(api: APIClient, roma: RegisteredSite) -> None:
    call(roma.site_id, roma.key)
    for path in (roma.path, "/api/sites", f"{roma.path}/events", f"{roma.path}/heartbeats"):
        text = api.get(path).content.decode()
        assert roma.key not in text
        assert "digest" not in text
