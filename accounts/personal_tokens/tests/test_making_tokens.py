"""Making, listing and revoking one's own tokens through the API."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.events import ADMIN
from accounts.models import Admin, PersonalToken
from accounts.personal_tokens.keys import is_token
from accounts.personal_tokens.services import MAX_LISTED, MAX_LIVE
from accounts.personal_tokens.tests.scripts import READS, a_token, script
from audit.models import Event
from conftest import SignIn

pytestmark = pytest.mark.django_db
NEW = {"name": "nightly report", "permissions": READS}


def create(api: APIClient, **more: Any) -> Any:
    return api.post("/api/tokens", {**NEW, **more})


def test_the_answer_has_the_token_once_and_the_table_only_its_digest(api: APIClient) -> None:
    answer = create(api, expires_at="2099-01-01T00:00:00Z")
    assert answer.status_code == 201, answer.content
    body = answer.json()
    secret = body.pop("token")
    assert is_token(secret)
    assert body == {
        "id": body["id"],
        "name": "nightly report",
        "hint": "…" + secret[-4:],
        "permissions": READS,
        "created_at": body["created_at"],
        "expires_at": "2099-01-01T00:00:00Z",
        "last_used_at": None,
        "last_used_from": None,
    }
    listed = api.get("/api/tokens").json()
    assert listed == {"count": 1, "next": None, "previous": None, "results": [body]}
    assert secret not in str(PersonalToken.objects.values().get())


def test_the_new_token_does_what_it_was_made_for_and_no_more(api: APIClient) -> None:
    client = script(create(api).json()["token"])
    assert client.get("/api/sites").status_code == 200
    assert client.get("/api/auth/me").json()["permissions"] == READS
    refused = client.post("/api/sites", {"name": "Roma"})
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"permissions": []}, "/permissions"),
        ({"permissions": None}, "/permissions"),
        ({"permissions": "sites.view_site"}, "/permissions"),
        ({"permissions": ["sites.fly"]}, "/permissions"),
        ({"permissions": ["sites.view_site", "sites.lock_site"]}, "/permissions"),
        ({"name": ""}, "/name"),
        ({"name": "x" * 101}, "/name"),
        ({"name": 5}, "/name"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": "tomorrow"}, "/expires_at"),
    ],
)
def test_wrong_input_is_400_and_makes_no_token(
    vera: Admin, signed_in: SignIn, wrong: dict[str, Any], pointer: str
) -> None:
    """A viewer, who may not lock."""
    answer = create(signed_in(vera), **wrong)
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert not PersonalToken.objects.exists()
    assert create(signed_in(vera)).status_code == 201


def test_permissions_are_sorted_and_each_is_named_once(api: APIClient) -> None:
    answer = create(api, permissions=["sites.view_site", "sites.lock_site", "sites.view_site"])
    assert answer.json()["permissions"] == ["sites.lock_site", "sites.view_site"]


def test_an_end_of_null_is_none(api: APIClient) -> None:
    assert create(api, expires_at=None).json()["expires_at"] is None


def test_a_revoked_token_is_refused_and_no_longer_listed(api: APIClient) -> None:
    made = create(api).json()
    client = script(made["token"])
    assert client.get("/api/sites").status_code == 200
    assert api.delete(f"/api/tokens/{made['id']}").status_code == 204
    assert client.get("/api/sites").status_code == 401
    assert api.get("/api/tokens").json()["count"] == 0
    again = api.delete(f"/api/tokens/{made['id']}")
    assert (again.status_code, again.json()["code"]) == (404, "personal_token_not_found")


def test_another_admins_token_is_neither_listed_nor_revoked_even_by_a_sysadmin(api: APIClient, vera: Admin) -> None:
    token = a_token(vera)
    assert api.get("/api/tokens").json()["count"] == 0
    assert api.delete(f"/api/tokens/{token.token.pk}").status_code == 404
    assert script(token.secret).get("/api/sites").status_code == 200


@pytest.mark.parametrize("wrong", ["x", "%00", str(uuid.UUID(int=1))])
def test_a_token_that_there_is_not_is_404(api: APIClient, wrong: str) -> None:
    assert api.delete(f"/api/tokens/{wrong}").status_code == 404


def test_an_admin_has_a_bounded_number_of_live_tokens(api: APIClient, anna: Admin, ben: Admin) -> None:
    now = timezone.now()
    tokens = [a_token(anna, name=f"script {number}") for number in range(MAX_LIVE)]
    refused = create(api)
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_personal_tokens")
    a_token(ben)
    PersonalToken.objects.filter(pk=tokens[0].token.pk).update(
        created_at=now - timedelta(days=2), expires_at=now - timedelta(days=1)
    )
    assert create(api).status_code == 201
    assert create(api).status_code == 409


def test_those_that_have_expired_are_bounded_until_they_are_revoked(api: APIClient, anna: Admin) -> None:
    began = timezone.now() - timedelta(days=1)
    for number in range(MAX_LISTED):
        at = began + timedelta(seconds=2 * number)
        old = a_token(anna, at=at, expires_at=at + timedelta(seconds=1))
    assert create(api).status_code == 409
    assert api.delete(f"/api/tokens/{old.token.pk}").status_code == 204
    assert create(api).status_code == 201


def test_events_say_what_the_token_may_and_until_when_and_never_the_token(api: APIClient, anna: Admin) -> None:
    made = create(api, expires_at="2099-01-01T00:00:00Z").json()
    api.delete(f"/api/tokens/{made['id']}")
    revoked, created = Event.objects.of(ADMIN, anna.pk).newest_first()
    label = f"nightly report {made['hint']}"
    assert (created.action, created.changes) == (
        "admin.token_created",
        {"personal_token": [None, label], "permissions": [None, READS], "expires_at": [None, "2099-01-01T00:00:00Z"]},
    )
    assert (revoked.action, revoked.changes) == ("admin.token_revoked", {"personal_token": [label, None]})
    assert made["token"] not in str(list(Event.objects.values()))


def test_lists_have_numbered_pages(api: APIClient, anna: Admin) -> None:
    for number in range(3):
        a_token(anna, name=f"script {number}", at=datetime(2026, 6, 1 + number, tzinfo=UTC))
    page = api.get("/api/tokens", {"page_size": 2}).json()
    assert ([token["name"] for token in page["results"]], page["count"]) == (["script 2", "script 1"], 3)
    assert api.get("/api/tokens", {"page": 3, "page_size": 2}).status_code == 404
    assert api.get("/api/tokens", {"unknown": 1}).status_code == 400


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"expires_at": datetime(2026, 1, 1, tzinfo=UTC)}], ids=["no name", "ended before"]
)
def test_the_database_refuses_what_the_service_refuses(anna: Admin, wrong: dict[str, Any]) -> None:
    good: dict[str, Any] = {"admin": anna, "name": "x", "created_at": datetime(2026, 6, 1, tzinfo=UTC)}
    PersonalToken.objects.create(**good, digest="a")
    with pytest.raises(IntegrityError):
        PersonalToken.objects.create(**{**good, **wrong}, digest="b")
