"""Asking for access with a Google account, which proves the address."""

from typing import Any

import pytest
from django.conf import LazySettings
from django.core import mail
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.access_requests.deciding import approve_request, reject_request
from accounts.access_requests.tests.asking import CHOSEN, NORA, ask, asked, url_of
from accounts.google.identity import GoogleIdentity
from accounts.google.services import link_google_account
from accounts.models import AccessRequest, Admin, GoogleAccount
from accounts.tests.fake_google import FakeGoogle, Person
from audit.actors import COMMAND
from audit.models import Event
from conftest import PASSWORD, Clock

pytestmark = pytest.mark.usefixtures("db")

PERSON = Person("1001", NORA, "Nora Conti")


def post(id_token: Any, **more: Any) -> Any:
    return APIClient().post("/api/auth/request-access", {"id_token": id_token, **more}, format="json")


def waiting() -> list[AccessRequest]:
    return list(AccessRequest.objects.waiting())


def test_the_answer_is_the_same_as_with_a_password(google: FakeGoogle) -> None:
    with_google, with_password = post(google.id_token(PERSON)), ask("other@vendor.example")
    assert (with_google.status_code, with_google.content) == (202, with_password.content)


def test_a_request_has_what_google_says(google: FakeGoogle) -> None:
    post(google.id_token(Person("1001", "Nora@Vendor.example", "Nora Conti")), reason="I joined support.")
    [request] = waiting()
    assert (request.name, request.email, request.reason) == ("Nora Conti", NORA, "I joined support.")
    assert (request.google_subject, request.is_email_verified) == ("1001", True)


def test_one_request_waits_for_each_google_account(google: FakeGoogle) -> None:
    post(google.id_token(PERSON))
    post(google.id_token(Person("1001", "renamed@vendor.example")), reason="Again")
    post(google.id_token(Person("1002")))
    assert {(request.google_subject, request.reason) for request in waiting()} == {("1001", "Again"), ("1002", "")}


def test_squatted_places_do_not_concern_google_accounts(google: FakeGoogle) -> None:
    for number in range(3):
        ask(password=f"another battery staple {number}", address=f"192.0.2.{number}")
    post(google.id_token(PERSON))
    assert [request.is_email_verified for request in waiting()].count(True) == 1


def test_a_rejected_neighbour_does_not_concern_google_accounts(google: FakeGoogle) -> None:
    reject_request(asked(address="127.0.0.1").pk, by=COMMAND, at=timezone.now())
    post(google.id_token(PERSON))
    assert [request.address for request in waiting()] == ["127.0.0.1"]


def test_an_approved_person_is_linked_by_the_subject(google: FakeGoogle, api: APIClient, anna: Admin) -> None:
    post(google.id_token(PERSON))
    [request] = waiting()
    answer = api.post(url_of(request, "approve"), {"role": "viewer"})
    assert (answer.status_code, answer.json()["email_verified"]) == (200, True)
    account = GoogleAccount.objects.get(subject="1001")
    assert (account.admin.username, account.email) == (NORA, NORA)
    assert not account.admin.has_usable_password()
    changes = Event.objects.get(action="admin.created", actor=anna).changes
    assert (changes["signs_in_with"][1], changes["google_account"]) == ("a Google account", [None, NORA])


def test_an_approved_person_gets_one_mail(
    google: FakeGoogle, api: APIClient, settings: LazySettings, django_capture_on_commit_callbacks: Any
) -> None:
    """And none that tells them to raise an alarm over the Google account with which they asked."""
    settings.EMAIL_HOST = "mail.vendor.example"
    post(google.id_token(PERSON))
    with django_capture_on_commit_callbacks(execute=True):
        api.post(url_of(waiting()[0], "approve"), {"role": "viewer"})
    assert [message.subject for message in mail.outbox] == ["Portcullis: request for access approved"]


def test_an_approval_is_refused_as_a_whole_if_the_account_was_linked_since(google: FakeGoogle, ben: Admin) -> None:
    post(google.id_token(PERSON))
    [request] = waiting()
    link_google_account(ben.pk, GoogleIdentity("1001", NORA, "Nora"), by=COMMAND, at=timezone.now())
    with pytest.raises(Exception, match="another admin"):
        approve_request(request.pk, role="viewer", by=COMMAND, at=timezone.now())
    request.refresh_from_db()
    assert request.is_waiting
    assert not Admin.objects.filter(username=NORA).exists()


def test_a_google_account_with_an_admins_address_takes_nothing_over(google: FakeGoogle, api: APIClient) -> None:
    """The victim's user name is the address: nothing waits. Their e-mail is the address: a new admin, and no link."""
    Admin.objects.create_user(NORA, NORA, PASSWORD)
    vito = Admin.objects.create_user("vito", "vito@vendor.example", PASSWORD, role="sysadmin")
    post(google.id_token(PERSON))
    post(google.id_token(Person("1002", "vito@vendor.example")))
    [request] = waiting()
    api.post(url_of(request, "approve"), {"role": "viewer"})
    assert GoogleAccount.objects.get().admin.username == "vito@vendor.example"
    assert not GoogleAccount.objects.filter(admin=vito).exists()


def test_the_account_of_an_admin_leaves_no_request(google: FakeGoogle, ben: Admin) -> None:
    link_google_account(ben.pk, GoogleIdentity("1001", "old@vendor.example", "Ben"), by=COMMAND, at=timezone.now())
    assert post(google.id_token(PERSON)).status_code == 202
    assert waiting() == []


def test_who_was_rejected_may_ask_again_after_a_day(google: FakeGoogle, clock: Clock) -> None:
    post(google.id_token(PERSON))
    reject_request(waiting()[0].pk, by=COMMAND, at=clock.at)
    clock.move(hours=23)
    assert post(google.id_token(PERSON)).status_code == 202
    assert waiting() == []
    clock.move(hours=2)
    post(google.id_token(PERSON))
    assert len(waiting()) == 1


@pytest.mark.parametrize("id_token", ["", "x", "a.b.c", None, 5])
def test_a_token_that_is_none_is_refused(google: FakeGoogle, id_token: Any) -> None:
    answer = post(id_token)
    assert answer.status_code in (400, 401)
    assert waiting() == []


def test_a_forged_token_is_no_identity(google: FakeGoogle) -> None:
    for token in (google.id_token(PERSON, aud="another.example"), google.id_token(PERSON, email_verified=False)):
        answer = post(token)
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")
    assert waiting() == []


@pytest.mark.parametrize("field", ["name", "email", "password"])
def test_a_body_with_both_is_refused(google: FakeGoogle, field: str) -> None:
    answer = post(google.id_token(PERSON), **{field: CHOSEN})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, f"/{field}")
    assert waiting() == []


def test_an_address_that_is_too_long_for_a_user_name_is_refused(google: FakeGoogle) -> None:
    long = "n" * 60 + "@" + ".".join(["v" * 60] * 2) + ".example"
    assert post(google.id_token(Person("1001", long))).status_code == 400
    assert waiting() == []


def test_without_google_such_a_request_is_not_found(db: None, settings: LazySettings) -> None:
    settings.GOOGLE_CLIENT_IDS = []
    assert post("a.b.c").status_code == 404
    assert asked().is_waiting
