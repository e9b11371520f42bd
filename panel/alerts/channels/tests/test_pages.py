"""The list of channels and the page of one: health, history, buttons."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Admin
from alerts.channels.own_notices import set_own_notices
from alerts.channels.transports.outcome import Outcome, Verdict
from alerts.events import ChannelAction
from alerts.models import AlertChannel, Delivery
from audit.models import Event
from panel.alerts.channels import page as page_module
from panel.alerts.tests.cast import CHANNELS, a_channel, an_incident, answered
from panel.tests.screen import browser_of

# Session, admin, the channels with their health, the mark in the header.
LIST_QUERIES = 4
# Session, admin, the channel, the number of its messages, the messages, their attempts, the mark in the header.
PAGE_QUERIES = 7


@pytest.fixture
def browser(anna: Admin) -> Client:
    return browser_of(anna)


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def told(channel: AlertChannel, number: int = 0) -> Delivery:
    """What was told of a new incident on that channel."""
    incident = an_incident(subject=str(number))
    delivery: Delivery = Delivery.objects.get(channel=channel, incident=incident)
    return delivery


def press(browser: Client, channel: AlertChannel, button: str) -> str:
    return text_of(browser.post(f"{CHANNELS}{channel.pk}/{button}/", follow=True))


def test_the_list_says_how_each_channel_does(browser: Client) -> None:
    assert "No channels yet." in text_of(browser.get(CHANNELS))
    channel = a_channel()
    assert "nothing sent yet" in text_of(browser.get(CHANNELS))
    answered(told(channel, 1), Verdict.DELIVERED, 204)
    page = text_of(browser.get(CHANNELS))
    assert "</span> delivers</span>" in page
    assert "Last message delivered" in page
    answered(told(channel, 2), Verdict.FAILED, 400, "no")
    assert "last delivery failed" in text_of(browser.get(CHANNELS))
    for number in range(3, 6):
        answered(told(channel, number), Verdict.RETRY, 503, "busy")
    page = text_of(browser.get(CHANNELS))
    assert "</span> failing</span>" in page
    assert "Failing since" in page
    assert "Next attempt" in page
    assert "3 waiting." in page
    answered(told(channel, 6), Verdict.GONE, 410, "no such hook")
    page = text_of(browser.get(CHANNELS))
    assert "</span> disabled</span>" in page
    assert "its address does not exist any more: no such hook" in page


def test_the_notices_of_an_admin_are_no_channel_of_the_list(browser: Client, ben: Admin) -> None:
    set_own_notices(ben, "info", at=timezone.now())
    own = AlertChannel.objects.get()
    assert "Notices of ben" not in text_of(browser.get(CHANNELS))
    for path in ("", "change/", "delete/"):
        assert browser.get(f"{CHANNELS}{own.pk}/{path}").status_code == 404
    assert browser.post(f"{CHANNELS}{own.pk}/delete/").status_code == 404
    assert AlertChannel.objects.exists()


def test_the_list_costs_the_same_for_few_and_for_many(browser: Client) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            browser.get(CHANNELS)
        return len(queries)

    a_channel()
    assert cost() == LIST_QUERIES
    for number in range(5):
        answered(told(a_channel(f"Channel {number}"), number), Verdict.DELIVERED)
    assert cost() == LIST_QUERIES


def test_the_page_shows_each_message_with_its_attempts(browser: Client) -> None:
    channel = a_channel()
    delivery = told(channel)
    answered(delivery, Verdict.RETRY, 503, "busy <now>")
    delivery.refresh_from_db()
    answered(delivery, Verdict.DELIVERED, 204)
    page = text_of(browser.get(f"{CHANNELS}{channel.pk}/"))
    assert "Somebody tries passwords</a>" in page
    assert "123 ms: 503 busy &lt;now&gt;" in page
    assert page.index("123 ms: 204") < page.index("123 ms: 503"), "the newest attempt first"
    assert "Send again" not in page


def test_of_many_attempts_the_newest_are_shown_and_of_many_messages_a_page(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = a_channel()
    delivery = told(channel)
    for number in range(12):
        answered(delivery, Verdict.RETRY, 500, f"answer {number}")
        delivery.refresh_from_db()
    page = text_of(browser.get(f"{CHANNELS}{channel.pk}/"))
    assert "answer 11" in page
    assert "answer 1<" not in page
    assert "and earlier ones, 12 in all" in page
    told(channel, 2)
    monkeypatch.setattr(page_module, "MESSAGES_ON_A_PAGE", 1)
    assert "Page 2 of 2" in text_of(browser.get(f"{CHANNELS}{channel.pk}/?p=2"))


def test_the_page_costs_the_same_for_few_and_for_many(browser: Client) -> None:
    channel = a_channel()

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            browser.get(f"{CHANNELS}{channel.pk}/")
        return len(queries)

    answered(told(channel), Verdict.DELIVERED)
    assert cost() == PAGE_QUERIES
    for number in range(1, 8):
        answered(told(channel, number), Verdict.FAILED, 400)
    assert cost() == PAGE_QUERIES


def test_a_test_shows_the_answer(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = a_channel()
    page = press(browser, channel, "test")
    assert "The test was not delivered." in page
    assert Event.objects.filter(action=ChannelAction.TESTED, subject_id=channel.pk).count() == 1
    answer = Outcome(Verdict.DELIVERED, 200, "ok", None)
    monkeypatch.setattr("alerts.outbox.delivery.send", lambda message, target: answer)
    page = press(browser, channel, "test")
    assert "The test was delivered. Answer: 200 ok" in page
    assert "Send again" not in page, "a test is not sent again"


def test_a_channel_is_disabled_and_enabled(browser: Client) -> None:
    channel = a_channel()
    delivery = told(channel)
    page = press(browser, channel, "disable")
    assert "Disabled. Messages that waited have failed." in page
    assert ">Enable</button>" in page
    delivery.refresh_from_db()
    assert delivery.state == Delivery.State.FAILED
    assert "Send again" not in page, "nothing is sent on a disabled channel"
    assert ">Disable</button>" in press(browser, channel, "enable")
    assert AlertChannel.objects.get().is_enabled
    assert Event.objects.filter(action=ChannelAction.CHANGED).count() == 2


def test_a_failed_message_is_sent_again(browser: Client) -> None:
    channel = a_channel()
    delivery = told(channel)
    answered(delivery, Verdict.FAILED, 400, "no")
    button = f"send-again/{delivery.id}"
    assert f"/{button}/" in text_of(browser.get(f"{CHANNELS}{channel.pk}/"))
    assert "The message is sent again within seconds." in press(browser, channel, button)
    delivery.refresh_from_db()
    assert delivery.state == Delivery.State.WAITING
    assert "Only a delivery that has failed can be sent again" in press(browser, channel, button)
    assert "There is no such delivery" in press(browser, channel, f"send-again/{uuid.uuid4()}")


def test_a_channel_is_deleted_after_a_question(browser: Client) -> None:
    channel = a_channel()
    told(channel)
    page = text_of(browser.get(f"{CHANNELS}{channel.pk}/delete/"))
    assert "1 waiting message" in page
    assert AlertChannel.objects.exists(), "GET only asks"
    assert "Deleted: On call." in text_of(browser.post(f"{CHANNELS}{channel.pk}/delete/", follow=True))
    assert not AlertChannel.objects.exists()
    assert Event.objects.filter(action=ChannelAction.DELETED, subject_name="On call").count() == 1


@pytest.mark.parametrize(
    "button", ["test", "enable", "disable", "send-again/0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b11", "delete"]
)
def test_a_button_of_an_unknown_channel_is_not_found(browser: Client, button: str) -> None:
    assert browser.post(f"{CHANNELS}{uuid.uuid4()}/{button}/").status_code == 404


def test_no_page_shows_a_secret(browser: Client) -> None:
    channel = a_channel(kind="slack")
    AlertChannel.objects.update(shown_address="https://hooks.slack.example/…7Qa9")
    for path in ("", f"{channel.pk}/", f"{channel.pk}/change/", f"{channel.pk}/delete/"):
        page = text_of(browser.get(f"{CHANNELS}{path}"))
        assert "127.0.0.1:9" not in page
        assert "whsec_" not in page


def test_events_link_a_channel_only_for_those_who_may_see_it(browser: Client, vera: Admin) -> None:
    channel = a_channel()
    press(browser, channel, "disable")
    link = f"{CHANNELS}{channel.pk}/"
    for path in ("/admin/audit/event/", "/admin/"):
        assert link in text_of(browser.get(path))
        for_a_viewer = text_of(browser_of(vera).get(path))
        assert link not in for_a_viewer
        assert "On call" in for_a_viewer


def test_a_paused_channel_says_until_when(browser: Client) -> None:
    until = timezone.now() + timedelta(hours=1)
    channel = a_channel(failing_since=timezone.now(), paused_until=until, failures=3)
    assert f"{until:%H:%M}" in text_of(browser.get(f"{CHANNELS}{channel.pk}/")).partition("Next attempt")[2][:200]
