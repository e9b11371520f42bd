"""The panel's pages about requests for access."""

from html import unescape
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from accounts.access_requests.tests.asking import CHOSEN, ELSEWHERE, NORA, ask, asked
from accounts.models import AccessRequest, Admin
from accounts.tests.factors import signed_in
from accounts.tests.fake_google import FakeGoogle, Person
from accounts.tests.tokens import login
from conftest import PASSWORD
from panel.account.tests.google_browser import sign_in

LIST = "/admin/accounts/accessrequest/"
ASK = "/admin/request-access/"
FORM = {"name": "Nora Conti", "email": NORA, "password": CHOSEN, "again": CHOSEN, "reason": "I joined support."}


def html(answer: Any) -> str:
    assert answer.status_code == 200, answer.status_code
    return unescape(answer.content.decode())


def page_of(request: AccessRequest) -> str:
    return f"{LIST}{request.pk}/change/"


def press(browser: Client, request: AccessRequest, button: str, **entries: str) -> Any:
    return browser.post(f"{LIST}{request.pk}/{button}/", entries, follow=True)


# --- Asking ---


def test_the_sign_in_page_leads_to_the_form_and_the_form_to_a_request(db: None) -> None:
    browser = Client()
    assert f'href="{ASK}"' in html(browser.get("/admin/login/"))
    assert "Request access" in html(browser.get(ASK))
    answer = browser.post(ASK, FORM, REMOTE_ADDR=ELSEWHERE)
    assert (answer.status_code, answer["Location"]) == (302, "/admin/request-access/received/")
    assert "Your request was received" in html(browser.get(answer["Location"]))
    request = AccessRequest.objects.get()
    assert (request.name, request.email, request.reason, request.address) == (
        "Nora Conti",
        NORA,
        "I joined support.",
        ELSEWHERE,
    )


def test_an_admin_who_asks_sees_the_same(db: None) -> None:
    Admin.objects.create_user(NORA, NORA, PASSWORD)
    answer = Client().post(ASK, FORM)
    assert (answer.status_code, answer["Location"]) == (302, "/admin/request-access/received/")
    assert not AccessRequest.objects.exists()


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"again": "something else 99"}, "The two passwords differ."),
        ({"password": "short", "again": "short"}, "too short"),
        ({"email": "nora"}, "Enter a valid email address."),
        ({"name": ""}, "This field is required."),
        ({"reason": "\x07"}, "Control characters are not allowed."),
    ],
)
def test_a_wrong_entry_is_shown_and_nothing_is_stored(db: None, entries: dict[str, str], message: str) -> None:
    page = html(Client().post(ASK, FORM | entries))
    assert message in page
    assert CHOSEN not in page
    assert not AccessRequest.objects.exists()


def test_the_form_is_limited_together_with_the_api(db: None, settings: LazySettings) -> None:
    settings.ACCESS_REQUESTS_PER_ADDRESS = 2
    asked(address=ELSEWHERE)
    assert Client().post(ASK, FORM, REMOTE_ADDR=ELSEWHERE).status_code == 302
    answer = Client().post(ASK, FORM, REMOTE_ADDR=ELSEWHERE)
    assert answer.status_code == 429
    assert "Retry-After" in answer


# --- Deciding ---


def test_the_dashboard_says_how_many_wait_to_those_who_decide(anna: Admin, ben: Admin) -> None:
    assert "for access wait" not in html(signed_in().get("/admin/"))
    request = asked()
    assert "1 request for access waits" in html(signed_in().get("/admin/"))
    asked("vito@vendor.example")
    page = html(signed_in().get("/admin/"))
    assert "2 requests for access wait," in page.replace("</a>", "")
    assert f'href="{LIST}?state__exact=waiting"' in page
    assert "for access" not in html(signed_in("ben").get("/admin/"))
    assert request.email in html(signed_in().get(f"{LIST}?state__exact=waiting"))


def test_a_page_says_that_nobody_verified_a_typed_address(anna: Admin) -> None:
    request = asked()
    asked(password="a stranger's battery 56", address=ELSEWHERE)
    page = html(signed_in().get(page_of(request)))
    assert "not verified" in page
    assert f"Nobody has verified that {NORA} is this person’s address." in page
    assert "2 requests wait for this address" in page
    assert f"from {ELSEWHERE}" in page


def test_a_page_says_how_many_found_no_place(anna: Admin) -> None:
    request = asked()
    assert "dropped" not in html(signed_in().get(page_of(request)))
    for number in range(5):
        ask(password=f"a stranger's battery {number}", address=ELSEWHERE)
    assert "3 more were dropped" in html(signed_in().get(page_of(request)))


def test_a_page_says_that_google_verified_the_address(anna: Admin) -> None:
    request = asked()
    AccessRequest.objects.update(google_subject="1001", password="", password_digest="")
    page = html(signed_in().get(page_of(request)))
    assert "verified by Google" in page
    assert "Nobody has verified" not in page


