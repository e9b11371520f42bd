"""The panel's sign-in with Google: there and back, and everything that an attacker may bring instead."""

from typing import Any

import pytest
from django.test import Client
from django.urls import set_script_prefix
from django.utils import timezone

from accounts.google.services import unlink_google_account
from accounts.models import AccessRequest, Admin, GoogleAccount, PanelSession, SignInAttempt
from accounts.tests.factors import SECOND, app_of, browser, is_in
from accounts.tests.fake_google import FakeGoogle, Person
from accounts.tests.test_google_login import STRANGER, link
from audit.actors import COMMAND
from panel.account.tests.google_browser import (
    ACCOUNT,
    CALLBACK,
    START,
    UNKNOWN,
    at_google,
    query_of,
    said,
    sign_in,
    start,
)

pytestmark = [pytest.mark.any_database, pytest.mark.django_db]


# --- The way there and back -------------------------------------------------------------------------------------------


def test_a_linked_google_account_signs_in(google: FakeGoogle, anna: Admin) -> None:
    link(anna)
    client = browser()
    answer = sign_in(client, f"{START}?next=/admin/sites/site/")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/sites/site/")
    assert is_in(client)
    attempt = SignInAttempt.objects.get()
    assert (attempt.outcome, attempt.source, attempt.with_google, attempt.admin) == ("signed_in", "panel", True, anna)
    assert "in the panel with Google" in client.get(ACCOUNT).content.decode()


def test_google_is_asked_with_state_nonce_and_challenge(google: FakeGoogle, anna: Admin, settings: Any) -> None:
    settings.GOOGLE_HOSTED_DOMAIN = "vendor.example"
    url = start(browser())
    asked = query_of(url)
    assert url.startswith(f"{google.url}/authorize?")
    assert asked["redirect_uri"] == f"http://localhost{CALLBACK}"
    assert (asked["response_type"], asked["code_challenge_method"], asked["hd"]) == ("code", "S256", "vendor.example")
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    again = query_of(start(browser()))
    assert not {asked[name] for name in ("state", "nonce", "code_challenge")} & set(again.values())


def test_google_sends_back_to_the_public_address(google: FakeGoogle, anna: Admin, settings: Any) -> None:
    settings.PUBLIC_URL = "https://licenses.example.com"
    link(anna)
    client = browser()
    url = start(client)
    assert query_of(url)["redirect_uri"] == f"https://licenses.example.com{CALLBACK}"
    client.get(at_google(url))
    assert is_in(client)


def test_below_a_path_the_way_back_has_the_path_once(google: FakeGoogle, anna: Admin, settings: Any) -> None:
    settings.PATH_PREFIX, settings.PUBLIC_URL = "/licences", "https://vendor.example/licences"
    link(anna)
    client = browser()
    page = client.get("/licences/admin/login/?next=/licences/admin/sites/site/").content.decode()
    there = f"/licences{START}?next=/licences/admin/sites/site/"
    assert f'href="{there}"' in page
    url = start(client, there)
    assert query_of(url)["redirect_uri"] == f"https://vendor.example/licences{CALLBACK}"
    assert client.get(at_google(url))["Location"] == "/licences/admin/sites/site/"
    settings.PUBLIC_URL = ""
    assert query_of(start(client, there))["redirect_uri"] == f"http://localhost/licences{CALLBACK}"
    set_script_prefix("/")


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "http:///x"]
)
def test_another_host_is_no_next_page(google: FakeGoogle, anna: Admin, target: str) -> None:
    link(anna)
    assert sign_in(browser(), f"{START}?next={target}")["Location"] == "/admin/"


def test_the_button_is_there_only_if_google_is_set_up(google: FakeGoogle, db: None, settings: Any) -> None:
    def has_button() -> bool:
        page = browser().get("/admin/login/?next=/admin/sites/site/").content.decode()
        return f'href="{START}?next=/admin/sites/site/"' in page

    assert has_button()
    settings.GOOGLE_CLIENT_SECRET = ""
    assert not has_button()
    assert browser().get(START).status_code == browser().get(CALLBACK).status_code == 404


def test_the_page_for_a_form_whose_session_ended_says_what_google_does_not_keep(google: FakeGoogle, db: None) -> None:
    form = {"username": "nora", "email": "nora@vendor.example", "role": "viewer"}
    page = browser().post("/admin/accounts/admin/add/", form, headers={"Origin": "http://localhost"}).content.decode()
    assert "your entries are kept" in page
    assert "With Google your entries are not kept." in page
    assert f'href="{START}?next=/admin/accounts/admin/add/"' in page


def test_the_second_factor_is_asked_for_as_after_a_password(google: FakeGoogle, anna: Admin) -> None:
    app = app_of(anna)
    link(anna)
    client = browser()
    assert sign_in(client, f"{START}?next=/admin/sites/site/")["Location"] == SECOND
    assert not is_in(client)
    client.post(SECOND, {"code": app.wrong_code()})
    assert not is_in(client)
    assert client.post(SECOND, {"code": app.fresh_code()})["Location"] == "/admin/sites/site/"


