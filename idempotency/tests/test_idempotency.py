"""Idempotency-Key: what is sent twice happens once."""

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Admin
from conftest import Clock, RegisteredSite, SignIn
from idempotency.models import IdempotentRequest
from sites.models import Site, SiteKey
from sites.tests.conftest import FACTS, UNKNOWN_ID, actions, assert_problem

KEY = "6f7ac4d2"


def register_with(client: APIClient, key: str = KEY, path: str = "/api/sites", **facts: Any) -> Any:
    return client.post(path, {**FACTS, **facts}, headers={"Idempotency-Key": key})


def extend_with(client: APIClient, site: RegisteredSite, key: str = KEY, **body: Any) -> Any:
    return client.post(f"{site.path}/extend", body or {"days": 10}, headers={"Idempotency-Key": key})


def test_a_repeated_registration_answers_the_same_without_the_key(api: APIClient) -> None:
    first, second = register_with(api), register_with(api)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["secret_key"].startswith("psk_")
    assert second.json() == {**first.json(), "secret_key": None}
    assert second.headers["Location"] == first.headers["Location"]
    assert Site.objects.count() == SiteKey.objects.count() == 1
    assert actions() == ["registered"]


def test_the_stored_answer_holds_no_key(api: APIClient) -> None:
    key = register_with(api).json()["secret_key"]
    stored = str(IdempotentRequest.objects.values().get())
    assert key not in stored
    assert SiteKey.objects.get().digest not in stored


def test_a_repeated_extension_extends_once(api: APIClient, roma: RegisteredSite) -> None:
    first = extend_with(api, roma)
    for _ in range(3):
        again = extend_with(api, roma)
        assert (again.status_code, again.json(), again.headers["ETag"]) == (200, first.json(), first.headers["ETag"])
    assert actions() == ["registered", "extended"]


def test_without_a_key_each_extension_counts(api: APIClient, roma: RegisteredSite) -> None:
    for _ in range(2):
        api.post(f"{roma.path}/extend", {"days": 10})
    assert actions() == ["registered", "extended", "extended"]


def test_the_stored_answer_is_given_even_when_the_site_changed_since(api: APIClient, roma: RegisteredSite) -> None:
    first = extend_with(api, roma)
    api.patch(roma.path, {"name": "Roma"})
    assert extend_with(api, roma).json() == first.json()


def test_the_same_key_with_another_body_is_a_conflict(api: APIClient, roma: RegisteredSite) -> None:
    extend_with(api, roma, days=10)
    assert_problem(extend_with(api, roma, days=11), 409, "idempotency_key_reused")
    register_with(api)
    assert_problem(register_with(api, name="Other"), 409, "idempotency_key_reused")
    assert actions() == ["registered", "extended", "registered"]


def test_the_order_of_a_bodys_members_is_no_difference(api: APIClient) -> None:
    first = register_with(api)
    reversed_body = dict(reversed(FACTS.items()))
    second = api.post("/api/sites", reversed_body, headers={"Idempotency-Key": KEY})
    assert second.json()["site_id"] == first.json()["site_id"]


@pytest.mark.parametrize("body", [{"days": 10}, {"days": 11}])
def test_the_same_key_while_the_first_is_under_way_is_a_conflict(
    api: APIClient, roma: RegisteredSite, body: dict[str, int]
) -> None:
    extend_with(api, roma)
    IdempotentRequest.objects.update(status=None, body=None)  # as another process has it before it commits
    answer = extend_with(api, roma, **body)
    assert answer.status_code == 409
    assert answer.json()["code"] in ("idempotency_key_in_use", "idempotency_key_reused")
    assert actions() == ["registered", "extended"]


def test_a_first_that_never_ended_does_not_block_for_ever(api: APIClient, roma: RegisteredSite, clock: Clock) -> None:
    extend_with(api, roma)
    IdempotentRequest.objects.update(status=None, body=None)
    clock.move(minutes=10)
    assert extend_with(api, roma).status_code == 200
    assert actions() == ["registered", "extended", "extended"]


