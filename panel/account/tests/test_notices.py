"""The choice of one's own notices on the page of the account."""

import re

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from accounts.models import Admin
from alerts.channels.own_notices import own_notices, set_own_notices
from panel.tests.screen import browser_of

ACCOUNT, NOTICES = "/admin/account/", "/admin/account/notices/"


def chosen(browser: Client) -> list[str]:
    page = browser.get(ACCOUNT).content.decode().partition('id="notices-title"')[2].partition("</section>")[0]
    return re.findall(r'<option value="(\w+)" selected>', page)


@pytest.mark.parametrize("name", ["anna", "vera"])
def test_each_person_chooses_for_themselves(name: str, ben: Admin, request: pytest.FixtureRequest) -> None:
    person: Admin = request.getfixturevalue(name)
    browser = browser_of(person)
    assert chosen(browser) == ["off"]
    answer = browser.post(NOTICES, {"min_severity": "warning"}, follow=True)
    assert "You get notices by e-mail." in answer.content.decode()
    assert chosen(browser) == ["warning"]
    assert (own_notices(person), own_notices(ben)) == ("warning", None)
    assert "You get no notices." in browser.post(NOTICES, {"min_severity": "off"}, follow=True).content.decode()
    assert own_notices(person) is None


@pytest.mark.parametrize("given", [{}, {"min_severity": "grave"}, {"min_severity": ""}])
def test_a_wrong_choice_changes_nothing(ben: Admin, given: dict[str, str]) -> None:
    set_own_notices(ben, "critical", at=timezone.now())
    answer = browser_of(ben).post(NOTICES, given, follow=True)
    assert "Choose which incidents are mailed to you." in answer.content.decode()
    assert own_notices(ben) == "critical"


def test_the_page_says_if_the_server_sends_no_mail(ben: Admin, settings: LazySettings) -> None:
    settings.EMAIL_HOST = ""
    assert "This server sends no mail" in browser_of(ben).get(ACCOUNT).content.decode()
    settings.EMAIL_HOST = "mail.vendor.example"
    assert "This server sends no mail" not in browser_of(ben).get(ACCOUNT).content.decode()


def test_an_account_without_an_address_is_offered_none(ben: Admin) -> None:
    Admin.objects.update(email="")
    page = browser_of(ben).get(ACCOUNT).content.decode()
    assert "Your account has no e-mail address." in page
    assert NOTICES not in page
