"""What is stored to be told, to whom, and how it is delivered when the other side refuses, fails or is away."""

import random
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from alerts.channels.transports.outcome import Message, Outcome, Verdict
from alerts.errors import ChannelDisabled, DeliveryNotFailed
from alerts.incidents.services import NewIncident, acknowledge_incident, open_incidents, resolve_incidents
from alerts.kinds import Kind, Severity
from alerts.models import AlertChannel, Delivery, DeliveryAttempt, Incident
from alerts.outbox import delivery
from alerts.outbox.attempts import LONGEST_PAUSE, pause
from alerts.outbox.claims import claim_channel, release_channel
from alerts.outbox.requests import send_again
from alerts.outbox.services import tell
from alerts.tests.estate import DAY, HOUR, MINUTE, START, Estate
from alerts.tests.outside import FAILED, GONE, OK, RETRY, Outside, ids
from audit.actors import COMMAND, Actor
from audit.models import Event


@pytest.fixture
def outside(estate: Estate) -> Outside:
    return Outside(estate.now)


def opened(estate: Estate, *subjects: str, kind: Kind = Kind.SIGN_IN_ATTACK) -> list[Incident]:
    new = [NewIncident(kind, f"Attack on {subject}", "", since=estate.now, subject=subject) for subject in subjects]
    return open_incidents(new, at=estate.now)


def numbered(count: int) -> list[str]:
    return [f"{number:04}" for number in range(count)]


# --- To whom ---


def test_a_channel_is_told_what_is_severe_enough_and_of_its_kinds(estate: Estate) -> None:
    everything = estate.channel()
    severe = estate.channel(min_severity=Severity.CRITICAL)
    licenses = estate.channel(kinds=[Kind.LICENSE_ENDED])
    disabled = estate.channel(is_enabled=False)
    kinds = [Kind.SIGN_IN_ATTACK, Kind.LICENSE_ENDED, Kind.CONTROL_PLANE_WAS_DOWN]
    for kind in kinds:
        opened(estate, "x", kind=kind)
    assert [kind for _, kind in estate.told(everything)] == kinds
    assert [kind for _, kind in estate.told(severe)] == [Kind.SIGN_IN_ATTACK]
    assert [kind for _, kind in estate.told(licenses)] == [Kind.LICENSE_ENDED]
    assert not estate.told(disabled)


def test_what_happens_later_is_told_to_those_that_were_told_of_the_opening(estate: Estate, by_anna: Actor) -> None:
    before = estate.channel()
    [incident] = opened(estate, "x")
    after = estate.channel()
    acknowledge_incident(incident.id, by=by_anna, at=estate.now)
    resolve_incidents([incident.pk], at=estate.now)
    assert [type_ for type_, _ in estate.told(before)] == ["opened", "acknowledged", "resolved"]
    assert not estate.told(after)


def test_a_channel_that_wants_less_since_is_still_told_the_end(estate: Estate) -> None:
    """A program that was told of an opening would show the incident as open for good."""
    channel = estate.channel()
    [incident] = opened(estate, "x", kind=Kind.LICENSE_ENDED)
    AlertChannel.objects.filter(pk=channel.pk).update(min_severity=Severity.CRITICAL)
    resolve_incidents([incident.pk], at=estate.now)
    assert [type_ for type_, _ in estate.told(channel)] == ["opened", "resolved"]


def test_an_end_that_is_no_news_is_told_to_programs_only(estate: Estate) -> None:
    channels = [estate.channel(kind) for kind in ("email", "slack", "pagerduty", "webhook")]
    [incident] = opened(estate, "x")
    resolve_incidents([incident.pk], at=estate.now, replaced_by=Kind.SITES_OFFLINE_TOGETHER)
    assert [len(estate.told(channel)) for channel in channels] == [1, 1, 2, 2]


@pytest.mark.django_db(transaction=True)
def test_what_is_told_is_stored_in_the_transaction_of_the_change(estate: Estate) -> None:
    estate.channel()
    with pytest.raises(RuntimeError, match="transaction"):
        tell([Incident()], Delivery.Type.OPENED, at=estate.now)


def test_a_message_says_how_the_incident_was_then(estate: Estate, outside: Outside, by_anna: Actor) -> None:
    estate.channel()
    [incident] = opened(estate, "x")
    acknowledge_incident(incident.id, by=by_anna, at=estate.now)
    resolve_incidents([incident.pk], at=estate.now)
    states = [message.incident["state"] for message in outside.deliver() if message.incident]
    assert states == ["open", "acknowledged", "resolved"]


# --- Attempts ---


def test_pauses_double_up_to_an_hour_and_are_spread(settings: LazySettings) -> None:
    settings.ALERT_RETRY = timedelta(seconds=30)
    for attempts, shortest in ((1, 30), (2, 60), (3, 120), (7, 1_920), (8, 3_600), (80, 3_600)):
        pauses = [pause(attempts).total_seconds() for _ in range(200)]
        assert shortest <= min(pauses) < shortest * 1.05
        assert shortest * 1.2 < max(pauses) <= shortest * 1.25
    assert LONGEST_PAUSE == HOUR


