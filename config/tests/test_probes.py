"""`/health`: does the database answer? `/health/live`: does the process?"""

import pytest
from django.conf import settings as current
from django.test import Client


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/health", "/health/"])
def test_health_says_ok_when_the_database_answers(client: Client, path: str) -> None:
    answer = client.get(path, headers={"Accept": "text/html"})
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    assert answer.json() == {"status": "ok", "version": current.VERSION}
    assert answer["Cache-Control"] == "no-store"


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
