"""A panel session ends a fixed time after the sign-in, and after an idle hour."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Admin, PanelSession
from accounts.prune import prune_sign_ins
from conftest import PASSWORD, Clock

pytestmark = pytest.mark.usefixtures("anna")

NEW_PASSWORD = "another horse battery staple"


def browser() -> Client:
    client = Client(REMOTE_ADDR="192.0.2.1")
    sign_in(client)
    return client


def sign_in(client: Client) -> None:
    answer = client.post("/admin/login/", {"username": "anna", "password": PASSWORD})
    assert answer.status_code == 302, answer.content


def is_in(client: Client) -> bool:
    return bool(client.get("/admin/account/").status_code == 200)


def use_for(client: Client, clock: Clock, *, hours: float) -> None:
    """A request every half an hour."""
    for _ in range(int(hours * 2)):
        clock.move(minutes=30)
        assert is_in(client)


def test_a_session_that_is_used_all_the_time_ends_twelve_hours_after_the_sign_in(clock: Clock) -> None:
    client = browser()
    use_for(client, clock, hours=11.5)
    clock.move(minutes=29)
    assert is_in(client)
    clock.move(minutes=2)
    assert not is_in(client)


def test_what_is_stored_in_the_session_does_not_lengthen_it(clock: Clock) -> None:
    client = browser()
    use_for(client, clock, hours=11.5)
    session = client.session
    session["something"] = "new"
    session.save()
    clock.move(minutes=31)
    assert not is_in(client)


def test_a_new_password_does_not_lengthen_the_session(clock: Clock) -> None:
    client = browser()
    use_for(client, clock, hours=11)
    new = {"old_password": PASSWORD, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
    assert client.post("/admin/password_change/", new).status_code == 302
    use_for(client, clock, hours=0.5)
    clock.move(minutes=31)
    assert not is_in(client)


def test_signing_in_again_in_the_same_browser_starts_a_new_session(clock: Clock) -> None:
    client = browser()
    use_for(client, clock, hours=11)
    sign_in(client)
    use_for(client, clock, hours=2)
    assert PanelSession.objects.count() == 1


def test_a_session_ends_after_an_idle_hour(clock: Clock) -> None:
    client = browser()
    clock.move(minutes=54)
    assert is_in(client)
    clock.move(minutes=61)
    assert not is_in(client)


def test_the_idle_time_is_counted_from_the_last_use(clock: Clock) -> None:
    client = browser()
    for _ in range(3):
        clock.move(minutes=54)
        assert is_in(client)


def test_a_page_that_refreshes_itself_does_not_keep_the_session_alive(clock: Clock) -> None:
    client = browser()
    for _ in range(6):
        clock.move(minutes=9)
        assert client.get("/admin/", headers={"Live-Refresh": "1"}).status_code == 200
    clock.move(minutes=7)
    assert not is_in(client)


def test_a_refresh_from_another_address_or_by_another_program_is_a_use_that_is_seen(clock: Clock) -> None:
    client = browser()
    for facts in ({"REMOTE_ADDR": "192.0.2.99"}, {"headers": {"User-Agent": "thief/1.0"}}):
        clock.move(minutes=9)
        headers = {"Live-Refresh": "1", **facts.get("headers", {})}
        client.get("/admin/", headers=headers, **{k: v for k, v in facts.items() if k != "headers"})
        row = PanelSession.objects.get()
        assert row.last_used_at == clock()
    assert row.user_agent == "thief/1.0"


def test_a_form_that_is_sent_is_a_use_whatever_its_headers(clock: Clock) -> None:
    client = browser()
    clock.move(minutes=54)
    client.post("/admin/account/", headers={"Live-Refresh": "1"})
    assert PanelSession.objects.get().last_used_at == clock()


def test_both_times_are_settings(clock: Clock, settings: Any) -> None:
    settings.SESSION_COOKIE_AGE, settings.SESSION_IDLE = 3600, timedelta(minutes=10)
    client, other = browser(), browser()
    clock.move(minutes=11)
    assert not is_in(client)
    settings.SESSION_IDLE = timedelta(days=1)
    assert is_in(other)
    clock.move(minutes=50)
    assert not is_in(other)


def test_an_idle_session_is_not_shown_and_is_pruned(clock: Clock, anna: Admin) -> None:
    browser()
    clock.move(minutes=61)
    page = browser().get("/admin/account/").content.decode()
    assert page.count("An unknown browser") == 1
    prune_sign_ins(at=clock())
    assert PanelSession.objects.count() == 1
