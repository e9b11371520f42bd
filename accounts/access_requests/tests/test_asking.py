"""Asking for access: the same answer for everyone, one waiting request for each identity."""

from collections import Counter
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.access_requests.deciding import reject_request
from accounts.access_requests.tests.asking import ABROAD, CHOSEN, ELSEWHERE, NORA, ask, asked
from accounts.models import AccessRequest, Admin
from audit.actors import COMMAND
from conftest import PASSWORD, Clock

OTHER = "another battery staple 34"


def waiting() -> list[AccessRequest]:
    return list(AccessRequest.objects.waiting().order_by("created_at"))


def reject(request: AccessRequest) -> None:
    reject_request(request.pk, by=COMMAND, at=timezone.now())


def told(answer: Any) -> Any:
    """All that a caller sees of an answer, but for the request's id."""
    headers = {name: value for name, value in answer.headers.items() if name != "X-Request-ID"}
    return answer.status_code, headers, answer.content


@pytest.mark.parametrize("path", ["/api/auth/request-access", "/api/auth/register/", "/api/v1/auth/register"])
def test_a_request_waits_with_what_the_person_wrote(db: None, path: str) -> None:
    body = {"name": "Nora Conti", "email": "Nora@Vendor.example", "password": CHOSEN, "reason": "I joined support."}
    answer = APIClient().post(path, body, format="json", REMOTE_ADDR="192.0.2.1")
    assert (answer.status_code, list(answer.json())) == (202, ["detail"])
    [request] = waiting()
    assert (request.name, request.email, request.reason) == ("Nora Conti", NORA, "I joined support.")
    assert (request.address, request.is_email_verified) == ("192.0.2.1", False)
    assert CHOSEN not in str(AccessRequest.objects.values().get())


def test_everyone_gets_the_same_answer_after_the_same_work(anna: Admin, settings: LazySettings) -> None:
    """An admin, a new person, one who waits, one who was rejected, one too many: nothing tells them apart."""
    Admin.objects.create_user("ida@vendor.example", "ida@vendor.example", PASSWORD)
    new = ask()
    seen = [told(new), told(ask()), told(ask("IDA@vendor.example")), told(ask("anna@vendor.example"))]
    reject(asked("rosa@vendor.example"))
    seen.append(told(ask("rosa@vendor.example")))
    seen.extend(told(ask("full@vendor.example", f"{OTHER} {number}")) for number in range(4))
    assert seen == [told(new)] * len(seen)