def test_a_message_is_tried_for_three_days_with_the_same_id_and_has_then_failed(
    estate: Estate, outside: Outside
) -> None:
    estate.channel()
    outside.answer = lambda message: RETRY
    opened(estate, "x")
    outside.deliver_until(START + timedelta(days=2.9))
    assert Delivery.objects.get().state == "waiting"
    outside.deliver_until(START + 4 * DAY)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.status) == ("failed", 503)
    assert delivery.ended_at
    assert START + timedelta(days=2.9) < delivery.ended_at <= START + 3 * DAY
    assert set(ids(outside.got)) == {delivery.id}
    assert 65 < len(outside.got) == DeliveryAttempt.objects.count() < 90


def test_an_answer_that_asks_to_wait_is_obeyed(estate: Estate, outside: Outside) -> None:
    estate.channel()
    opened(estate, "x", "y")
    outside.answer = lambda message: Outcome(Verdict.RETRY, 429, "", timedelta(minutes=20))
    assert len(outside.deliver()) == 1
    assert not outside.deliver(later=timedelta(minutes=19))
    outside.answer = lambda message: OK
    assert len(outside.deliver(later=2 * MINUTE)) == 2


def test_an_answer_cannot_ask_to_wait_for_weeks(estate: Estate, outside: Outside) -> None:
    estate.channel()
    opened(estate, "x")
    outside.answer = lambda message: Outcome(Verdict.RETRY, 429, "", timedelta(days=60))
    outside.deliver()
    outside.answer = lambda message: OK
    assert not outside.deliver(later=timedelta(hours=23))
    assert len(outside.deliver(later=timedelta(hours=1, seconds=1))) == 1


def test_a_message_that_is_refused_for_good_keeps_no_other_one_waiting(estate: Estate, outside: Outside) -> None:
    estate.channel()
    opened(estate, *numbered(5))
    poison = Delivery.objects.order_by("sequence")[1].id
    outside.answer = lambda message: FAILED if message.id == poison else OK
    assert len(outside.deliver()) == 5
    assert [each.state for each in Delivery.objects.order_by("sequence")] == ["delivered", "failed", *["delivered"] * 3]
    assert not outside.deliver(later=DAY)


def test_a_message_that_always_fails_lets_those_of_other_incidents_pass_but_none_of_its_own(
    estate: Estate, outside: Outside
) -> None:
    estate.channel()
    poison, *_ = opened(estate, *numbered(5))
    resolve_incidents([poison.pk], at=estate.now)
    outside.answer = lambda message: RETRY if message.incident and message.incident["id"] == str(poison.id) else OK
    outside.deliver()
    assert Delivery.objects.waiting().count() == 2
    for _ in range(10):
        outside.deliver(later=HOUR)
    assert {message.type for message in outside.got if message.incident["id"] == str(poison.id)} == {"incident.opened"}  # type: ignore[index]
    opened(estate, "later")
    # The attempt for the first one is due, too. It may take long: the new one does not wait for it.
    titles = [message.incident["title"] for message in outside.deliver(later=2 * HOUR) if message.incident]
    assert titles == ["Attack on later", "Attack on 0000"]
    outside.answer = lambda message: OK
    assert [message.type for message in outside.deliver(later=2 * HOUR)] == ["incident.opened", "incident.resolved"]


def test_an_address_that_is_gone_disables_the_channel_and_what_waits_has_failed(
    estate: Estate, outside: Outside
) -> None:
    channel = estate.channel()
    opened(estate, *numbered(3))
    outside.answer = lambda message: GONE
    assert len(outside.deliver()) == 1
    channel.refresh_from_db()
    assert (channel.is_enabled, channel.disabled_reason) == (False, "Gone")
    assert set(Delivery.objects.values_list("state", flat=True)) == {"failed"}
    assert Event.objects.filter(action="alert_channel.disabled").count() == 1
    opened(estate, "more")
    assert not outside.deliver(later=DAY)


@pytest.mark.slow
def test_a_channel_that_fails_for_every_message_is_asked_less_and_less(estate: Estate, outside: Outside) -> None:
    channel = estate.channel()
    opened(estate, *numbered(200))
    outside.answer = lambda message: RETRY
    outside.deliver_until(START + DAY)
    assert len(outside.got) < 40
    outside.answer = lambda message: OK
    outside.deliver_until(START + DAY + 2 * HOUR)
    assert Delivery.objects.filter(state="delivered").count() == 200
    channel.refresh_from_db()
    assert (channel.failures, channel.failing_since, channel.paused_until) == (0, None, None)


# --- People ---


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["email", "slack"])
def test_people_get_one_summary_of_what_a_channel_missed_in_a_day(estate: Estate, outside: Outside, kind: str) -> None:
    estate.channel(kind)
    opened(estate, "first")
    outside.answer = lambda message: RETRY
    outside.deliver_until(START + HOUR)
    estate.now += HOUR
    incidents = opened(estate, *numbered(29))
    outside.deliver_until(START + DAY)
    resolve_incidents([one.pk for one in incidents[:15]], at=outside.now)
    outside.answer = lambda message: OK
    before = len(outside.got)
    outside.deliver_until(START + DAY + 2 * HOUR)
    [summary] = outside.got[before:]
    assert summary.type == "summary"
    assert summary.summary
    assert len(summary.summary) == 45
    assert [one["type"] for one in summary.summary] == ["incident.opened"] * 30 + ["incident.resolved"] * 15
    assert not Delivery.objects.waiting().exists()


