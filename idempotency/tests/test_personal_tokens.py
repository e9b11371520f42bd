"""A token for scripts that is asked for twice is made once."""

from functools import partial
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Admin, PersonalToken
from accounts.personal_tokens.tests.scripts import READS, script
from accounts.tests.side_by_side import side_by_side
from audit.models import Event
from conftest import SignIn
from idempotency.models import IdempotentRequest
from sites.tests.conftest import assert_problem

KEY = "6f7ac4d2"


def create_with(api: APIClient, key: str = KEY, **more: Any) -> Any:
    body = {"name": "nightly report", "permissions": READS, **more}
    return api.post("/api/tokens", body, format="json", headers={"Idempotency-Key": key})


@pytest.mark.django_db
def test_a_repeated_request_answers_the_same_without_the_token(api: APIClient) -> None:
    first, second = create_with(api), create_with(api)
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert second.json() == {**first.json(), "token": None}
    assert PersonalToken.objects.count() == 1
    assert Event.objects.filter(action="admin.token_created").count() == 1
    assert script(first.json()["token"]).get("/api/sites").status_code == 200


@pytest.mark.django_db
def test_the_stored_answer_does_not_hold_the_token(api: APIClient) -> None:
    secret = create_with(api).json()["token"]
    stored = str(IdempotentRequest.objects.values().get())
    assert secret not in stored
    assert PersonalToken.objects.get().digest not in stored


@pytest.mark.django_db
def test_the_same_key_with_another_body_is_a_conflict(api: APIClient) -> None:
    create_with(api)
    assert_problem(create_with(api, name="another"), 409, "idempotency_key_reused")
    assert create_with(api, "another key", name="another").status_code == 201


@pytest.mark.django_db
def test_a_refused_request_can_be_repeated_with_its_key(api: APIClient) -> None:
    assert_problem(create_with(api, permissions=["no.such"]), 400, "invalid", "/permissions")
    assert create_with(api).status_code == 201


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_of_requests_at_once_one_makes_a_token_and_is_told_it(anna: Admin, signed_in: SignIn) -> None:
    clients = [signed_in(anna) for _ in range(4)]
    for round_number in range(4):
        key = f"round {round_number}"
        answers = side_by_side(*[partial(create_with, client, key) for client in clients])
        secrets = [answer.json()["token"] for answer in answers if answer.status_code == 201]
        assert len([secret for secret in secrets if secret]) == 1
        refused = {answer.json()["code"] for answer in answers if answer.status_code != 201}
        assert refused <= {"idempotency_key_in_use"}
        assert PersonalToken.objects.count() == round_number + 1
