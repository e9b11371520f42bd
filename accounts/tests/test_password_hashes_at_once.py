"""A process computes few password hashes at a time, so that a flood of sign-ins leaves room for heartbeats."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password, identify_hasher, make_password

from accounts import hashers
from accounts.access_requests.tests.asking import CHOSEN, ask, asked
from accounts.errors import Busy
from accounts.hashers import hashing_slots
from accounts.models import AccessRequest
from accounts.tests.factors import browser
from accounts.tests.tokens import login
from conftest import PASSWORD, RegisteredSite


@pytest.fixture(autouse=True)
def _argon2(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PASSWORD_HASHERS = ["accounts.hashers.Argon2Hasher"]
    monkeypatch.setattr(hashers, "WAIT_SECONDS", 0.1)


@pytest.fixture
def all_slots_taken() -> Iterator[ExitStack]:
    with ExitStack() as taken:
        for _ in range(hashers.HASHES_AT_ONCE):
            taken.enter_context(hashing_slots)
        yield taken


@pytest.mark.usefixtures("anna", "all_slots_taken")
def test_a_sign_in_that_finds_no_slot_is_told_to_come_back() -> None:
    answer = login()
    assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json")
    assert answer["Retry-After"] == "2"
    assert answer.json()["code"] == "busy"


@pytest.mark.usefixtures("anna", "all_slots_taken")
def test_the_panel_says_so_in_a_sentence() -> None:
    answer = browser().post("/admin/login/", {"username": "anna", "password": PASSWORD})
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert "Too many people are signing in at this moment. Try again in a few seconds." in answer.content.decode()


@pytest.mark.usefixtures("anna", "all_slots_taken")
def test_an_unknown_name_gets_the_same_answer() -> None:
    assert login("nobody").status_code == 503


def test_a_refused_sign_in_counts_as_no_failure(anna: Any, settings: Any, all_slots_taken: ExitStack) -> None:
    settings.LOGIN_FAILURES_PER_PAIR = 1
    assert login(password="wrong").status_code == 503
    all_slots_taken.close()
    assert login().status_code == 200


def test_heartbeats_need_no_slot(roma: RegisteredSite, all_slots_taken: ExitStack) -> None:
    assert roma.call_home().status_code == 200


def test_a_slot_that_becomes_free_is_taken(all_slots_taken: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashers, "WAIT_SECONDS", 5)
    threading.Timer(0.1, all_slots_taken.close).start()
    assert check_password(PASSWORD, make_password(PASSWORD))


def test_only_a_few_wait_so_that_they_do_not_occupy_every_thread(
    all_slots_taken: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashers, "WAIT_SECONDS", 30)
    waiting = [threading.Thread(target=make_password, args=(PASSWORD,)) for _ in range(hashers.WAITING_AT_MOST)]
    for thread in waiting:
        thread.start()
    while hashing_slots.waiting < len(waiting):
        time.sleep(0.01)
    with pytest.raises(Busy):
        make_password(PASSWORD)
    all_slots_taken.close()
    for thread in waiting:
        thread.join()


def test_a_slot_is_given_back_after_a_hash_and_after_a_failure() -> None:
    for _ in range(3 * hashers.HASHES_AT_ONCE):
        encoded = make_password(PASSWORD)
        assert not check_password("wrong", encoded)
    with pytest.raises(ZeroDivisionError), hashing_slots:
        raise ZeroDivisionError
    assert check_password(PASSWORD, encoded)


@pytest.mark.usefixtures("all_slots_taken")
def test_a_request_for_access_that_finds_no_slot_is_told_so_and_not_stored(db: None) -> None:
    answer = ask()
    assert (answer.status_code, answer["Retry-After"], answer.json()["code"]) == (503, "2", "busy")
    assert not AccessRequest.objects.exists()


def test_the_hash_of_a_request_has_the_strength_of_any_password(db: None) -> None:
    """Also its salt, which is derived from the address: Django hashes no password anew for which it is too short."""
    request = asked()
    hasher = identify_hasher(request.password)
    assert (hasher.algorithm, hasher.must_update(request.password)) == ("argon2", False)
    assert check_password(CHOSEN, request.password)
