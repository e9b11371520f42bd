"""Channels that somebody changes or deletes while a message is on its way, or between two messages of an incident."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from alerts.channels.services import change_channel, delete_channel
from alerts.channels.transports.outcome import Message, Outcome, Target, Verdict
from alerts.incidents.services import NewIncident, open_incidents, resolve_incidents
from alerts.kinds import Kind
from alerts.models import AlertChannel, Delivery, DeliveryAttempt, Incident
from alerts.outbox.attempts import next_pause
from alerts.outbox.delivery import deliver_channel
from alerts.tests.estate import Estate
from alerts.tests.outside import FAILED, GONE, OK, RETRY, Outside
from audit.actors import Actor
from audit.models import Event


@pytest.fixture
def estate(db: None) -> Estate:
    return Estate()


def open_one(estate: Estate, subject: str, kind: Kind = Kind.SITES_OFFLINE_TOGETHER) -> Incident:
    (incident,) = open_incidents([NewIncident(kind, subject, "", since=estate.now, subject=subject)], at=estate.now)
    return incident


@pytest.mark.parametrize("answer", [GONE, RETRY], ids=["gone", "no answer"])
def test_an_answer_of_the_former_address_says_nothing_about_the_new_one(
    estate: Estate, by_anna: Actor, answer: Outcome
) -> None:
    channel = estate.channel("email")
    AlertChannel.objects.filter(pk=channel.pk).update(failures=5, failing_since=estate.now)
    open_one(estate, "x")

    def send(message: Message, target: Target) -> Outcome:
        change_channel(channel.pk, {"address": "new@vendor.example"}, by=by_anna, at=estate.now)
        return answer

    deliver_channel(channel.pk, holder="w", is_stopping=lambda: False, transport=send, clock=lambda: estate.now)
    channel.refresh_from_db()
    assert (channel.is_enabled, channel.paused_until, channel.failures) == (True, None, 0)
    assert not Event.objects.filter(action="alert_channel.disabled").exists()


def test_a_channel_may_be_deleted_while_its_message_is_sent(estate: Estate, by_anna: Actor) -> None:
    channel = estate.channel("email")
    open_one(estate, "x")

    def send(message: Message, target: Target) -> Outcome:
        delete_channel(channel.pk, by=by_anna, at=estate.now)
        return OK

    deliver_channel(channel.pk, holder="w", is_stopping=lambda: False, transport=send, clock=lambda: estate.now)
    assert not Delivery.objects.exists()
    assert not DeliveryAttempt.objects.exists()


@pytest.mark.postgresql
def test_an_answer_locks_the_channel_before_its_messages_as_a_change_does(estate: Estate) -> None:
    """In the other order a change by an admin and an answer could wait for each other."""
    channel = estate.channel("email")
    open_one(estate, "x")
    with CaptureQueriesContext(connection) as queries:
        deliver_channel(
            channel.pk, holder="w", is_stopping=lambda: False, transport=lambda *_: FAILED, clock=lambda: estate.now
        )
    statements = [query["sql"] for query in queries]
    locking = next(number for number, sql in enumerate(statements) if "FOR NO KEY UPDATE" in sql)
    writing = next(number for number, sql in enumerate(statements) if 'UPDATE "alerts_delivery"' in sql)
    assert locking < writing


@pytest.mark.parametrize(("kinds", "told"), [(None, ["opened"]), (["sites_offline_together"], [])])
def test_people_are_not_told_that_an_incident_is_part_of_another_one_that_they_are_told(
    estate: Estate, kinds: list[str] | None, told: list[str]
) -> None:
    channel = estate.channel("email", kinds=kinds)
    incident = open_one(estate, "x", Kind.SITE_OFFLINE)
    resolve_incidents([incident.pk], at=estate.now, replaced_by=Kind.SITES_OFFLINE_TOGETHER)
    assert [type_ for type_, _ in estate.told(channel)] == told


def test_people_who_are_not_told_of_the_common_cause_are_told_that_the_incident_is_over(estate: Estate) -> None:
    channel = estate.channel("email", kinds=["site_offline"])
    incident = open_one(estate, "x", Kind.SITE_OFFLINE)
    resolve_incidents([incident.pk], at=estate.now, replaced_by=Kind.SITES_OFFLINE_TOGETHER)
    assert [type_ for type_, _ in estate.told(channel)] == ["opened", "resolved"]


def test_who_asks_for_short_pauses_gets_them_ten_times() -> None:
    second = timedelta(seconds=1)
    impatient = Outcome(Verdict.RETRY, 429, "", second)
    assert next_pause(impatient, 10) == second
    assert next_pause(impatient, 11) >= timedelta(minutes=30)


def test_times_of_a_clock_that_was_ahead_keep_no_message_waiting(estate: Estate) -> None:
    channel = estate.channel("email")
    open_one(estate, "x")
    ahead: Any = estate.now + timedelta(days=365)
    AlertChannel.objects.update(lease_holder="gone", lease_until=ahead, paused_until=ahead)
    Delivery.objects.update(next_attempt_at=ahead)
    outside = Outside(estate.now)
    assert len(outside.deliver()) == 1
    assert Delivery.objects.get(channel=channel).state == "delivered"


def test_for_pagerduty_an_outdated_message_is_not_sent_again(api: Any, estate: Estate) -> None:
    channel = estate.channel("pagerduty")
    incident = open_one(estate, "x")
    outside = Outside(estate.now)
    outside.answer = lambda message: FAILED
    outside.deliver()
    path = f"/api/alert-channels/{channel.pk}/deliveries/{Delivery.objects.get().id}/retry"
    with transaction.atomic():
        resolve_incidents([incident.pk], at=estate.now)
    outside.answer = lambda message: OK
    outside.deliver()
    answer = api.post(path)
    assert (answer.status_code, answer.json()["code"]) == (409, "delivery_outdated")


@pytest.mark.parametrize(
    ("facts", "constraint"),
    [
        ({"kind": "fax"}, "alertchannel_kind_known"),
        ({"min_severity": "banana"}, "alertchannel_severity_known"),
        ({"lease_holder": "w"}, "alertchannel_lease_held_until"),
        ({"name": ""}, "alertchannel_named"),
        ({"quiet_from": "22:00"}, "alertchannel_quiet_from_and_until"),
        ({"kind": "webhook"}, "alertchannel_webhook_iff_secret"),
    ],
)
def test_the_database_refuses_a_channel_that_no_service_writes(
    estate: Estate, facts: dict[str, Any], constraint: str
) -> None:
    channel = estate.channel("email")
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        AlertChannel.objects.filter(pk=channel.pk).update(**facts)


def test_the_database_refuses_a_message_in_an_unknown_state(estate: Estate) -> None:
    estate.channel("email")
    open_one(estate, "x")
    with pytest.raises(IntegrityError, match="delivery_state_known"), transaction.atomic():
        Delivery.objects.update(state="lost", ended_at=estate.now)
