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


def test_a_name_hides_nothing_and_turns_no_text_around(db: None) -> None:
    assert asked(name="Nora\u202e Conti\u200b").name == "Nora Conti"
    assert asked("ada@vendor.example", name="\u200b\u202e").name == "ada@vendor.example"


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
    for number, network in enumerate((ELSEWHERE, ABROAD, ABROAD)):
        ask("crowded@vendor.example", f"{OTHER} {number}", address=network)
    kinds = set()
    people = (NORA, NORA, "ida@vendor.example", "rosa@vendor.example", "full@vendor.example", "crowded@vendor.example")
    for email in people:
        with CaptureQueriesContext(connection) as statements:
            ask(email, address=ABROAD)
        verbs = Counter(statement["sql"].split()[0] for statement in statements)
        kinds.add((verbs["SELECT"], verbs["INSERT"] + verbs["UPDATE"]))
    assert len(kinds) == 1, kinds


def test_the_same_person_again_leaves_the_reason_that_a_sysadmin_may_have_read(db: None) -> None:
    ask()
    ask(reason="I joined support")
    ask(reason="I am Anna, promote me")
    ask()
    [request] = waiting()
    assert request.reason == "I joined support"


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


def test_who_was_rejected_may_not_ask_with_another_password_either(db: None, clock: Clock) -> None:
    """The same network says that it is the same person; from elsewhere it may be the owner."""
    reject(asked())
    ask(password=OTHER)
    assert waiting() == []
    assert asked(password=OTHER, address=ELSEWHERE).is_waiting
    assert asked("vito@vendor.example").is_waiting
    clock.move(hours=24, minutes=1)
    assert asked(password=f"{OTHER} 5").is_waiting


def test_a_stranger_with_the_owners_address_does_not_keep_the_owner_from_asking(db: None) -> None:
    squatted = asked(password=OTHER, address=ABROAD)
    mine = asked()
    assert {request.pk for request in waiting()} == {squatted.pk, mine.pk}
    reject(squatted)
    ask(reason="It is me")
    assert [request.reason for request in waiting()] == ["It is me"]


def test_a_rejected_stranger_does_not_keep_the_owner_from_asking(db: None) -> None:
    for address in (ABROAD, ELSEWHERE):
        reject(asked(password=OTHER + address, address=address))
    assert asked().is_waiting


def test_one_network_gets_some_of_the_places_only(db: None) -> None:
    for number in range(2):
        asked(password=f"{OTHER} {number}", address="2001:db8:7:1::1")
    ask(password=f"{OTHER} 3", address="2001:db8:7:2::1")
    assert len(waiting()) == 2
    ask(address="2001:db8:8::1")
    assert len(waiting()) == 3


def test_a_rejected_network_stays_rejected_in_its_neighbourhood(db: None) -> None:
    reject(asked(password=OTHER, address="2001:db8:7:1::1"))
    ask(address="2001:db8:7:2::1")
    assert waiting() == []
    assert asked(address="2001:db8:8::1").is_waiting


def squat(*addresses: str) -> None:
    for number, address in enumerate(addresses):
        ask(password=f"{OTHER} {number} from {address}", address=address)


def test_no_more_than_three_wait_for_one_address(db: None) -> None:
    squat(*[f"192.0.2.{number}" for number in range(10)])
    assert sorted(request.place for request in waiting()) == [1, 2, 3]
    assert asked("vito@vendor.example").place == 1


@pytest.mark.parametrize(
    ("squatters", "left"),
    [
        ([ELSEWHERE, ELSEWHERE, ABROAD], [ELSEWHERE, ABROAD]),
        ([ABROAD, ELSEWHERE, ELSEWHERE], [ABROAD, ELSEWHERE]),
        ([ELSEWHERE, ABROAD, "2001:db8:7::1"], [ABROAD, "2001:db8:7::1"]),
    ],
    ids=["two networks", "the greedy one came last", "three networks"],
)
def test_squatted_places_do_not_keep_the_owner_out(db: None, squatters: list[str], left: list[str]) -> None:
    """The network that has most of the places loses its oldest one."""
    squat(*squatters)
    mine = asked()
    assert [request.address for request in waiting()] == [*left, mine.address]
    assert sorted(request.place for request in waiting()) == [1, 2, 3]


def test_squatters_cannot_take_back_the_place_of_the_owner(db: None) -> None:
    squat(ELSEWHERE, ELSEWHERE, ABROAD)
    mine = asked()
    squat(*[ELSEWHERE, ABROAD] * 3)
    assert mine in waiting()


def test_a_place_that_changes_hands_is_another_request(db: None) -> None:
    """Who has the page of the old one open must not approve the new one."""
    squat(ELSEWHERE, ABROAD, ABROAD)
    before = {request.pk: request.password for request in waiting()}
    mine = asked(reason="It is me")
    assert len(before.keys() & {request.pk for request in waiting()}) == 2
    assert mine.pk not in before
    assert mine.password not in before.values()
    assert (mine.reason, mine.name, mine.state) == ("It is me", "Nora Conti", "waiting")


def test_it_is_counted_how_many_found_no_place(db: None) -> None:
    squat(ELSEWHERE, ELSEWHERE, ABROAD)
    assert AccessRequest.objects.crowded_out(NORA) == 0
    squat(ELSEWHERE, ELSEWHERE, ABROAD)  # the same ones
    assert AccessRequest.objects.crowded_out(NORA) == 0
    ask(password=f"{OTHER} 7", address=ELSEWHERE)
    ask(password=f"{OTHER} 8", address=ABROAD)
    ask()
    assert AccessRequest.objects.crowded_out(NORA) == 3
    assert AccessRequest.objects.crowded_out("vito@vendor.example") == 0


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
