"""Events that a script caused name its token."""

import csv
from typing import Any

import pytest
from django.test import Client

from accounts.models import Admin
from accounts.personal_tokens.tests.scripts import a_token, script
from audit.chain import first_finding, hash_of
from audit.models import Event
from conftest import PASSWORD, RegisteredSite, SignIn

pytestmark = pytest.mark.django_db


@pytest.fixture
def label(anna: Admin, roma: RegisteredSite) -> str:
    """Of a token with which the site was locked."""
    new = a_token(anna, "sites.lock_site", name="debt collector")
    answer = script(new.secret).post(f"{roma.path}/lock", {"reason": "unpaid"})
    assert answer.status_code == 200, answer.content
    return new.token.label


def test_the_event_has_the_admin_and_the_token(label: str) -> None:
    event = Event.objects.newest_first()[0]
    assert (event.actor_name, event.role, event.source, event.token_name) == ("anna", "sysadmin", "api", label)
    assert label.startswith("debt collector …")
    assert first_finding() is None


def test_the_api_names_it_and_only_then(
    label: str, anna: Admin, signed_in: SignIn, roma: RegisteredSite, django_assert_num_queries: Any
) -> None:
    api = signed_in(anna)
    api.post(f"{roma.path}/unlock")
    unlocked, locked, registered = api.get(f"{roma.path}/events").json()["results"]
    assert (locked["actor"], locked["token"]) == ("anna", label)
    assert "token" not in unlocked
    assert "token" not in registered


def test_the_panel_names_it(label: str, anna: Admin, client: Client, roma: RegisteredSite) -> None:
    client.login(username="anna", password=PASSWORD)
    event = Event.objects.newest_first()[0]
    words = f"over the API with the token “{label}”"
    for page in (
        f"/admin/sites/site/{roma.site_id}/change/",
        "/admin/audit/event/",
        f"/admin/audit/event/{event.pk}/change/",
    ):
        assert words in client.get(page).content.decode(), page


def test_the_csv_file_names_it(label: str, anna: Admin, client: Client) -> None:
    client.login(username="anna", password=PASSWORD)
    content = b"".join(client.get("/admin/audit/event/export.csv").streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    rows = list(csv.DictReader(content.splitlines()))
    assert [row["token_name"] for row in rows] == [label, "", ""]


def test_another_token_name_is_noticed_in_the_hash(label: str) -> None:
    event = Event.objects.newest_first()[0]
    event.token_name = "another …0000"
    assert hash_of(event) != event.hash
    event.token_name = None
    assert hash_of(event) != event.hash