def test_a_refusal_is_not_stored(api: APIClient, roma: RegisteredSite) -> None:
    api.patch(roma.path, {"license_expires_at": "9999-12-31T00:00:00Z"})
    assert_problem(extend_with(api, roma), 400, "invalid", "/days")
    assert_problem(extend_with(api, roma, days=0), 400, "invalid", "/days")
    assert not IdempotentRequest.objects.exists()
    api.patch(roma.path, {"license_expires_at": "2030-01-01T00:00:00Z"})
    assert extend_with(api, roma).status_code == 200
    assert extend_with(api, roma).json()["license_expires_at"] == "2030-01-11T00:00:00Z"


def test_an_unknown_site_is_not_stored(api: APIClient) -> None:
    path = f"/api/sites/{UNKNOWN_ID}/extend"
    for days in (1, 2):
        answer = api.post(path, {"days": days}, headers={"Idempotency-Key": KEY})
        assert_problem(answer, 404, "site_not_found")
    assert not IdempotentRequest.objects.exists()


def test_each_admin_has_keys_of_his_own(api: APIClient, ben: Admin, signed_in: SignIn, roma: RegisteredSite) -> None:
    first, second = extend_with(api, roma), extend_with(signed_in(ben), roma)
    assert first.json()["license_expires_at"] != second.json()["license_expires_at"]
    assert actions() == ["registered", "extended", "extended"]


def test_each_path_has_keys_of_its_own(api: APIClient) -> None:
    sites = [RegisteredSite(register_with(api, key).json()["site_id"], "") for key in ("one", "two")]
    for site in sites:
        assert extend_with(api, site, "one").status_code == 200
    assert actions() == ["registered", "registered", "extended", "extended"]


def test_prefix_slash_and_capitals_make_no_other_path(api: APIClient) -> None:
    answers = [
        register_with(api, path=path) for path in ("/api/sites", "/api/sites/", "/api/v1/sites", "/api/v1/sites/")
    ]
    assert {answer.status_code for answer in answers} == {201}
    site_id = answers[0].json()["site_id"]
    assert {answer.json()["site_id"] for answer in answers} == {site_id}
    for path in (f"/api/sites/{site_id}/extend", f"/api/v1/sites/{site_id.upper()}/extend/"):
        assert api.post(path, {"days": 1}, headers={"Idempotency-Key": KEY}).status_code == 200
    assert actions() == ["registered", "extended"]


@pytest.mark.parametrize(
    ("later", "times"),
    [(timedelta(hours=24), 1), (timedelta(hours=24, microseconds=1), 2), (timedelta(days=9), 2)],
)
def test_a_key_is_remembered_for_a_day(
    api: APIClient, roma: RegisteredSite, clock: Clock, later: timedelta, times: int
) -> None:
    extend_with(api, roma)
    clock.at += later
    assert extend_with(api, roma).status_code == 200
    assert actions().count("extended") == times


def test_a_forgotten_key_may_come_with_another_body(api: APIClient, roma: RegisteredSite, clock: Clock) -> None:
    extend_with(api, roma, days=10)
    clock.move(hours=25)
    assert extend_with(api, roma, days=11).status_code == 200
    assert extend_with(api, roma, days=11).status_code == 200
    assert actions().count("extended") == 2


@pytest.mark.parametrize("key", ["k", "k" * 255, "a b", "%", "é", '"quoted"', "'; DROP TABLE sites_site; --"])
def test_any_text_up_to_255_characters_is_a_key(api: APIClient, roma: RegisteredSite, key: str) -> None:
    for _ in range(2):
        assert extend_with(api, roma, key).status_code == 200
    assert actions() == ["registered", "extended"]


@pytest.mark.parametrize("key", ["", "k" * 256, "k" * 5000])
def test_an_empty_or_longer_key_is_refused(api: APIClient, roma: RegisteredSite, key: str) -> None:
    assert_problem(extend_with(api, roma, key), 400, "invalid_idempotency_key")
    assert_problem(register_with(api, key), 400, "invalid_idempotency_key")
    assert actions() == ["registered"]


def test_keys_differ_in_their_case(api: APIClient, roma: RegisteredSite) -> None:
    for key in ("abc", "ABC"):
        extend_with(api, roma, key)
    assert actions() == ["registered", "extended", "extended"]
