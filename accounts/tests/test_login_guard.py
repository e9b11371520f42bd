"""Guessing is limited per address and per pair of user name and address, in the API and the panel together."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.login_guard import LoginGuard
from accounts.models import Admin
from accounts.tests.side_by_side import side_by_side
from accounts.tests.tokens import ADDRESS, login
from common.counters import SqlCounterCache
from conftest import PASSWORD

ELSEWHERE = "198.51.100.4"

pytestmark = pytest.mark.usefixtures("anna")


def fail(times: int, username: str = "anna", *, address: str = ADDRESS) -> None:
    statuses = [login(username, "wrong", address=address).status_code for _ in range(times)]
    assert statuses == [401] * times


def sign_in_to_panel(username: str = "anna", password: str = PASSWORD, *, address: str = ADDRESS) -> Any:
    client = Client(raise_request_exception=False, REMOTE_ADDR=address)
    return client.post("/admin/login/?next=/admin/", {"username": username, "password": password})


def test_after_ten_failures_even_the_right_password_is_refused() -> None:
    fail(10)
    answer = login()
    assert (answer.status_code, answer["Content-Type"]) == (429, "application/problem+json")
    assert answer.json()["code"] == "too_many_login_attempts"
    assert 890 <= int(answer["Retry-After"]) <= 901


def test_the_tenth_attempt_may_still_be_right() -> None:
    fail(9)
    assert login().status_code == 200


def test_an_attacker_at_one_address_never_locks_an_admin_out_at_another() -> None:
    fail(10)
    assert login().status_code == 429
    assert login(address=ELSEWHERE).status_code == 200


def test_another_admin_at_the_same_address_still_gets_in(ben: Admin) -> None:
    fail(10)
    assert login("ben").status_code == 200


def test_the_case_of_the_user_name_does_not_matter() -> None:
    for username in ("anna", "Anna", "ANNA", "aNNa", "annA"):
        fail(2, username)
    assert login().status_code == 429


@pytest.mark.parametrize("lookalike", ["vıncı", "vincı", "VİNCİ"])
def test_a_name_that_a_database_takes_for_another_buys_no_more_guesses(lookalike: str) -> None:
    Admin.objects.create_user("vinci", "vinci@vendor.example", PASSWORD)
    fail(10, "vinci")
    assert login(lookalike).status_code in (401, 429)


def test_two_admins_whose_names_differ_by_a_dot_both_get_in() -> None:
    for username in ("vinci", "vıncı"):
        Admin.objects.create_user(username, "v@vendor.example", f"the password of {username}")
    for username in ("vinci", "vıncı"):
        assert login(username, f"the password of {username}").status_code == 200


def test_names_that_no_admin_has_are_counted_in_the_same_way() -> None:
    fail(10, "nobody")
    assert login("nobody").status_code == 429


def test_fifty_failures_over_many_users_close_the_address() -> None:
    for number in range(50):
        fail(1, f"user{number}")
    answer = login()
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) >= 1
    assert login(address=ELSEWHERE).status_code == 200


def test_a_success_forgets_the_failures_of_the_pair() -> None:
    fail(9)
    assert login().status_code == 200
    fail(9)
    assert login().status_code == 200


def test_a_success_does_not_forget_the_failures_of_the_address(settings, ben: Admin) -> None:
    settings.LOGIN_FAILURES_PER_ADDRESS = 12
    fail(9)
    assert login().status_code == 200
    fail(3, "ben")
    assert login().status_code == 429


def test_the_end_of_the_window_frees(settings) -> None:
    settings.LOGIN_FAILURE_WINDOW = timedelta(seconds=1)
    settings.LOGIN_FAILURES_PER_PAIR = 2
    fail(2)
    answer = login()
    assert (answer.status_code, answer["Retry-After"]) == (429, "1")
    time.sleep(1.1)
    assert login().status_code == 200


def test_refused_attempts_do_not_lengthen_the_window(settings) -> None:
    settings.LOGIN_FAILURE_WINDOW = timedelta(seconds=1)
    settings.LOGIN_FAILURES_PER_PAIR = 2
    fail(2)
    started = time.monotonic()
    while time.monotonic() - started < 1.1:
        assert login(password="wrong").status_code in (401, 429)
        time.sleep(0.3)
    time.sleep(0.2)
    assert login(address=ELSEWHERE).status_code == 200


def test_one_ipv6_customer_is_one_address() -> None:
    for number in range(10):
        fail(1, address=f"2001:db8:1:1::{number + 1}")
    assert login(address="2001:db8:1:1:ffff::1").status_code == 429
    assert login(address="2001:db8:1:2::1").status_code == 200


def test_a_forged_forwarded_header_does_not_change_the_address(client: Client) -> None:
    fail(10)
    body = {"username": "anna", "password": PASSWORD}
    headers = {"X-Forwarded-For": ELSEWHERE}
    answer = client.post("/api/auth/login", body, content_type="application/json", headers=headers, REMOTE_ADDR=ADDRESS)
    assert answer.status_code == 429


def test_the_panels_form_opens_with_the_right_password() -> None:
    assert sign_in_to_panel(password="wrong").status_code == 200
    answer = sign_in_to_panel()
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")


def test_failures_in_the_panel_count_for_the_api() -> None:
    for _ in range(10):
        assert sign_in_to_panel(password="wrong").status_code == 200
    assert login().status_code == 429
    assert login(address=ELSEWHERE).status_code == 200


def test_failures_in_the_api_count_for_the_panel() -> None:
    fail(10)
    answer = sign_in_to_panel()
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) >= 1
    assert answer["Content-Type"].startswith("text/html")
    assert sign_in_to_panel(address=ELSEWHERE).status_code == 302


@pytest.mark.postgresql
@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs real concurrency")
def test_guesses_side_by_side_learn_no_more_than_guesses_one_after_the_other(
    transactional_db: None, anna: Admin
) -> None:
    answers = side_by_side(*[lambda: login(password="wrong").status_code] * 30)
    assert answers.count(401) <= 10
    assert set(answers) <= {401, 429}


def test_a_failure_whose_counter_was_just_forgotten_begins_a_new_one(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    guard = LoginGuard("anna", "192.0.2.1")
    guard.count_failure()
    add = SqlCounterCache.add

    def add_just_before_a_success(self: SqlCounterCache, key: str, *arguments: Any, **options: Any) -> bool:
        is_new = add(self, key, *arguments, **options)
        if not is_new:
            self.delete(key)
        return is_new

    monkeypatch.setattr(SqlCounterCache, "add", add_just_before_a_success)
    guard.count_failure()
    assert [guard.counters.get(counter) for counter in guard.limits] == [1, 1]
