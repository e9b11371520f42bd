"""`/health`: does the database answer? `/health/live`: does the process?"""

import pytest
from django.conf import settings as current
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from config import probes


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/health", "/health/"])
def test_health_says_ok_when_the_database_answers(client: Client, path: str) -> None:
    answer = client.get(path, headers={"Accept": "text/html"})
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    assert answer.json() == {"status": "ok", "version": current.VERSION}
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.django_db(transaction=True)
def test_health_is_503_until_the_database_is_migrated_and_the_log_says_what_to_do(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = MigrationRecorder(connection)
    probes.migrated.clear()
    recorder.record_unapplied("sites", "0001_initial")
    try:
        answer = client.get("/health")
        assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
        assert "run manage.py migrate (sites 0001_initial)" in caplog.text
    finally:
        recorder.record_applied("sites", "0001_initial")
    assert client.get("/health").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_health_is_200_with_the_migrations_of_a_later_release(client: Client) -> None:
    recorder = MigrationRecorder(connection)
    probes.migrated.clear()
    recorder.record_applied("sites", "9999_of_a_later_release")
    try:
        assert client.get("/health").status_code == 200
    finally:
        recorder.record_unapplied("sites", "9999_of_a_later_release")


@pytest.mark.parametrize("path", ["/health/live", "/health/live/"])
def test_live_needs_no_database(client: Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "version": current.VERSION})


def test_the_probes_need_no_credentials_and_mind_no_bad_ones(client: Client) -> None:
    assert client.get("/health/live", headers={"Authorization": "Bearer junk"}).status_code == 200


@pytest.mark.parametrize("path", ["/health", "/health/live"])
def test_the_probes_are_only_read(client: Client, path: str) -> None:
    answer = client.post(path)
    assert (answer.status_code, "GET" in answer["Allow"]) == (405, True)
