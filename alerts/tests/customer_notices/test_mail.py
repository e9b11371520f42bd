"""What the restaurant reads, and what happens if the mail server does not take it. With a real SMTP server."""

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client

from accounts.models import Admin
from alerts.customer_notices.sending import send_license_notices
from alerts.errors import NoticeTemplateInvalid
from alerts.models import LicenseNotice
from alerts.tests.customer_notices.conftest import Ending, change
from audit.models import Event
from conftest import Clock
from documents.models import ShareLink
from sites.models import Site
from tests.fake_services.smtp import FakeSmtp

pytestmark = pytest.mark.usefixtures("turned_on")
NINE = datetime(2026, 7, 24, 7, tzinfo=UTC)  # 9 in Rome, 7 days before the end


@pytest.fixture
def smtp(settings: Any) -> Iterator[FakeSmtp]:
    with FakeSmtp() as service:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", service.port
        yield service


def test_the_mail_has_the_vendors_words_and_is_an_event(ending: Ending, anna: Admin, smtp: FakeSmtp) -> None:
    change(
        anna,
        subject="{restaurant}: {days} giorni",
        text="Gentile {owner},\nla licenza di {restaurant} termina il {ends_on} ({days} giorni).\nFine",
    )
    site = ending(name="Trattoria Zoë", owner_name="Giulia")
    assert send_license_notices(at=NINE) == {"sent": 1}
    [message] = smtp.mails
    assert message["Subject"] == "Trattoria Zoë: 7 giorni"
    assert message["From"] == "Licences <licences@vendor.example>"
    assert message["To"] == "giulia@roma.example"
    assert message["Auto-Submitted"] == "auto-generated"
    body = message.get_content().replace("\r\n", "\n")
    first = "Gentile Giulia,\nla licenza di Trattoria Zoë termina il 2026-07-31 (7 giorni).\nFine\n"
    assert body.startswith(f"{first}\n--\nhttps://licenses.vendor.example/unsubscribe/pus_")
    event = Event.objects.get(action="site.license_notice_sent")
    assert (event.subject_id, event.source, event.reason) == (site.site_id, "system", None)
    assert event.changes == {"days_before_the_end": [None, 7]}


def test_a_name_that_looks_like_a_placeholder_stays_as_it_is(ending: Ending) -> None:
    ending(name="{owner} & {0.__class__}")
    send_license_notices(at=NINE)
    assert mail.outbox[0].subject == "The licence of {owner} & {0.__class__} ends on 2026-07-31"


def test_the_link_to_the_restaurants_page_opens_it(ending: Ending, clock: Clock) -> None:
    site = ending()
    clock.at = NINE
    send_license_notices(at=NINE)
    [path] = re.findall(r"See it here: https://licenses\.vendor\.example(/s/psl_\w+)\n", mail.outbox[0].body)
    assert "Licensed until" in Client().get(path).content.decode()
    link = ShareLink.objects.get()
    assert (str(link.site_id), link.created_by, link.note) == (site.site_id, None, "in a licence notice")
    assert link.expires_at == NINE + timedelta(days=60)
    event = Event.objects.get(action="site.share_created")
    assert (event.source, event.actor_name) == ("system", None)


def test_words_without_a_link_make_none(ending: Ending, anna: Admin) -> None:
    change(anna, text="It ends on {ends_on}.")
    ending()
    assert send_license_notices(at=NINE) == {"sent": 1}
    assert not ShareLink.objects.exists()


def test_a_mail_that_was_not_sent_leaves_no_link(ending: Ending, smtp: FakeSmtp) -> None:
    ending()
    smtp.refuse("rcpt", "550 5.1.1 unknown")
    send_license_notices(at=NINE)
    assert LicenseNotice.objects.get().state == LicenseNotice.State.FAILED
    assert not ShareLink.objects.exists()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"subject": "{name} ends"},
            r"^\{name\} is not known here\. Use \{restaurant\}, \{owner\}, \{days\}, \{ends_on\}\.$",
        ),
        ({"subject": "{link}"}, r"^\{link\} is not known here"),
        ({"text": "{restaurant.__class__}"}, r"is not known here\. Use .*\{unsubscribe\}\.$"),
        ({"text": "{}"}, r"^\{\} is not known here"),
        ({"text": "{{days}}"}, "A brace is only allowed around a placeholder"),
        ({"text": "{days"}, "A brace is only allowed around a placeholder"),
        ({"subject": "two\nlines"}, "Control characters"),
        ({"text": " "}, "blank"),
        ({"subject": "x" * 151}, "150"),
    ],
)
def test_words_that_cannot_be_filled_in_are_refused(anna: Admin, values: dict[str, str], message: str) -> None:
    with pytest.raises(NoticeTemplateInvalid, match=message):
        change(anna, **values)
    assert Event.objects.filter(action="customer_notices.changed").count() == 1  # it was turned on