def test_programs_get_each_message_also_after_a_day(estate: Estate, outside: Outside) -> None:
    estate.channel("pagerduty")
    opened(estate, *numbered(60))
    assert [message.type for message in outside.deliver()] == ["incident.opened"] * 60


def test_ten_messages_are_no_summary_and_eleven_are(estate: Estate, outside: Outside) -> None:
    estate.channel("email")
    opened(estate, *numbered(10))
    assert len(outside.deliver()) == 10
    opened(estate, *[f"more {number}" for number in range(11)])
    assert [message.type for message in outside.deliver()] == ["summary"]


def test_what_does_not_fit_into_one_summary_is_sent_at_once_too(
    estate: Estate, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "LARGEST_SUMMARY", 12)
    estate.channel("email")
    opened(estate, *numbered(14))
    assert [message.type for message in outside.deliver()] == ["summary", "incident.opened", "incident.opened"]


@pytest.mark.parametrize(("kind", "looks"), [("email", 2), ("webhook", 3)])
def test_after_the_last_message_for_people_the_outbox_is_not_asked_again(
    estate: Estate, outside: Outside, kind: str, looks: int
) -> None:
    """Programs get one message after another: whether one is the last is found out by asking once more."""
    estate.channel(kind)
    opened(estate, "x", "y")
    with CaptureQueriesContext(connection) as queries:
        assert len(outside.deliver()) == 2
    written = [query["sql"] for query in queries if query["sql"].startswith('UPDATE "alerts_alertchannel"')]
    # A lease for each look, and its end. That nothing has failed is not written, because it is so already.
    assert len(written) == looks + 1


# --- Send again ---


def test_a_failed_message_is_sent_again_with_its_id(estate: Estate, outside: Outside) -> None:
    channel = estate.channel()
    opened(estate, "x")
    outside.answer = lambda message: FAILED
    [message] = outside.deliver()
    estate.now = outside.now = outside.now + 10 * DAY
    send_again(channel.pk, message.id, by=COMMAND, at=estate.now)
    with pytest.raises(DeliveryNotFailed):
        send_again(channel.pk, message.id, by=COMMAND, at=estate.now)
    outside.answer = lambda message: RETRY
    assert ids(outside.deliver()) == [message.id]
    outside.answer = lambda message: OK
    outside.deliver_until(estate.now + HOUR)
    assert Delivery.objects.get().state == "delivered"
    assert set(ids(outside.got)) == {message.id}


def test_nothing_is_sent_again_to_a_disabled_channel(estate: Estate, outside: Outside) -> None:
    channel = estate.channel()
    opened(estate, "x")
    outside.answer = lambda message: GONE
    [message] = outside.deliver()
    with pytest.raises(ChannelDisabled):
        send_again(channel.pk, message.id, by=COMMAND, at=estate.now)


# --- Leases ---


def test_a_channel_has_one_worker_at_a_time_until_its_lease_ends(estate: Estate) -> None:
    channel = estate.channel()
    lease = timedelta(seconds=45)
    assert claim_channel(channel.pk, holder="a", at=START, lease=lease)
    assert not claim_channel(channel.pk, holder="b", at=START + lease - timedelta(seconds=1), lease=lease)
    assert claim_channel(channel.pk, holder="a", at=START + timedelta(seconds=44), lease=lease)
    assert not claim_channel(channel.pk, holder="b", at=START + lease, lease=lease)
    assert claim_channel(channel.pk, holder="b", at=START + 2 * lease, lease=lease)
    release_channel(channel.pk, holder="a")
    assert not claim_channel(channel.pk, holder="c", at=START + 2 * lease, lease=lease)
    release_channel(channel.pk, holder="b")
    assert claim_channel(channel.pk, holder="c", at=START + 2 * lease, lease=lease)


@pytest.mark.slow
def test_the_messages_of_an_incident_keep_their_order_however_often_they_fail(
    estate: Estate, outside: Outside, by_anna: Actor
) -> None:
    estate.channel()
    randomness = random.Random(3)
    incidents = opened(estate, *numbered(6))
    for incident in incidents:
        acknowledge_incident(incident.id, by=by_anna, at=estate.now)
    resolve_incidents([one.pk for one in incidents], at=estate.now)
    arrived: list[Message] = []

    def answer(message: Message) -> Outcome:
        if randomness.random() < 0.5:
            return RETRY
        arrived.append(message)
        return OK

    outside.answer = answer
    outside.deliver_until(START + 3 * DAY)
    for incident in incidents:
        types = [message.type for message in arrived if message.incident and message.incident["id"] == str(incident.id)]
        assert types == ["incident.opened", "incident.acknowledged", "incident.resolved"]
