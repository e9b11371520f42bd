"""Requests for access that are sent or decided at the same moment."""

from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.access_requests import asking
from accounts.access_requests.deciding import approve_request, reject_request
from accounts.access_requests.tests.asking import NORA, ask, asked
from accounts.models import AccessRequest, Admin
from accounts.tests.side_by_side import side_by_side
from audit.actors import COMMAND
from audit.models import Event
from common.errors import DomainError

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="needs real row locks"),
]


def outcome(decide: Any, request: AccessRequest, **choice: str) -> str:
    """What came of it: the state, or the code of the refusal."""
    try:
        return str(decide(request.pk, by=COMMAND, at=timezone.now(), **choice).state)
    except DomainError as error:
        return error.code


def test_two_approvals_make_one_admin(transactional_db: None) -> None:
    request = asked()
    calls = [partial(outcome, approve_request, request, role="viewer") for _ in range(4)]
    assert side_by_side(*calls) == ["approved"] * 4
    assert Admin.objects.filter(username=NORA).count() == 1
    assert Event.objects.filter(action="admin.created").count() == 1


def test_of_two_approvals_with_different_roles_one_counts(transactional_db: None) -> None:
    request = asked()
    calls = [partial(outcome, approve_request, request, role=role) for role in ("viewer", "support")]
    assert sorted(side_by_side(*calls)) == ["already_decided", "approved"]
    request.refresh_from_db()
    assert Admin.objects.get(username=NORA).role == request.role


def test_of_an_approval_and_a_rejection_one_counts(transactional_db: None) -> None:
    for number in range(5):
        request = asked(f"nora{number}@vendor.example", address=f"192.0.2.{number}")
        approval, rejection = partial(outcome, approve_request, role="viewer"), partial(outcome, reject_request)
        results = side_by_side(partial(approval, request), partial(rejection, request))
        request.refresh_from_db()
        assert sorted(results) == sorted(["already_decided", request.state])
        assert Admin.objects.filter(username=request.email).exists() == (request.state == "approved")


def test_two_requests_with_one_address_make_one_admin(transactional_db: None) -> None:
    mine, strangers = asked(), asked(password="a stranger's battery 56", address="203.0.113.9")
    calls = [partial(outcome, approve_request, request, role="viewer") for request in (mine, strangers)]
    assert sorted(side_by_side(*calls)) == ["already_decided", "approved"]
    assert Admin.objects.filter(username=NORA).count() == 1
    assert not AccessRequest.objects.waiting().exists()


def test_approvals_for_one_address_do_not_wait_for_each_other(transactional_db: None) -> None:
    for number in range(10):
        email = f"nora{number}@vendor.example"
        addresses = [f"192.0.2.{number}", f"198.51.100.{number}", f"203.0.113.{number}"]
        requests = [asked(email, address=address, password=f"my own {address} staple") for address in addresses]
        calls = [partial(outcome, approve_request, request, role="viewer") for request in requests]
        assert sorted(side_by_side(*calls)) == ["already_decided", "already_decided", "approved"]


def test_the_same_request_at_once_waits_once(transactional_db: None) -> None:
    answers = side_by_side(*[ask] * 4)
    assert [answer.status_code for answer in answers] == [202] * 4
    assert AccessRequest.objects.count() == 1


def test_of_those_who_take_a_squatted_place_at_once_each_gets_another_one(transactional_db: None) -> None:
    for number, address in enumerate(("203.0.113.1", "203.0.113.1", "203.0.113.2")):
        ask(password=f"a squatter's battery {number}", address=address)
    calls = [
        partial(ask, password=f"another battery {number} staple", address=f"192.0.2.{number}") for number in (1, 2)
    ]
    assert [answer.status_code for answer in side_by_side(*calls)] == [202] * 2
    waiting = AccessRequest.objects.waiting()
    assert sorted(waiting.values_list("place", flat=True)) == [1, 2, 3]
    assert set(waiting.values_list("address", flat=True)) >= {"192.0.2.1", "192.0.2.2"}
    assert AccessRequest.objects.crowded_out(NORA) == 2


def test_a_request_that_is_approved_in_between_is_not_written_over(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its place was chosen for another one, and it is approved before that one is written."""
    for number, address in enumerate(("203.0.113.1", "203.0.113.1", "203.0.113.2")):
        ask(password=f"a squatter's battery {number}", address=address)
    usual, decided = asking.replace, []

    def replace(old: Any, request: AccessRequest, place: int) -> None:
        if not decided:
            approval = partial(outcome, approve_request, AccessRequest.objects.get(pk=old), role="viewer")
            decided.extend(side_by_side(approval))
        usual(old, request, place)

    monkeypatch.setattr(asking, "replace", replace)
    assert ask(address="192.0.2.1").status_code == 202
    assert decided == ["approved"]
    assert Admin.objects.get(username=NORA).check_password("a squatter's battery 0")
    assert sorted(AccessRequest.objects.values_list("state", flat=True)) == ["approved", "rejected", "rejected"]


def test_different_passwords_at_once_take_a_place_each(transactional_db: None) -> None:
    passwords = [f"another battery staple {number}" for number in range(4)]
    calls = [partial(ask, password=each, address=f"192.0.2.{number}") for number, each in enumerate(passwords)]
    assert [answer.status_code for answer in side_by_side(*calls)] == [202] * 4
    assert sorted(AccessRequest.objects.values_list("place", flat=True)) == [1, 2, 3]
