"""Giving access away asks for the password and the second factor, if they were not given in the last ten minutes."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from accounts.models import Admin
from accounts.tests.factors import SoftKey, app_of, browser, register_key, signed_in
from conftest import PASSWORD, Clock, Register, RegisteredSite
from panel.tests.test_permission_matrix import FORGED, pages
from sites.models import Site, SiteKey

pytestmark = pytest.mark.any_database

ADD = "/admin/accounts/admin/add/"
NORA = {"username": "nora", "email": "nora@vendor.example", "role": "sysadmin"}
ASKED = "Confirm that it is you"
ACCESS = {"accounts.add_admin", "accounts.change_admin", "sites.rotate_site_key"}


@pytest.fixture
def client(clock: Clock, anna: Admin) -> Client:
    """Anna's browser, eleven minutes after the sign-in."""
    client = signed_in()
    clock.move(minutes=11)
    return client


def is_asked(answer: Any) -> bool:
    return answer.status_code == 200 and ASKED in answer.content.decode()


def hidden_entries(answer: Any) -> dict[str, list[str]]:
    """What the page sends back besides the password and the code."""
    entries: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', answer.content.decode()):
        if name not in ("csrfmiddlewaretoken", "confirmation-answer"):
            entries.setdefault(unescape(name), []).append(unescape(value))
    return entries


def confirm(client: Client, asked: Any, password: str = PASSWORD, **given: str) -> Any:
    [action] = re.findall(r'<form method="post" action="([^"]+)" id="confirmation"', asked.content.decode())
    names = {"code": "present_code"}
    given = {"password": password, **given}
    more = {f"confirmation-{names.get(name, name)}": value for name, value in given.items()}
    return client.post(unescape(action), hidden_entries(asked) | more)


def has_nora() -> bool:
    return Admin.objects.filter(username="nora").exists()


def test_within_ten_minutes_of_the_sign_in_nothing_is_asked(clock: Clock, anna: Admin) -> None:
    client = signed_in()
    clock.move(minutes=9)
    assert not is_asked(client.post(ADD, NORA))
    assert has_nora()


def test_later_the_password_is_asked_for_and_the_same_form_goes_on(client: Client) -> None:
    asked = client.post(ADD, NORA)
    assert is_asked(asked)
    assert not has_nora()
    assert hidden_entries(asked) == {name: [value] for name, value in NORA.items()}
    answer = confirm(client, asked)
    assert "/admin/set-password/" in answer.content.decode()
    assert Admin.objects.get(username="nora").role == "sysadmin"


def test_a_wrong_password_asks_again_and_does_nothing(client: Client) -> None:
    asked = confirm(client, client.post(ADD, NORA), "wrong")
    assert is_asked(asked)
    assert "This is not your password" in asked.content.decode()
    assert not has_nora()
    confirm(client, asked)
    assert has_nora()


def test_whoever_has_a_second_factor_gives_it_too(clock: Clock, anna: Admin) -> None:
    app, client = app_of(anna), signed_in()
    clock.move(minutes=11)
    asked = client.post(ADD, NORA)
    for given in ({}, {"code": app.wrong_code()}):
        asked = confirm(client, asked, **given)
        assert is_asked(asked)
    assert not has_nora()
    confirm(client, asked, code=app.fresh_code())
    assert has_nora()


def test_a_security_key_confirms(clock: Clock, anna: Admin) -> None:
    key, client = SoftKey(), signed_in()
    register_key(client, key)
    clock.move(minutes=11)
    asked = client.post(ADD, NORA)
    confirm(client, asked, answer=key.get(asked.context["key_options"]))
    assert has_nora()


def test_guesses_are_limited_like_those_at_the_sign_in(client: Client) -> None:
    asked = client.post(ADD, NORA)
    statuses = [confirm(client, asked, "wrong").status_code for _ in range(11)]
    assert set(statuses) == {200, 429}


def test_the_confirmation_lasts_ten_minutes_and_no_longer(client: Client, clock: Clock) -> None:
    confirm(client, client.post(ADD, NORA))
    clock.move(minutes=9)
    assert not is_asked(client.post(ADD, {**NORA, "username": "otto"}))
    clock.move(minutes=2)
    assert is_asked(client.post(ADD, {**NORA, "username": "paul"}))