def test_a_mail_that_is_refused_for_good_is_not_tried_again_and_stops_no_other(ending: Ending, smtp: FakeSmtp) -> None:
    ending()
    smtp.refuse("rcpt", "550 5.1.1 <giulia@roma.example> is unknown")
    assert send_license_notices(at=NINE) is None
    notice = LicenseNotice.objects.get()
    assert (notice.state, notice.answer) == ("failed", "The mail server answered 550.")
    smtp.refusals.clear()
    ending(name="Bar Verdi", contact_email="verdi@bar.example")
    assert send_license_notices(at=NINE + timedelta(minutes=5)) == {"sent": 1}
    assert smtp.mails[0]["To"] == "verdi@bar.example"


def test_a_mail_that_is_refused_for_now_is_tried_again_with_the_same_id(ending: Ending, smtp: FakeSmtp) -> None:
    ending()
    smtp.refuse("rcpt", "450 4.2.0 Greylisted")
    assert send_license_notices(at=NINE) is None
    assert LicenseNotice.objects.get().state == "waiting"
    smtp.refusals.clear()
    assert send_license_notices(at=NINE + timedelta(minutes=4)) is None
    assert send_license_notices(at=NINE + timedelta(minutes=5)) == {"sent": 1}
    [message] = smtp.mails
    assert message["Message-ID"] == f"<{LicenseNotice.objects.get().id}@vendor.example>"


def test_without_a_mail_server_the_job_fails_in_sight_and_nothing_is_lost(ending: Ending, settings: Any) -> None:
    ending()
    with FakeSmtp() as service:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", service.port
    with pytest.raises(ConnectionRefusedError):
        send_license_notices(at=NINE)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert send_license_notices(at=NINE + timedelta(seconds=10)) == {"sent": 1}


def test_a_mail_that_ends_the_connection_comes_last_the_next_time(
    ending: Ending, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending(name="Poison")
    send = mail.EmailMessage.send

    def fail_for_one(message: mail.EmailMessage) -> Any:
        if "Poison" in message.subject:
            raise ConnectionResetError
        return send(message)

    monkeypatch.setattr("django.core.mail.EmailMessage.send", fail_for_one)
    with pytest.raises(ConnectionResetError):
        send_license_notices(at=NINE)
    ending(name="Bar Verdi")
    with pytest.raises(ConnectionResetError):
        send_license_notices(at=NINE + timedelta(minutes=5))
    assert ["Bar Verdi" in message.subject for message in mail.outbox] == [True]


def test_a_mail_of_a_worker_that_was_killed_is_sent_again_with_the_same_id(
    ending: Ending, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending()

    def die(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr("alerts.customer_notices.sending.note_sent", die)
        with pytest.raises(KeyboardInterrupt):
            send_license_notices(at=NINE)
    assert send_license_notices(at=NINE + timedelta(minutes=29)) is None
    assert send_license_notices(at=NINE + timedelta(minutes=30)) == {"sent": 1}
    assert len({message.extra_headers["Message-ID"] for message in mail.outbox}) == 1
    assert Event.objects.filter(action="site.license_notice_sent").count() == 1


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_send_one_mail(ending: Ending) -> None:
    for number in range(20):
        ending(name=f"Site {number}")
    both = threading.Barrier(2)

    def work() -> None:
        both.wait()
        try:
            send_license_notices(at=NINE)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(mail.outbox) == LicenseNotice.objects.filter(state="sent").count() == 20
    assert Site.objects.count() == 20