@pytest.mark.parametrize("advice", ["change your password", "change its password at Google"])
def test_the_advice_after_wrong_codes_is_one_that_can_be_followed(google: FakeGoogle, anna: Admin, advice: str) -> None:
    app = app_of(anna)
    link(anna)
    if "Google" in advice:
        Admin.objects.update(password="!")
    client = browser()
    sign_in(client)
    client.post(SECOND, {"code": app.wrong_code()})
    client.post(SECOND, {"code": app.fresh_code()})
    assert f"with a wrong code once since your last sign-in. If it was not you, {advice}." in said(client, ACCOUNT)
    assert is_in(client)
    assert list(SignInAttempt.objects.order_by("pk").values_list("outcome", "with_google")) == [
        ("wrong_code", True),
        ("signed_in", True),
    ]


def test_an_account_that_is_unlinked_before_the_second_factor_signs_nobody_in(google: FakeGoogle, anna: Admin) -> None:
    app = app_of(anna)
    link(anna)
    client = browser()
    sign_in(client)
    unlink_google_account(anna.pk, by=COMMAND, at=timezone.now())
    client.post(SECOND, {"code": app.fresh_code()})
    assert not is_in(client)


def test_who_cancels_comes_back_to_the_sign_in_page(google: FakeGoogle, anna: Admin) -> None:
    google.person = None
    client = browser()
    assert sign_in(client)["Location"] == "/admin/login/"
    assert said(client) == "You cancelled at Google."


# --- Who is not signed in ---------------------------------------------------------------------------------------------


def test_a_stranger_is_told_that_the_account_is_not_known(google: FakeGoogle, anna: Admin) -> None:
    google.person = Person("666", anna.email, "anna")
    client = browser()
    assert sign_in(client)["Location"] == UNKNOWN
    assert client.get(UNKNOWN).context["title"] == "This Google account is not known here"
    assert not is_in(client)
    assert not GoogleAccount.objects.exists()


def test_the_page_for_strangers_is_for_browsers_that_were_at_google(google: FakeGoogle, clock: Any) -> None:
    google.person = STRANGER
    client = browser()
    assert client.get(UNKNOWN)["Location"] == "/admin/login/"
    sign_in(client)
    clock.move(seconds=601)
    assert client.get(UNKNOWN)["Location"] == "/admin/login/"


def test_who_has_asked_is_told_to_wait(google: FakeGoogle) -> None:
    google.person = STRANGER
    AccessRequest.objects.create(name="x", email="x@x.example", google_subject="999", created_at=timezone.now())
    client = browser()
    assert sign_in(client)["Location"] == UNKNOWN
    assert client.get(UNKNOWN).context["title"] == "Your request is waiting"


def test_a_disabled_admin_is_not_signed_in(google: FakeGoogle, anna: Admin) -> None:
    link(anna)
    Admin.objects.update(is_active=False)
    client = browser()
    assert sign_in(client)["Location"] == "/admin/login/"
    assert said(client) == "You cannot sign in with this Google account."


def test_an_expired_enrolment_holds_up_this_sign_in_too(google: FakeGoogle, anna: Admin, settings: Any) -> None:
    settings.REQUIRE_TWO_FACTOR = True
    link(anna)
    Admin.objects.update(enrol_until=timezone.now())
    client = browser()
    assert sign_in(client)["Location"] == "/admin/login/"
    assert "has ended" in said(client)
    assert SignInAttempt.objects.get().outcome == "step_required"


# --- What an attacker brings ------------------------------------------------------------------------------------------


def assert_nothing_happened(client: Client, answer: Any) -> None:
    assert (answer.status_code, answer["Location"]) == (302, "/admin/login/")
    assert not is_in(client)
    assert "has expired or was used already" in said(client)


def test_a_state_of_another_browser_is_refused(google: FakeGoogle, anna: Admin) -> None:
    """Login CSRF: the attacker opens their own way back in the victim's browser."""
    link(anna)
    way_back = at_google(start(browser()))
    victim = browser()
    assert_nothing_happened(victim, victim.get(way_back))
    assert google.token_requests == []
    start(victim)
    assert_nothing_happened(victim, victim.get(way_back))
    assert google.token_requests == []


@pytest.mark.parametrize("change", ["", "state=", "state=x", "state=%ED%A0%80%FF%00", "code=x"])
def test_a_wrong_state_neither_signs_in_nor_ends_the_right_one(google: FakeGoogle, anna: Admin, change: str) -> None:
    link(anna)
    client = browser()
    way_back = at_google(start(client))
    code = query_of(way_back)["code"]
    assert_nothing_happened(client, client.get(f"{CALLBACK}?code={code}&{change}"))
    client.get(way_back)
    assert is_in(client)


def test_the_way_back_works_once(google: FakeGoogle, anna: Admin) -> None:
    link(anna)
    client = browser()
    way_back = at_google(start(client))
    client.get(way_back)
    client.post("/admin/logout/")
    assert_nothing_happened(client, client.get(way_back))
    assert len(google.token_requests) == 1


