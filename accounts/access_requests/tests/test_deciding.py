"""A sysadmin approves or rejects a request for access, once."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.core import mail
from rest_framework.test import APIClient

from accounts.access_requests.deciding import approve_request
from accounts.access_requests.tests.asking import CHOSEN, ELSEWHERE, NORA, asked, url_of
from accounts.errors import RoleAboveOwn
from accounts.models import AccessRequest, Admin, SignInAttempt
from accounts.tests.tokens import login
from audit.actors import Actor
from audit.models import Event
from conftest import PASSWORD, Clock, SignIn

LIST = "/api/admin/access-requests"


def approve(api: APIClient, request: AccessRequest, role: str = "viewer") -> Any:
    return api.post(url_of(request, "approve"), {"role": role})


def reject(api: APIClient, request: AccessRequest, **body: Any) -> Any:
    return api.post(url_of(request, "reject"), body)


def test_an_approved_person_signs_in_with_their_own_password(api: APIClient, anna: Admin, clock: Clock) -> None:
    request = asked("Nora@Vendor.example")
    assert login(NORA, CHOSEN).status_code == 401
    answer = approve(api, request, "support")
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in ("state", "role", "decided_by", "email")} == {
        "state": "approved",
        "role": "support",
        "decided_by": "anna",
        "email": NORA,
    }
    assert login(NORA.upper(), CHOSEN).status_code == 200
    nora = Admin.objects.get(username=NORA)
    assert (nora.email, nora.role, nora.is_active) == (NORA, "support", True)
    request.refresh_from_db()
    assert request.password == ""


def test_the_event_says_who_approved_whom(api: APIClient, anna: Admin) -> None:
    approve(api, asked())
    event = Event.objects.get(action="admin.created", actor=anna)
    nora = Admin.objects.get(username=NORA)
    assert (event.subject_id, event.subject_name) == (str(nora.pk), NORA)
    assert event.changes["role"] == [None, "viewer"]
    assert event.changes["signs_in_with"] == [None, "a password of their own"]


def test_a_role_with_a_second_factor_sets_it_up_within_a_day(
    api: APIClient, clock: Clock, settings: LazySettings
) -> None:
    settings.REQUIRE_TWO_FACTOR = True
    approve(api, asked(), "support")
    assert Admin.objects.get(username=NORA).enrol_until == clock.at + timedelta(days=1)
    assert login(NORA, CHOSEN).json()["code"] == "two_factor_required"
    clock.move(hours=25)
    assert login(NORA, CHOSEN).json()["code"] == "enrolment_expired"
    approve(api, asked("vito@vendor.example"))
    assert Admin.objects.get(username="vito@vendor.example").enrol_until is None


@pytest.mark.parametrize(
    "email", ["o'brien@vendor.example", "nora+work@xn--mller-kva.example", "n_o-r.a@vendor.example"]
)
def test_each_address_that_may_ask_becomes_a_valid_user_name(api: APIClient, email: str) -> None:
    assert approve(api, asked(email)).status_code == 200
    Admin.objects.get(username=email).full_clean()
    assert login(email, "a wrong password").status_code == 401
    assert SignInAttempt.objects.filter(username=email, outcome="wrong_password").exists()
    assert login(email, CHOSEN).status_code == 200


def test_a_rejected_person_cannot_sign_in(api: APIClient, anna: Admin) -> None:
    request = asked()
    answer = reject(api, request, note="Ask your manager first.")
    assert (answer.status_code, answer.json()["state"], answer.json()["note"]) == (
        200,
        "rejected",
        "Ask your manager first.",
    )
    assert login(NORA, CHOSEN).status_code == 401
    request.refresh_from_db()
    assert request.password == ""
    event = Event.objects.get(action="access_request.rejected")
    assert (event.actor, event.subject_id) == (anna, str(request.pk))
    assert NORA not in str(Event.objects.filter(pk=event.pk).values().get())


def test_the_same_decision_again_changes_nothing(api: APIClient) -> None:
    approved, rejected = asked(), asked("vito@vendor.example")
    approve(api, approved)
    reject(api, rejected, note="No")
    before = list(AccessRequest.objects.order_by("pk").values()), Event.objects.count(), Admin.objects.count()
    assert approve(api, approved).status_code == 200
    assert reject(api, rejected, note="Still no").json()["note"] == "No"
    assert (list(AccessRequest.objects.order_by("pk").values()), Event.objects.count(), Admin.objects.count()) == before


def test_another_decision_is_a_conflict(api: APIClient) -> None:
    approved, rejected = asked(), asked("vito@vendor.example")
    approve(api, approved)
    reject(api, rejected)
    answers = [approve(api, approved, "sysadmin"), reject(api, approved), approve(api, rejected)]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "already_decided")] * 3
    assert Admin.objects.get(username=NORA).role == "viewer"
    assert not Admin.objects.filter(username="vito@vendor.example").exists()


def test_an_approval_never_changes_an_admin_who_is_there(api: APIClient) -> None:
    """Two ask with one address. Whose request is approved first has it; the other takes nothing over."""
    mine, strangers = asked(), asked(password="a stranger's battery 56", address=ELSEWHERE)
    assert approve(api, mine).status_code == 200
    answer = approve(api, strangers, "sysadmin")
    assert (answer.status_code, answer.json()["code"]) == (409, "already_decided")
    assert login(NORA, CHOSEN).status_code == 200
    assert Admin.objects.get(username=NORA).role == "viewer"


def test_an_admin_who_was_made_since_is_not_changed(api: APIClient) -> None:
    request = asked()
    Admin.objects.create_user(NORA, NORA, PASSWORD)
    answer = approve(api, request, "sysadmin")
    assert (answer.status_code, answer.json()["code"]) == (409, "username_taken")
    request.refresh_from_db()
    assert request.is_waiting
    assert login(NORA, PASSWORD).status_code == 200
    assert Admin.objects.get(username=NORA).role == "viewer"


def test_an_approval_rejects_the_others_that_wait_for_the_address(
    api: APIClient, anna: Admin, settings: LazySettings, django_capture_on_commit_callbacks: Any
) -> None:
    """They could only be rejected from then on. The owner of the address gets one mail, which says so."""
    settings.EMAIL_HOST = "mail.vendor.example"
    mine, strangers, vito = (
        asked(),
        asked(password="a stranger's battery 56", address=ELSEWHERE),
        asked("vito@v.example"),
    )
    with django_capture_on_commit_callbacks(execute=True):
        assert approve(api, mine).status_code == 200
    strangers.refresh_from_db()
    assert (strangers.state, strangers.decided_by, strangers.password) == ("rejected", anna, "")
    assert strangers.note == "Another request for this address was approved."
    assert list(AccessRequest.objects.waiting()) == [vito]
    assert Event.objects.get(action="access_request.rejected").subject_id == str(strangers.pk)
    [message] = mail.outbox
    assert message.subject == "Portcullis: request for access approved"
    assert "Other requests that named your address were rejected: 1." in message.body


def test_an_admin_with_the_same_email_under_another_name_stays_as_they_are(api: APIClient, ben: Admin) -> None:
    approve(api, asked("ben@vendor.example"))
    ben.refresh_from_db()
    assert (ben.role, ben.check_password(PASSWORD)) == ("support", True)
    assert Admin.objects.get(username="ben@vendor.example").role == "viewer"


def test_nobody_grants_a_role_above_their_own(anna: Admin, ben: Admin) -> None:
    """No role but sysadmin decides at present; the service holds the rule for any other."""
    request = asked()
    with pytest.raises(RoleAboveOwn):
        approve_request(request.pk, role="sysadmin", by=Actor(Event.Source.API, ben), at=request.created_at)
    request.refresh_from_db()
    assert request.is_waiting


def test_requests_are_listed_with_what_a_sysadmin_must_know(api: APIClient) -> None:
    asked()
    asked(password="a stranger's battery 56", address=ELSEWHERE)
    decided = asked("vito@vendor.example")
    reject(api, decided)
    listed = api.get(LIST, {"state": "waiting"}).json()
    assert (listed["count"], listed["next"], listed["previous"]) == (2, None, None)
    first = listed["results"][0]
    assert (first["claims"], first["email_verified"], first["address"]) == (2, False, ELSEWHERE)
    assert {"id", "name", "email", "reason", "state", "created_at"} <= set(first)
    assert "password" not in str(listed)
    assert api.get(LIST).json()["count"] == 3
    assert api.get(f"{LIST}/{decided.pk}").json()["state"] == "rejected"
    assert api.get(LIST, {"state": "nonsense"}).status_code == 400
    assert api.get(LIST, {"page": "2"}).status_code == 404


@pytest.mark.parametrize("name", ["ben", "vera"])
def test_only_sysadmins_see_and_decide(name: str, signed_in: SignIn, request: pytest.FixtureRequest) -> None:
    client = signed_in(request.getfixturevalue(name))
    waiting = asked()
    answers = [client.get(LIST), client.get(f"{LIST}/{waiting.pk}"), approve(client, waiting), reject(client, waiting)]
    assert [answer.status_code for answer in answers] == [403] * 4
    assert APIClient().get(LIST).status_code == 401
    waiting.refresh_from_db()
    assert waiting.is_waiting


@pytest.mark.parametrize("request_id", ["7", str(uuid.UUID(int=7))])
def test_an_unknown_request_is_not_found(api: APIClient, request_id: str) -> None:
    answers = [
        api.get(f"{LIST}/{request_id}"),
        api.post(f"{LIST}/{request_id}/approve", {"role": "viewer"}),
        api.post(f"{LIST}/{request_id}/reject", {}),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (404, "access_request_not_found")
    ] * 3


@pytest.mark.parametrize("body", [{}, {"role": "owner"}, {"role": None}, {"role": 5}, {"role": ["viewer"]}])
def test_a_role_that_is_none_is_refused(api: APIClient, body: dict[str, Any]) -> None:
    request = asked()
    assert api.post(url_of(request, "approve"), body).status_code == 400
    request.refresh_from_db()
    assert request.is_waiting


def test_the_person_is_told_by_mail(
    api: APIClient, settings: LazySettings, django_capture_on_commit_callbacks: Any
) -> None:
    settings.EMAIL_HOST, settings.PUBLIC_URL = "mail.vendor.example", "https://licences.vendor.example"
    approved, rejected = asked(), asked("vito@vendor.example")
    with django_capture_on_commit_callbacks(execute=True):
        approve(api, approved)
        reject(api, rejected, note="Ask your manager first.")
    assert [message.to for message in mail.outbox] == [[NORA], ["vito@vendor.example"]]
    assert "https://licences.vendor.example/admin/" in mail.outbox[0].body
    assert "Ask your manager first." in mail.outbox[1].body


def test_without_a_mail_server_nothing_is_sent(api: APIClient, django_capture_on_commit_callbacks: Any) -> None:
    request = asked()
    with django_capture_on_commit_callbacks(execute=True):
        approve(api, request)
    assert mail.outbox == []


def test_a_failing_mail_server_does_not_undo_the_decision(
    api: APIClient, settings: LazySettings, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    settings.EMAIL_HOST = "mail.vendor.example"

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("accounts.access_requests.notices.send_mail", refuse)
    request = asked()
    with django_capture_on_commit_callbacks(execute=True):
        assert approve(api, request).status_code == 200
    assert login(NORA, CHOSEN).status_code == 200
