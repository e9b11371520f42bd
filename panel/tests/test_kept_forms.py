"""A form that is sent after its session ended leads through the sign-in back to itself, filled in, with nothing done."""

import json
from typing import Any

import pytest
from django.core import signing
from django.test import Client

from accounts.models import Admin, PanelSession
from accounts.tests.factors import SECOND, app_of
from conftest import PASSWORD, Register, RegisteredSite
from panel.kept_forms import KEPT_FORM, KEPT_SECONDS, MAX_BYTES
from panel.sites.imports.tests.importing import upload
from panel.sites.page.tests.site_form import SiteFormReader
from panel.tests.screen import ADD, LIST, FormReader, browser_of
from sites.models import Site, SiteImport, SiteKey

pytestmark = pytest.mark.any_database

ENDED = "Your session had ended. Nothing was saved. Check the form and save again."
EDITS = {"revision": "1", "name": "Osteria", "owner_name": "Paolo", "contact_email": "p@x.example", "timezone": "UTC"}


def change(site: RegisteredSite) -> str:
    return f"{LIST}{site.site_id}/change/"


def sign_in(browser: Client, page: Any, username: str = "anna", password: str = PASSWORD) -> Any:
    """Send the sign-in page that was the answer to the form, and follow redirects."""
    hidden = {name: values[0] for name, values in FormReader(page.content.decode()).fields.items()}
    path = page.context["app_path"]
    return browser.post(path, {**hidden, "username": username, "password": password}, follow=True)


def send_without_session(path: str, entries: dict[str, Any]) -> tuple[Client, Any]:
    browser = Client()
    answer = browser.post(path, entries)
    assert answer.status_code == 403
    assert b"Your session has ended. Sign in to go on: your entries are kept." in answer.content
    assert not PanelSession.objects.exists(), "a stranger stores nothing"
    return browser, answer


def shown_messages(answer: Any) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


def test_the_form_of_a_site_is_shown_again_after_the_sign_in(anna: Admin, roma: RegisteredSite) -> None:
    browser, page = send_without_session(change(roma), EDITS)
    answer = sign_in(browser, page)
    assert answer.request["PATH_INFO"] == change(roma)
    assert shown_messages(answer) == [ENDED]
    reader = SiteFormReader()
    reader.feed(answer.content.decode())
    assert reader.values.items() >= EDITS.items()
    assert Site.objects.get().name == "Trattoria Roma"
    browser.post(change(roma), reader.values)
    assert Site.objects.get().name == "Osteria"


def test_it_is_shown_once(anna: Admin, roma: RegisteredSite) -> None:
    browser, page = send_without_session(change(roma), EDITS)
    sign_in(browser, page)
    assert "Osteria" not in browser.get(change(roma)).content.decode()


def test_the_second_factor_comes_in_between(anna: Admin, roma: RegisteredSite) -> None:
    app = app_of(anna)
    browser, page = send_without_session(change(roma), EDITS)
    assert sign_in(browser, page).request["PATH_INFO"] == SECOND
    browser.post(SECOND, {"code": "000000"})
    answer = browser.post(SECOND, {"code": app.fresh_code()}, follow=True)
    assert shown_messages(answer)[-1] == ENDED
    assert 'value="Osteria"' in answer.content.decode()


def test_a_wrong_password_loses_nothing(anna: Admin, roma: RegisteredSite) -> None:
    browser, page = send_without_session(change(roma), EDITS)
    again = sign_in(browser, page, password="wrong")
    assert "The user name or the password is wrong" in again.content.decode()
    assert 'value="Osteria"' in sign_in(browser, again).content.decode()


def test_a_stale_form_shows_what_changed_since(anna: Admin, api: Any, roma: RegisteredSite) -> None:
    api.patch(roma.path, {"name": "By somebody else"})
    answer = sign_in(*send_without_session(change(roma), EDITS))
    text = answer.content.decode()
    assert "This site was changed while you had the page open" in text
    assert "By somebody else" in text
    assert 'value="Osteria"' in text


def test_a_new_site_is_registered_once_it_is_sent_again(anna: Admin) -> None:
    page = browser_of(anna).get(ADD).content.decode()
    PanelSession.objects.all().delete()
    site_id = FormReader(page).fields["site_id"][0]
    browser, page_of_sign_in = send_without_session(ADD, {**EDITS, "site_id": site_id})
    answer = sign_in(browser, page_of_sign_in)
    assert shown_messages(answer) == [ENDED]
    assert not Site.objects.exists()
    assert FormReader(answer.content.decode()).fields["site_id"] == [site_id]
    assert 'value="Osteria"' in answer.content.decode()


def test_an_operation_on_many_sites_is_shown_again_and_not_run(anna: Admin, register: Register) -> None:
    sites = [register(name=name) for name in ("One", "Two")]
    path = f"{LIST}operate/lock/"
    run = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
    entries = {"site": [site.site_id for site in sites], "confirmed": "yes", "run_id": run, "reason": "unpaid 118"}
    answer = sign_in(*send_without_session(path, entries))
    assert shown_messages(answer) == [ENDED]
    assert "unpaid 118" in answer.content.decode()
    hidden = FormReader(answer.content.decode()).fields
    assert (sorted(hidden["site"]), hidden["run_id"]) == (sorted(entries["site"]), [run])
    assert not Site.objects.filter(is_locked=True).exists()