def test_of_two_ways_back_at_once_one_works(google: FakeGoogle, anna: Admin) -> None:
    """Both requests read the session before one of them saves it."""
    link(anna)
    client = browser()
    way_back = at_google(start(client))
    kept = dict(PanelSession.objects.values().get())
    client.get(way_back)
    assert is_in(client)
    other = browser()
    PanelSession.objects.create(**kept)
    other.cookies["sessionid"] = "x"
    session = other.session
    session["google_journey"] = PanelSession(**kept).get_decoded()["google_journey"]
    session.save()
    other.cookies["sessionid"] = session.session_key
    assert_nothing_happened(other, other.get(way_back))
    assert len(google.token_requests) == 1


def test_the_way_back_expires(google: FakeGoogle, anna: Admin, clock: Any) -> None:
    link(anna)
    client = browser()
    way_back = at_google(start(client))
    clock.move(seconds=601)
    assert_nothing_happened(client, client.get(way_back))


def test_a_nonce_of_another_sign_in_is_refused(google: FakeGoogle, anna: Admin) -> None:
    """An ID token that was made for another sign-in, as if Google's answer were exchanged on its way."""
    link(anna)
    google.claims = {"nonce": "of another sign-in"}
    client = browser()
    sign_in(client)
    assert not is_in(client)
    assert SignInAttempt.objects.get().outcome == "wrong_token"


@pytest.mark.parametrize(
    "claims", [{"aud": "another"}, {"iss": "https://evil.example"}, {"email_verified": False}], ids=str
)
def test_the_token_is_checked_as_in_the_api(google: FakeGoogle, anna: Admin, claims: dict[str, Any]) -> None:
    link(anna)
    google.claims = claims
    client = browser()
    sign_in(client)
    assert said(client) == "You cannot sign in with this Google account."
    assert not is_in(client)


def test_a_code_that_google_refuses_signs_nobody_in(google: FakeGoogle, anna: Admin) -> None:
    link(anna)
    client = browser()
    state = query_of(start(client))["state"]
    assert client.get(f"{CALLBACK}?state={state}&code=stolen")["Location"] == "/admin/login/"
    assert not is_in(client)


def test_refused_codes_count_and_a_blocked_address_asks_google_nothing(
    google: FakeGoogle, anna: Admin, settings: Any
) -> None:
    settings.LOGIN_FAILURES_PER_ADDRESS = 3
    answers = []
    for _ in range(5):
        client = browser()
        state = query_of(start(client))["state"]
        answers.append(client.get(f"{CALLBACK}?state={state}&code=guess").status_code)
    assert answers == [302] * 3 + [429] * 2
    assert len(google.token_requests) == 3
    assert list(SignInAttempt.objects.values_list("outcome", "with_google")) == [("wrong_token", True)] * 3
    link(anna)
    assert sign_in(browser("198.51.100.4")).status_code == 302


def test_a_code_of_another_browser_fails_at_the_challenge(google: FakeGoogle, anna: Admin) -> None:
    """The attacker has intercepted the victim's code, and uses it with a state of their own."""
    link(anna)
    victims_code = query_of(at_google(start(browser())))["code"]
    attacker = browser()
    state = query_of(start(attacker))["state"]
    attacker.get(f"{CALLBACK}?state={state}&code={victims_code}")
    assert len(google.token_requests) == 1
    assert not is_in(attacker)


def test_an_outage_of_google_is_said(google: FakeGoogle, anna: Admin) -> None:
    link(anna)
    client = browser()
    way_back = at_google(start(client))
    google.is_away = True
    assert client.get(way_back)["Location"] == "/admin/login/"
    assert said(client).startswith("Google does not answer")


def test_a_wrong_client_secret_is_an_error_for_the_operator(
    google: FakeGoogle, anna: Admin, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    link(anna)
    settings.GOOGLE_CLIENT_SECRET = "wrong"
    client = browser()
    sign_in(client)
    assert said(client).startswith("Google does not answer")
    assert "status 401, error 'invalid_client'" in caplog.text


def test_starts_are_limited_by_address(google: FakeGoogle, db: None) -> None:
    assert [browser().get(START).status_code for _ in range(61)] == [302] * 60 + [429]
    assert browser("198.51.100.4").get(START).status_code == 302


@pytest.mark.parametrize(("step", "times"), [(1, 4), (0x100, 16)], ids=["of a /56", "of a /48"])
def test_starts_are_limited_by_the_networks_that_one_customer_may_own(
    google: FakeGoogle, db: None, monkeypatch: pytest.MonkeyPatch, step: int, times: int
) -> None:
    monkeypatch.setattr("panel.account.google.sign_in.STARTS_PER_MINUTE", 2)
    networks = [f"2001:db8:1:{step * number:x}::1" for number in range(2 * times + 1)]
    assert [browser(network).get(START).status_code for network in networks] == [302] * 2 * times + [429]
    assert PanelSession.objects.count() == 2 * times
    assert browser("2001:db8:2::1").get(START).status_code == 302