def test_approving_makes_an_admin_and_says_what_comes_next(anna: Admin) -> None:
    request, browser = asked(), signed_in()
    page = html(press(browser, request, "approve", role="support"))
    nora = Admin.objects.get(username=NORA)
    assert nora.role == "support"
    assert "What comes next" in page
    assert f"/admin/accounts/admin/{nora.pk}/change/" in page
    assert "Approved as support by anna" in page
    assert login(NORA, CHOSEN).status_code == 200


def test_approving_asks_whether_it_is_still_the_same_person(anna: Admin, settings: LazySettings) -> None:
    request, browser = asked(), signed_in()
    browser.post("/admin/account/end-confirmation/")
    page = html(press(browser, request, "approve", role="viewer"))
    assert "Confirm that it is you" in page
    assert not Admin.objects.filter(username=NORA).exists()
    answers = {"role": "viewer", "confirmation-password": PASSWORD}
    assert "What comes next" in html(press(browser, request, "approve", **answers))


def test_rejecting_keeps_the_note(anna: Admin) -> None:
    request, browser = asked(), signed_in()
    page = html(press(browser, request, "reject", note="Ask your manager first."))
    assert "Rejected by anna" in page
    assert "Ask your manager first." in page
    assert "id_role" not in page


def test_a_name_with_markup_is_text(anna: Admin) -> None:
    asked()
    AccessRequest.objects.update(name="<script>alert(1)</script>", reason="<b>x</b>")
    for path in (LIST, page_of(AccessRequest.objects.get())):
        assert b"<script>alert(1)" not in signed_in().get(path).content


@pytest.mark.parametrize("entries", [{}, {"role": "owner"}])
def test_without_a_role_nothing_is_approved(anna: Admin, entries: dict[str, str]) -> None:
    request = asked()
    assert "Choose a role." in html(press(signed_in(), request, "approve", **entries))
    assert AccessRequest.objects.get().is_waiting


def test_a_request_for_the_name_of_an_admin_cannot_be_approved(anna: Admin) -> None:
    request = asked()
    Admin.objects.create_user(NORA.upper(), NORA, PASSWORD)
    assert "this request cannot be approved" in html(signed_in().get(page_of(request)))
    page = html(press(signed_in(), request, "approve", role="viewer"))
    assert "There is an admin with this user name already. Nothing was changed." in page


def test_an_admin_with_that_address_under_another_name_is_pointed_out(anna: Admin, ben: Admin) -> None:
    page = html(signed_in().get(page_of(asked("ben@vendor.example"))))
    assert "has this e-mail address. An approval makes a second account" in page


def test_a_decision_that_was_made_otherwise_is_shown(anna: Admin) -> None:
    request, browser = asked(), signed_in()
    press(browser, request, "reject")
    page = html(press(browser, request, "approve", role="viewer"))
    assert "This request was decided otherwise already. Nothing was changed." in page


def test_a_request_that_was_deleted_leads_to_the_list(anna: Admin) -> None:
    request, browser = asked(), signed_in()
    AccessRequest.objects.all().delete()
    assert "There is no such request for access" in html(press(browser, request, "reject"))


# --- Asking with a Google account ---


def test_a_person_who_came_from_google_asks_with_that_account(google: FakeGoogle, anna: Admin) -> None:
    google.person = Person("1001", NORA, "Nora Conti")
    browser = Client()
    assert ASK in browser.get(sign_in(browser)["Location"]).content.decode()
    page = html(browser.get(ASK))
    assert f"You ask with the Google account <strong>{NORA}</strong>" in page
    assert "id_password" not in page
    answer = browser.post(ASK, {"reason": "I joined support.", "email": "victim@vendor.example"})
    assert (answer.status_code, answer["Location"]) == (302, "/admin/request-access/received/")
    request = AccessRequest.objects.get()
    assert (request.google_subject, request.email, request.reason) == ("1001", NORA, "I joined support.")
    assert "Your request is waiting" in browser.get(sign_in(browser)["Location"]).content.decode()


def test_they_may_choose_a_password_instead(google: FakeGoogle, anna: Admin) -> None:
    google.person = Person("1001", NORA, "Nora Conti")
    browser = Client()
    sign_in(browser)
    assert "id_password" in html(browser.get(f"{ASK}?with=password"))
    assert browser.post(f"{ASK}?with=password", FORM).status_code == 302
    assert not AccessRequest.objects.get().is_email_verified


@pytest.mark.parametrize("button", ["approve", "reject"])
def test_only_a_sysadmin_decides(anna: Admin, ben: Admin, button: str) -> None:
    request = asked()
    assert press(signed_in("ben"), request, button, role="viewer").status_code == 403
    assert AccessRequest.objects.get().is_waiting
