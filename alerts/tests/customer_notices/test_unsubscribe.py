"""The link to unsubscribe: a page for a phone without script, and one click in a mail program."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from alerts.customer_notices.sending import send_license_notices
from alerts.customer_notices.tokens import digest_of
from alerts.models import LicenseNotice, Unsubscription
from alerts.tests.customer_notices.conftest import Ending
from audit.models import Event
from conftest import RegisteredSite

pytestmark = pytest.mark.usefixtures("turned_on")
LAST_DAY = datetime(2026, 7, 31, 7, tzinfo=UTC)  # at 9 in Rome
NINE = LAST_DAY - timedelta(days=7)
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def site(ending: Ending) -> RegisteredSite:
    return ending()


@pytest.fixture
def path(site: RegisteredSite) -> str:
    """Of the link in the mail of 30 days before the end."""
    assert send_license_notices(at=LAST_DAY - timedelta(days=30)) == {"sent": 1}
    [message] = mail.outbox
    [url] = re.findall(r"https://licenses\.vendor\.example(/unsubscribe/\S+)", message.body)
    headers = message.extra_headers
    assert headers["List-Unsubscribe"] == f"<https://licenses.vendor.example{url}>"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    return url


@pytest.fixture
def browser() -> Client:
    """Without cookies, and as strict about CSRF as a server."""
    return Client(enforce_csrf_checks=True)


def events() -> list[str]:
    names = Event.objects.filter(action__contains="subscribed").order_by("sequence")
    return list(names.values_list("action", flat=True))


def test_opening_the_link_changes_nothing(path: str, browser: Client) -> None:
    answer = browser.get(path)
    assert answer.status_code == 200
    assert "<script" not in answer.content.decode()
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert "no-store" in answer.headers["Cache-Control"]
    assert (Unsubscription.objects.count(), events()) == (0, [])
    assert send_license_notices(at=NINE) == {"sent": 1}


@pytest.mark.parametrize("form", [{}, ONE_CLICK], ids=["the page's button", "one click in a mail program"])
def test_who_unsubscribes_gets_the_last_notice_only(path: str, browser: Client, form: dict[str, str]) -> None:
    for _ in range(2):
        answer = browser.post(path, form, REMOTE_ADDR="198.51.100.7")
        assert answer.status_code == 200
        assert "You have unsubscribed" in answer.content.decode()
    assert events() == ["site.unsubscribed"]
    event = Event.objects.get(action="site.unsubscribed")
    assert (event.source, event.ip, event.actor_name) == ("system", "198.51.100.7", None)
    for days in (14, 7, 1):
        send_license_notices(at=LAST_DAY - timedelta(days=days))
    assert list(LicenseNotice.objects.order_by("pk").values_list("stage", "state")) == [
        (30, "sent"),
        (14, "dropped"),
        (7, "dropped"),
        (1, "sent"),
    ]
    assert len(mail.outbox) == 2


def test_they_can_subscribe_again(path: str, browser: Client) -> None:
    browser.post(path)
    answer = browser.post(path, {"again": "yes"})
    assert "Unsubscribe</button>" in answer.content.decode()
    assert events() == ["site.unsubscribed", "site.subscribed"]
    assert send_license_notices(at=NINE) == {"sent": 1}


def test_another_contact_of_the_site_gets_notices(path: str, browser: Client, site: RegisteredSite, api: Any) -> None:
    browser.post(path)
    api.patch(site.path, {"contact_email": "marco@roma.example"})
    assert send_license_notices(at=NINE) == {"sent": 1}
    assert mail.outbox[-1].to == ["marco@roma.example"]


def test_another_site_of_the_same_contact_gets_notices(path: str, browser: Client, ending: Ending) -> None:
    browser.post(path)
    ending(name="Second")
    assert send_license_notices(at=NINE) == {"sent": 1}


def test_an_altered_link_says_nothing(path: str, browser: Client) -> None:
    for altered in (path[:-1], path + "x", "/unsubscribe/pus_x", "/unsubscribe/%00", path.replace("pus_", "pus_A")):
        for answer in (browser.get(altered), browser.post(altered)):
            assert answer.status_code == 404
            assert "Trattoria" not in answer.content.decode()
    assert Unsubscription.objects.count() == 0


def test_the_link_of_a_deregistered_site_says_nothing(
    path: str, browser: Client, site: RegisteredSite, api: Any
) -> None:
    api.delete(site.path)
    for answer in (browser.get(path), browser.post(path)):
        assert answer.status_code == 404
        assert "Trattoria" not in answer.content.decode()
    assert events() == []


def test_the_link_does_not_have_the_address(path: str) -> None:
    assert "giulia" not in path


def test_digests_of_two_sites_cannot_be_compared_and_capitals_do_not_matter() -> None:
    first, second = uuid.uuid4(), uuid.uuid4()
    assert digest_of(first, "giulia@roma.example") != digest_of(second, "giulia@roma.example")
    assert digest_of(first, "giulia@roma.example") == digest_of(first, "Giulia@Roma.example")