def test_the_time_is_a_setting(clock: Clock, anna: Admin, settings: Any) -> None:
    settings.CONFIRMED_FOR = settings.CONFIRMED_FOR / 10
    client = signed_in()
    clock.move(minutes=2)
    assert is_asked(client.post(ADD, NORA))


def test_the_header_shows_until_when_and_a_button_ends_it(clock: Clock, anna: Admin) -> None:
    client = signed_in()
    page = client.get("/admin/").content.decode()
    assert "Confirmed until" in page
    assert "12:10" in page
    answer = client.post("/admin/account/end-confirmation/", {"next": "/admin/accounts/admin/"})
    assert answer["Location"] == "/admin/accounts/admin/"
    assert "Confirmed until" not in client.get("/admin/").content.decode()
    assert is_asked(client.post(ADD, NORA))


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "", "javascript:alert(1)"])
def test_the_button_leads_to_no_foreign_page(clock: Clock, anna: Admin, elsewhere: str) -> None:
    assert signed_in().post("/admin/account/end-confirmation/", {"next": elsewhere})["Location"] == "/admin/"


def test_the_next_sign_in_does_not_inherit_it(client: Client) -> None:
    confirm(client, client.post(ADD, NORA))
    client.post("/admin/logout/")
    assert client.post(ADD, NORA).status_code == 403


def test_who_may_not_do_it_is_not_asked(clock: Clock, anna: Admin, ben: Admin) -> None:
    client = signed_in("ben")
    clock.move(minutes=11)
    assert client.post(ADD, NORA).status_code == 403


def test_every_page_that_changes_people_or_keys_asks(clock: Clock, objects: dict[str, Any], ben: Admin) -> None:
    client = signed_in()
    clock.move(minutes=11)
    concerned = {**objects, "id": ben.pk, "accounts_admin": ben.pk}
    asked, others = set(), set()
    for page in pages(concerned):
        if page.name in ("logout", "login", "end_confirmation"):
            continue
        answer = client.post(page.path, FORGED)
        (asked if is_asked(answer) else others).add(page.name)
        if page.rule.post in ACCESS and page.name != "accounts_admin_history":
            assert page.name in asked, page.name
    assert asked == {
        "accounts_admin_add",
        "accounts_admin_change",
        "add_token",
        "approve_access_request",
        "auth_user_password_change",
        "reset_two_factor",
        "revoke_admin_token",
        "end_admin_browser",
        "end_admin_api_sign_in",
        "confirm_google",
        "unlink_google",
        "sites_site_rotate",
        "devices_device_rotate",
        "sites_site_import_review",
        "sites_site_erase",
        "sites_site_erase_confirm",
        "channel_add",
        "channel_change",
    }
    assert not Admin.objects.filter(username="forged").exists()
    assert SiteKey.objects.count() == 2


def operate(client: Client, sites: list[str]) -> Any:
    path = "/admin/sites/site/operate/lock/"
    page = client.post(path, {"site": sites})
    entries = {"site": sites, "confirmed": "yes", "reason": "unpaid", "run_id": str(page.context["run_id"])}
    entries |= {f"shown-{each.site.pk}": each.shown for each in page.context["previews"]}
    return client.post(path, {**entries, "typed_count": str(len(sites))})


def test_an_operation_on_more_than_ten_sites_asks(client: Client, register: Register) -> None:
    sites: list[RegisteredSite] = [register(name=f"Site {number}") for number in range(11)]
    ids = [site.site_id for site in sites]
    assert not is_asked(operate(client, ids[:10]))
    assert Site.objects.filter(is_locked=True).count() == 10
    asked = operate(client, ids)
    assert is_asked(asked)
    assert Site.objects.filter(is_locked=True).count() == 10
    assert confirm(client, asked).status_code == 302
    assert Site.objects.filter(is_locked=True).count() == 11


def test_the_api_is_unchanged(clock: Clock, api: Any, roma: RegisteredSite) -> None:
    clock.move(minutes=30)
    assert api.post(f"{roma.path}/rotate-key", {}).status_code == 200


def test_the_page_that_asks_is_stored_nowhere(client: Client) -> None:
    assert "no-store" in client.post(ADD, NORA)["Cache-Control"]
    assert browser().post(ADD, NORA).status_code == 403
