"""When notices are sent: at 9 in the morning of the site, each stage once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import Admin
from alerts.customer_notices.sending import send_license_notices
from alerts.models import LicenseNotice, NoticeTemplate
from alerts.models.customer_notices import STAGES
from alerts.tests.customer_notices.conftest import Ending, change
from conftest import Register
from sites.models import Site

pytestmark = pytest.mark.usefixtures("turned_on")
EVERY = timedelta(hours=1)


def run_between(first: str, last: str, every: timedelta = EVERY) -> list[datetime]:
    """Run the job again and again; at which of these moments a mail was sent, once for each mail."""
    at, end = datetime.fromisoformat(first), datetime.fromisoformat(last)
    sent: list[datetime] = []
    while at <= end:
        before = len(mail.outbox)
        send_license_notices(at=at.astimezone(UTC))
        sent += [at] * (len(mail.outbox) - before)
        at += every
    return sent


def at_local(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_the_contact_gets_a_mail_at_nine_in_the_morning_at_each_stage(ending: Ending) -> None:
    ending()
    sent = run_between("2026-06-28T00:00:00+02:00", "2026-08-02T00:00:00+02:00", every=timedelta(hours=3))
    days = ["2026-07-01", "2026-07-17", "2026-07-24", "2026-07-30"]
    assert sent == [at_local(f"{day}T09:00:00+02:00") for day in days]
    assert [message.to for message in mail.outbox] == [["giulia@roma.example"]] * 4
    assert list(LicenseNotice.objects.order_by("pk").values_list("stage", "state")) == [(n, "sent") for n in STAGES]


@pytest.mark.parametrize(
    ("zone", "end", "nine"),
    [
        # The clocks go forward on 29 March and back on 25 October: on these days the notice of 1 day is due.
        ("Europe/Rome", "2026-03-30T12:00:00+02:00", "2026-03-29T09:00:00+02:00"),
        ("Europe/Rome", "2026-10-26T12:00:00+01:00", "2026-10-25T09:00:00+01:00"),
        ("America/New_York", "2026-03-09T12:00:00-04:00", "2026-03-08T09:00:00-04:00"),
        ("Pacific/Kiritimati", "2026-06-02T12:00:00+14:00", "2026-06-01T09:00:00+14:00"),
        ("Pacific/Pago_Pago", "2026-06-02T12:00:00-11:00", "2026-06-01T09:00:00-11:00"),
    ],
)
def test_it_is_nine_there_also_on_days_when_the_clocks_change(ending: Ending, zone: str, end: str, nine: str) -> None:
    ending(end, timezone=zone)
    nine_there = at_local(nine)
    early, late = nine_there - timedelta(hours=30), nine_there + timedelta(hours=30)
    assert run_between(early.isoformat(), late.isoformat()) == [nine_there]


def test_it_is_not_sent_before_nine(ending: Ending) -> None:
    ending()
    first, last = "2026-07-24T08:50:00+02:00", "2026-07-24T09:10:00+02:00"
    assert run_between(first, last, every=timedelta(minutes=5)) == [at_local("2026-07-24T09:00:00+02:00")]


@pytest.mark.parametrize(
    ("end", "day"),
    [
        ("2026-08-01T00:00:00+02:00", "2026-07-30"),  # midnight ends the last day
        ("2026-08-01T00:00:01+02:00", "2026-07-31"),
        ("2026-07-31T00:00:01+02:00", "2026-07-30"),
        ("2026-07-31T23:59:59+02:00", "2026-07-30"),
    ],
)
def test_the_last_day_is_the_last_one_with_service(ending: Ending, end: str, day: str) -> None:
    ending(end)
    sent = run_between("2026-07-29T00:00:00+02:00", "2026-08-03T00:00:00+02:00")
    assert sent == [at_local(f"{day}T09:00:00+02:00")]


def test_a_nine_oclock_that_was_missed_is_made_up_for_on_the_same_day(ending: Ending) -> None:
    ending()
    assert run_between("2026-07-24T16:40:00+02:00", "2026-07-25T12:00:00+02:00") == [
        at_local("2026-07-24T16:40:00+02:00")
    ]


def test_a_day_that_was_missed_is_left_out(ending: Ending) -> None:
    ending()
    assert run_between("2026-07-25T00:00:00+02:00", "2026-07-29T23:59:00+02:00") == []


def test_a_notice_that_could_not_be_sent_on_its_day_is_dropped(ending: Ending, monkeypatch: pytest.MonkeyPatch) -> None:
    ending()

    def fail(*args: Any) -> None:
        raise ConnectionRefusedError

    with monkeypatch.context() as broken:
        broken.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", fail)
        with pytest.raises(ConnectionRefusedError):
            send_license_notices(at=at_local("2026-07-24T23:55:00+02:00"))
    assert run_between("2026-07-25T00:00:00+02:00", "2026-07-26T00:00:00+02:00") == []
    notice = LicenseNotice.objects.get()
    assert (notice.state, notice.answer) == ("dropped", "It could not be sent on its day.")


def test_a_site_registered_after_a_stage_gets_the_next_one_only(ending: Ending) -> None:
    ending("2026-07-11T12:00:00+02:00")  # ten days before its end
    sent = run_between("2026-07-01T08:00:00+02:00", "2026-07-12T00:00:00+02:00")
    assert sent == [at_local(f"2026-07-{day}T09:00:00+02:00") for day in ("04", "10")]


def test_an_extended_licence_has_all_stages_again(ending: Ending, api: Any) -> None:
    site = ending()
    assert len(run_between("2026-07-24T09:00:00+02:00", "2026-07-24T10:00:00+02:00")) == 1
    api.patch(site.path, {"license_expires_at": "2026-08-31T18:00:00+02:00"})
    sent = run_between("2026-07-24T10:00:00+02:00", "2026-08-31T23:00:00+02:00", every=timedelta(hours=4))
    assert [at.date().isoformat() for at in sent] == ["2026-08-01", "2026-08-17", "2026-08-24", "2026-08-30"]


def test_there_are_never_two_mails_on_one_day(ending: Ending, api: Any) -> None:
    """Also if the licence is changed so that another stage is due."""
    site = ending()
    assert len(run_between("2026-07-24T09:00:00+02:00", "2026-07-24T10:00:00+02:00")) == 1
    api.patch(site.path, {"license_expires_at": "2026-08-07T18:00:00+02:00"})  # in 14 days
    assert run_between("2026-07-24T10:00:00+02:00", "2026-07-24T23:55:00+02:00") == []
    assert LicenseNotice.objects.count() == 1


@pytest.mark.parametrize(
    "change_of_site",
    [
        lambda api, site: api.post(f"{site.path}/lock", {"reason": "unpaid"}),
        lambda api, site: api.patch(site.path, {"is_active": False}),
        lambda api, site: api.delete(site.path),
    ],
    ids=["locked", "inactive", "deregistered"],
)
def test_only_sites_with_service_get_notices(ending: Ending, api: Any, change_of_site: Any) -> None:
    assert change_of_site(api, ending()).status_code < 300
    ending(name="Bar Verdi", contact_email="verdi@bar.example")
    assert len(run_between("2026-07-24T08:00:00+02:00", "2026-07-24T10:00:00+02:00")) == 1
    assert mail.outbox[0].to == ["verdi@bar.example"]
    assert LicenseNotice.objects.count() == 1


def test_a_site_that_is_locked_between_storing_and_sending_gets_no_mail(
    ending: Ending, api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = ending()

    def connect_slowly() -> Any:
        assert api.post(f"{site.path}/lock", {"reason": "unpaid"}).status_code == 200
        return mail.get_connection()

    monkeypatch.setattr("alerts.customer_notices.sending.get_connection", connect_slowly)
    assert send_license_notices(at=at_local("2026-07-24T09:00:00+02:00")) is None
    assert mail.outbox == []
    assert LicenseNotice.objects.get().state == "dropped"


def test_it_is_off_until_somebody_turns_it_on(ending: Ending, anna: Admin) -> None:
    ending()
    NoticeTemplate.objects.all().delete()
    assert run_between("2026-07-24T08:00:00+02:00", "2026-07-24T10:00:00+02:00") == []
    change(anna)  # stores the words
    assert run_between("2026-07-24T08:00:00+02:00", "2026-07-24T10:00:00+02:00") == []
    change(anna, is_enabled=True)
    assert len(run_between("2026-07-24T10:00:00+02:00", "2026-07-24T11:00:00+02:00")) == 1


@pytest.mark.parametrize("name", ["EMAIL_HOST", "PUBLIC_URL"])
def test_without_its_settings_nothing_is_sent(ending: Ending, settings: Any, name: str) -> None:
    ending()
    setattr(settings, name, "")
    assert run_between("2026-07-24T08:00:00+02:00", "2026-07-24T10:00:00+02:00") == []


def test_it_asks_in_sets(ending: Ending, register: Register) -> None:
    """Looking for what is due costs the same with one site and with many."""
    counts = []
    for number in (1, 40):
        for other in range(number):
            register(name=f"Other {number} {other}", license_expires_at="2026-07-31T18:00:00+02:00", timezone="UTC")
        with CaptureQueriesContext(connection) as queries:
            send_license_notices(at=at_local("2026-07-24T08:00:00+00:00"))  # an hour too early for all of them
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 4
    assert LicenseNotice.objects.count() == 0


def stored(site: Site, **values: Any) -> LicenseNotice:
    at = datetime(2026, 7, 24, 7, tzinfo=UTC)
    facts = {"license_expires_at": site.license_expires_at, "stage": 7, "day": at.date(), "created_at": at}
    return LicenseNotice.objects.create(**{"site": site, **facts, "next_attempt_at": at, **values})


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"day": datetime(2026, 7, 25, tzinfo=UTC).date()}, "licensenotice_stage_once"),
        ({"stage": 14}, "licensenotice_one_a_day"),
        ({"stage": 3, "day": datetime(2026, 7, 26, tzinfo=UTC).date()}, "licensenotice_stage_known"),
        (
            {"state": "sent", "stage": 1, "day": datetime(2026, 7, 26, tzinfo=UTC).date()},
            "licensenotice_ended_iff_time",
        ),
    ],
)
def test_the_database_refuses_a_second_notice(ending: Ending, values: dict[str, Any], constraint: str) -> None:
    site = Site.objects.get(pk=ending().site_id)
    stored(site)
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        stored(site, **values)
    columns = {"licensenotice_stage_once": "license_expires_at", "licensenotice_one_a_day": "alerts_licensenotice.day"}
    text = str(refusal.value)
    assert constraint in text or (connection.vendor == "sqlite" and columns[constraint] in text)
