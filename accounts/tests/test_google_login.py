"""`POST /api/auth/google`: who gets tokens, and what everybody else is told."""

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.google.identity import GoogleIdentity
from accounts.google.services import link_google_account
from accounts.models import AccessRequest, Admin, GoogleAccount, SignInAttempt, TokenFamily
from accounts.tests.factors import App, app_of
from accounts.tests.fake_google import FakeGoogle, Person
from accounts.tests.test_login import REFUSED
from accounts.tests.tokens import ADDRESS, login, me
from audit.actors import COMMAND
from audit.models import Event

pytestmark = [pytest.mark.any_database, pytest.mark.django_db]
STRANGER = Person("999", "stranger@gmail.example", "A Stranger")


def link(admin: Admin, person: Person | None = None) -> None:
    person = person or Person()
    identity = GoogleIdentity(person.subject, person.email, person.name)
    link_google_account(admin.pk, identity, by=COMMAND, at=timezone.now())


def sign_in(id_token: Any, *, address: str = ADDRESS, path: str = "/api/auth/google", **more: Any) -> Any:
    return APIClient().post(path, {"id_token": id_token, **more}, format="json", REMOTE_ADDR=address)


def refused_as(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def outcomes() -> list[tuple[str, str, bool]]:
    return list(SignInAttempt.objects.order_by("pk").values_list("outcome", "username", "with_google"))


def test_a_linked_google_account_gets_a_pair_of_tokens(google: FakeGoogle, anna: Admin) -> None:
    link(anna)
    answer = sign_in(google.id_token())
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert list(answer.json()) == ["access", "refresh", "token_type", "expires_in"]
    assert me(answer.json()["access"]).json()["username"] == "anna"
    assert outcomes() == [("signed_in", "anna", True)]
    assert GoogleAccount.objects.get().last_used_at is not None


@pytest.mark.parametrize("path", ["/api/auth/google/", "/api/v1/auth/google"])
def test_each_way_to_write_the_path_is_answered(google: FakeGoogle, anna: Admin, path: str) -> None:
    link(anna)
    assert sign_in(google.id_token(), path=path).status_code == 200


def test_the_address_of_an_admin_is_no_key_to_the_account(google: FakeGoogle, anna: Admin) -> None:
    """Anna's address is verified for another Google account: that links no admin and signs none in."""
    assert Person().email == anna.email
    assert refused_as(sign_in(google.id_token())) == (403, "access_unknown")
    link(anna)
    victims_address = Person("666", anna.email, anna.username)
    assert refused_as(sign_in(google.id_token(victims_address))) == (403, "access_unknown")
    assert GoogleAccount.objects.get().subject == Person().subject
    assert not TokenFamily.objects.exists()


def test_the_account_stays_the_same_when_its_address_changes(google: FakeGoogle, anna: Admin) -> None:
    link(anna)
    assert sign_in(google.id_token(email="new@vendor.example")).status_code == 200


def test_strangers_are_told_to_ask_and_those_who_asked_to_wait(google: FakeGoogle) -> None:
    assert refused_as(sign_in(google.id_token(STRANGER))) == (403, "access_unknown")
    request = AccessRequest.objects.create(
        name="x", email=STRANGER.email, google_subject=STRANGER.subject, created_at=timezone.now()
    )
    assert refused_as(sign_in(google.id_token(STRANGER))) == (403, "access_pending")
    request.state, request.decided_at = AccessRequest.State.REJECTED, timezone.now()
    request.save()
    assert refused_as(sign_in(google.id_token(STRANGER))) == (403, "access_unknown")
    assert outcomes() == [("unknown_google", "stranger@gmail.example", True)] * 3


def test_a_request_with_a_password_for_the_same_address_is_not_the_same_person(google: FakeGoogle) -> None:
    AccessRequest.objects.create(
        name="x", email=STRANGER.email, password="x", password_digest="x", created_at=timezone.now()
    )
    assert refused_as(sign_in(google.id_token(STRANGER))) == (403, "access_unknown")


def test_a_stranger_asks_is_approved_and_signs_in_with_one_token(google: FakeGoogle, api: APIClient) -> None:
    token = google.id_token(STRANGER)
    assert refused_as(sign_in(token)) == (403, "access_unknown")
    asked = APIClient().post("/api/auth/request-access", {"id_token": token}, format="json", REMOTE_ADDR=ADDRESS)
    assert asked.status_code == 202
    assert refused_as(sign_in(token)) == (403, "access_pending")
    waiting = api.get("/api/admin/access-requests?state=waiting").json()["results"][0]["id"]
    assert api.post(f"/api/admin/access-requests/{waiting}/approve", {"role": "viewer"}).status_code == 200
    answer = sign_in(token)
    assert me(answer.json()["access"]).json()["username"] == "stranger@gmail.example"
    assert not Admin.objects.get(username="stranger@gmail.example").has_usable_password()


def test_forged_tokens_and_disabled_admins_are_answered_like_a_wrong_password(
    google: FakeGoogle, anna: Admin, ben: Admin
) -> None:
    link(anna)
    forged = sign_in(google.id_token(kid="stranger"))
    Admin.objects.filter(pk=anna.pk).update(is_active=False)
    for answer in (forged, sign_in(google.id_token()), sign_in("x"), sign_in(google.id_token(aud="another"))):
        assert (answer.status_code, answer.json()) == (401, REFUSED)
        assert answer["WWW-Authenticate"].startswith("Bearer")
    assert outcomes() == [
        ("wrong_token", "(not a user name)", True),
        ("disabled", "anna", True),
        ("wrong_token", "(not a user name)", True),
        ("wrong_token", "(not a user name)", True),
    ]
    assert not TokenFamily.objects.exists()


@pytest.mark.parametrize("body", [{}, {"id_token": 5}, {"id_token": None}, {"id_token": "x" * 8_193}])
def test_a_malformed_body_is_invalid_input(google: FakeGoogle, body: dict[str, Any]) -> None:
    answer = APIClient().post("/api/auth/google", body, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/id_token")


def test_without_client_ids_there_is_no_such_endpoint(google: FakeGoogle, anna: Admin, settings: Any) -> None:
    link(anna)
    settings.GOOGLE_CLIENT_IDS = []
    assert refused_as(sign_in(google.id_token())) == (404, "not_found")
    assert refused_as(sign_in(5)) == (404, "not_found")


def test_an_outage_of_google_is_said_and_the_password_still_works(google: FakeGoogle, anna: Admin) -> None:
    link(anna)
    google.is_away = True
    answer = sign_in(google.id_token())
    assert refused_as(answer) == (503, "google_unavailable")
    assert int(answer["Retry-After"]) > 0
    assert login().status_code == 200


# --- The second factor, and steps that are required ------------------------------------------------------------------


@pytest.fixture
def app(anna: Admin) -> App:
    link(anna)
    return app_of(anna)


def test_the_second_factor_is_asked_for_as_with_a_password(google: FakeGoogle, app: App) -> None:
    token = google.id_token()
    for more in ({}, {"otp": app.wrong_code()}, {"otp": "x"}):
        answer = sign_in(token, **more)
        assert (answer.status_code, answer.json()) == (401, REFUSED)
    # The same token, once it comes with the right code.
    assert sign_in(token, otp=app.fresh_code()).status_code == 200
    assert [outcome for outcome, _, _ in outcomes()] == ["code_missing", "wrong_code", "wrong_code", "signed_in"]


def test_a_code_works_once(google: FakeGoogle, app: App) -> None:
    code = app.fresh_code()
    assert [sign_in(google.id_token(jti=name), otp=code).status_code for name in "ab"] == [200, 401]


def test_guesses_at_the_code_are_limited_for_the_address_that_guesses(
    google: FakeGoogle, app: App, settings: Any
) -> None:
    settings.LOGIN_CODE_FAILURES_BEFORE_NEW_PASSWORD = 1000
    token = google.id_token()
    for _ in range(10):
        assert sign_in(token, otp=app.wrong_code()).status_code == 401
    assert refused_as(sign_in(token, otp=app.fresh_code())) == (429, "too_many_login_attempts")
    assert sign_in(token, otp=app.fresh_code(), address="198.51.100.4").status_code == 200


def test_guesses_at_the_code_are_limited_for_the_admin_whatever_the_address(
    google: FakeGoogle, app: App, settings: Any
) -> None:
    settings.LOGIN_CODE_FAILURES = 12
    token = google.id_token()
    for guess in range(12):
        sign_in(token, otp=app.wrong_code(), address=f"198.51.100.{guess}")
    assert refused_as(sign_in(token, otp=app.fresh_code(), address="203.0.113.9")) == (429, "too_many_login_attempts")


def test_guesses_at_the_code_end_the_password_if_there_is_one(google: FakeGoogle, app: App) -> None:
    token = google.id_token()
    for guess in range(10):
        sign_in(token, otp=app.wrong_code(), address=f"198.51.100.{guess}")
    reasons = Event.objects.filter(action="admin.password_change_required").values_list("reason", flat=True)
    assert list(reasons) == ["The right Google account was given with a wrong code 10 times"]
    answer = sign_in(token, otp=app.fresh_code())
    assert refused_as(answer) == (403, "password_change_required")


def test_who_has_no_password_need_not_change_it(google: FakeGoogle, app: App) -> None:
    Admin.objects.filter(pk=app.admin.pk).update(password="!")
    token = google.id_token()
    for guess in range(10):
        sign_in(token, otp=app.wrong_code(), address=f"198.51.100.{guess}")
    assert sign_in(token, otp=app.fresh_code()).status_code == 200
    assert not Event.objects.filter(action="admin.password_change_required").exists()


def test_required_steps_come_first(google: FakeGoogle, anna: Admin, settings: Any) -> None:
    link(anna)
    settings.REQUIRE_TWO_FACTOR = True
    assert refused_as(sign_in(google.id_token())) == (403, "two_factor_required")
    assert outcomes() == [("step_required", "anna", True)]


# --- Replay and floods ------------------------------------------------------------------------------------------------


def test_a_program_whose_answer_was_lost_sends_its_token_again(google: FakeGoogle, anna: Admin) -> None:
    link(anna)
    token = google.id_token()
    assert [sign_in(token).status_code for _ in range(2)] == [200, 200]
    assert TokenFamily.objects.count() == 2


def test_forged_tokens_are_limited_by_address_and_stop_nobody_elsewhere(
    google: FakeGoogle, anna: Admin, settings: Any
) -> None:
    link(anna)
    settings.LOGIN_FAILURES_PER_ADDRESS = 12
    assert [sign_in("forged").status_code for _ in range(13)] == [401] * 12 + [429]
    assert refused_as(sign_in(google.id_token())) == (429, "too_many_login_attempts")
    assert refused_as(sign_in(google.id_token(STRANGER))) == (429, "too_many_login_attempts")
    assert login().status_code == 429
    assert sign_in(google.id_token(), address="198.51.100.4").status_code == 200
    assert Event.objects.filter(action="admin.sign_in_blocked").count() == 1


def test_a_strangers_own_account_uses_up_no_attempts(google: FakeGoogle, anna: Admin, settings: Any) -> None:
    link(anna)
    settings.LOGIN_FAILURES_PER_ADDRESS = 3
    for _ in range(10):
        assert sign_in(google.id_token(STRANGER)).status_code == 403
    assert sign_in(google.id_token()).status_code == 200