def test_a_rotation_is_shown_again_and_makes_no_key(anna: Admin, roma: RegisteredSite) -> None:
    path = f"{LIST}{roma.site_id}/rotate-key/"
    answer = sign_in(*send_without_session(path, {"overlap_hours": "7", "revision": "1"}))
    assert 'value="7"' in answer.content.decode()
    assert SiteKey.objects.count() == 1


def test_the_reason_of_an_import_is_shown_again(anna: Admin, roma: RegisteredSite) -> None:
    upload(browser_of(anna), f"site_id,is_active\r\n{roma.site_id},false\r\n")
    PanelSession.objects.all().delete()
    path = f"{LIST}import/{SiteImport.objects.get().pk}/"
    answer = sign_in(*send_without_session(path, {"reason": "contract ended"}))
    assert "contract ended" in answer.content.decode()
    assert Site.objects.get().is_active


def test_the_form_of_an_admin_is_shown_again_without_passwords(anna: Admin, ben: Admin) -> None:
    secret = "a new battery staple"
    new = {"username": "otto", "email": "otto@x.example", "role": "viewer", "password1": secret, "password2": secret}
    browser, page = send_without_session("/admin/accounts/admin/add/", new)
    answer = sign_in(browser, page)
    assert 'value="otto@x.example"' in answer.content.decode()
    assert secret not in json.dumps(signing.loads(page.context["kept"], salt="panel.kept_forms"))
    assert secret not in answer.content.decode()
    PanelSession.objects.all().delete()
    path = f"/admin/accounts/admin/{ben.pk}/change/"
    answer = sign_in(*send_without_session(path, {"email": "new@x.example", "role": "viewer", "is_active": "on"}))
    assert 'value="new@x.example"' in answer.content.decode()
    assert Admin.objects.get(pk=ben.pk).email == ben.email


@pytest.mark.parametrize("path", ["/admin/account/end-others/", "/admin/password_change/", LIST])
def test_another_form_is_not_kept(path: str, anna: Admin) -> None:
    answer = Client().post(path, {"name": "x", "old_password": "x"})
    assert (answer.status_code, answer["Location"]) == (302, f"/admin/login/?next={path}")


def test_a_form_that_is_too_large_is_not_kept(anna: Admin, roma: RegisteredSite) -> None:
    answer = Client().post(change(roma), {**EDITS, "name": "x" * MAX_BYTES})
    assert answer.status_code == 302


@pytest.mark.parametrize(
    "kept", ["", "forged", signing.dumps({"path": "/x", "entries": {}}, salt="other")], ids=["empty", "forged", "other"]
)
def test_a_forged_form_is_ignored(kept: str, anna: Admin) -> None:
    browser = Client()
    browser.post("/admin/login/", {"username": "anna", "password": PASSWORD, "kept": kept})
    assert KEPT_FORM not in browser.session
    assert browser.get("/admin/").status_code == 200


def test_an_old_form_is_not_shown(anna: Admin, roma: RegisteredSite, monkeypatch: pytest.MonkeyPatch) -> None:
    browser, page = send_without_session(change(roma), EDITS)
    monkeypatch.setattr("panel.kept_forms.KEPT_SECONDS", -1)
    assert KEPT_SECONDS == 3_600
    assert "Osteria" not in sign_in(browser, page).content.decode()


class TestAfterAnotherSignIn:
    """The form holds the CSRF token of an earlier sign-in of the same browser."""

    @pytest.fixture
    def browser(self, anna: Admin) -> Client:
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(anna)
        return browser

    def test_the_form_is_shown_again(self, browser: Client, roma: RegisteredSite) -> None:
        answer = browser.post(change(roma), EDITS, headers={"Origin": "http://testserver"}, follow=True)
        assert shown_messages(answer) == [ENDED]
        assert 'value="Osteria"' in answer.content.decode()
        assert Site.objects.get().name == "Trattoria Roma"

    @pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}, {"Origin": "null"}])
    def test_a_foreign_page_cannot_fill_in_a_form(
        self, headers: dict[str, str], browser: Client, roma: RegisteredSite
    ) -> None:
        answer = browser.post(change(roma), EDITS, headers=headers)
        assert answer.status_code == 403
        assert b"Nothing was done" in answer.content
        assert b'href="/admin/"' in answer.content
        assert KEPT_FORM not in browser.session
        assert "Osteria" not in browser.get(change(roma)).content.decode()

    def test_another_form_is_answered_with_a_page_of_the_panel(self, browser: Client) -> None:
        answer = browser.post("/admin/account/end-others/", headers={"Origin": "http://testserver"})
        assert answer.status_code == 403
        assert b"CSRF" not in answer.content
        assert b"Nothing was done" in answer.content

    def test_without_a_session_it_leads_through_the_sign_in(self, anna: Admin, roma: RegisteredSite) -> None:
        browser = Client(enforce_csrf_checks=True)
        page = browser.post(change(roma), EDITS, headers={"Origin": "http://testserver"})
        assert page.status_code == 403
        assert page.context["kept"]
        browser.handler.enforce_csrf_checks = False
        assert 'value="Osteria"' in sign_in(browser, page).content.decode()