def test_one_password_is_hashed_whoever_asks(anna: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    Admin.objects.create_user("ida@vendor.example", "ida@vendor.example", PASSWORD)
    for number in range(3):
        ask("full@vendor.example", f"{OTHER} {number}", address=f"192.0.2.{number}")
    hashed: list[str] = []
    hasher = "django.contrib.auth.hashers.MD5PasswordHasher.encode"
    monkeypatch.setattr(hasher, lambda self, password, salt: hashed.append(password) or f"md5${salt}$00")
    monkeypatch.setattr("django.contrib.auth.hashers.MD5PasswordHasher.verify", lambda *_: hashed.append("verified"))
    for email in (NORA, NORA, "ida@vendor.example", "full@vendor.example"):
        hashed.clear()
        assert ask(email).status_code == 202
        assert hashed == [CHOSEN]


def test_every_answer_takes_the_same_reads_and_one_write(anna: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that is dropped writes as much as one that is stored."""
    monkeypatch.setattr("common.counters.ADDS_PER_CLEAN_UP", 10**9)
    Admin.objects.create_user("ida@vendor.example", "ida@vendor.example", PASSWORD)
    reject(asked("rosa@vendor.example"))
    for number in range(3):
        ask("full@vendor.example", f"{OTHER} {number}", address=f"192.0.2.{number}")
    ask("first@vendor.example", address=ABROAD)  # adds the counter of the address, which others count up
    kinds = set()
    for email in (NORA, NORA, "ida@vendor.example", "rosa@vendor.example", "full@vendor.example"):
        with CaptureQueriesContext(connection) as statements:
            ask(email, address=ABROAD)
        verbs = Counter(statement["sql"].split()[0] for statement in statements)
        kinds.add((verbs["SELECT"], verbs["INSERT"] + verbs["UPDATE"]))
    assert len(kinds) == 1, kinds


def test_the_same_person_again_updates_the_reason(db: None) -> None:
    ask(reason="First")
    ask(reason="Second")
    ask()
    [request] = waiting()
    assert request.reason == "Second"


def test_the_address_counts_in_any_case(db: None) -> None:
    ask()
    ask("NORA@VENDOR.EXAMPLE", reason="Again")
    assert [request.reason for request in waiting()] == ["Again"]


def test_an_admin_with_that_user_name_leaves_no_request(db: None) -> None:
    Admin.objects.create_user("Nora@Vendor.example", NORA, PASSWORD)
    ask()
    assert waiting() == []
    assert Admin.objects.get().check_password(PASSWORD)


def test_who_was_rejected_may_ask_again_after_a_day(db: None, clock: Clock) -> None:
    reject(asked())
    clock.move(hours=23, minutes=59)
    ask()
    assert waiting() == []
    clock.move(minutes=2)
    ask()
    assert len(waiting()) == 1


def test_a_stranger_with_the_owners_address_does_not_keep_the_owner_from_asking(db: None) -> None:
    squatted = asked(password=OTHER, address=ABROAD)
    mine = asked()
    assert {request.pk for request in waiting()} == {squatted.pk, mine.pk}
    reject(squatted)
    ask(reason="It is me")
    assert [request.reason for request in waiting()] == ["It is me"]


def test_a_rejected_stranger_does_not_keep_the_owner_from_asking(db: None) -> None:
    for number in range(2):
        reject(asked(password=f"{OTHER} {number}", address=ABROAD))
    assert asked().is_waiting


@pytest.mark.parametrize("decided", [False, True], ids=["waiting", "rejected"])
def test_one_network_gets_some_of_the_places_only(db: None, decided: bool) -> None:
    for number in range(2):
        stored = asked(password=f"{OTHER} {number}", address="2001:db8:7:1::1")
        if decided:
            reject(stored)
    before = len(waiting())
    ask(password=f"{OTHER} 3", address="2001:db8:7:2::1")
    assert len(waiting()) == before
    ask(address="2001:db8:8::1")
    assert len(waiting()) == before + 1


def test_more_than_three_for_one_address_are_dropped(db: None) -> None:
    for number, address in enumerate((ELSEWHERE, ABROAD, ELSEWHERE, "192.0.2.77", "192.0.2.78")):
        ask(password=f"{OTHER} {number}", address=address)
    assert [request.place for request in waiting()] == [1, 2, 3]


BODY = {"name": "Nora", "email": NORA, "password": CHOSEN}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({**BODY, "password": "short"}, "/password"),
        ({**BODY, "password": "nora@vendor.example"}, "/password"),
        ({**BODY, "password": "123456789012345"}, "/password"),
        ({**BODY, "email": "nora"}, "/email"),
        ({**BODY, "email": None}, "/email"),
        ({**BODY, "name": ""}, "/name"),
        ({**BODY, "name": 5}, "/name"),
        ({**BODY, "name": "a\x07b"}, "/name"),
        ({**BODY, "reason": "x" * 501}, "/reason"),
        ({"email": NORA, "password": CHOSEN}, "/name"),
        ({"name": "Nora", "password": CHOSEN}, "/email"),
        ({"name": "Nora", "email": NORA}, "/password"),
        ({**BODY, "email": "n" * 140 + "@vendor.example"}, "/email"),
        # What becomes longer, or another address, when it is folded, and what only looks like the address of a colleague.
        ({**BODY, "email": "a@" + "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 60 + ".com"}, "/email"),
        ({**BODY, "email": "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}" * 80 + "@vendor.example"}, "/email"),
        ({**BODY, "email": "a@b\N{FULLWIDTH COMMERCIAL AT}c.example"}, "/email"),
        ({**BODY, "email": "a@x\N{IDEOGRAPHIC SPACE}y.example"}, "/email"),
        ({**BODY, "email": "a@\N{SMALL LESS-THAN SIGN}b\N{SMALL GREATER-THAN SIGN}.example"}, "/email"),
        ({**BODY, "email": "nora@vend\N{CYRILLIC SMALL LETTER O}r.example"}, "/email"),
        ({**BODY, "email": '"<b>x</b>"@vendor.example'}, "/email"),
    ],
)
def test_bad_input_is_refused_and_leaves_nothing(db: None, body: dict[str, Any], pointer: str) -> None:
    answer = APIClient().post("/api/auth/request-access", body, format="json")
    assert answer.status_code == 400
    assert {error["pointer"] for error in answer.json()["errors"]} == {pointer}
    assert waiting() == []


def test_one_address_may_ask_a_few_times_an_hour(db: None, settings: LazySettings) -> None:
    settings.ACCESS_REQUESTS_PER_ADDRESS = 3
    seen = [ask(f"nora{number}@vendor.example").status_code for number in range(3)]
    refused = ask("nora9@vendor.example")
    assert (seen, refused.status_code) == ([202] * 3, 429)
    assert refused.json()["code"] == "too_many_access_requests"
    assert 0 < int(refused["Retry-After"]) <= 3601
    assert len(waiting()) == 3
    assert ask("nora9@vendor.example", address=ELSEWHERE).status_code == 202
