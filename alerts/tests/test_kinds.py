"""Each kind of incident: when it is opened, reminded and resolved, as the judge finds it."""

from datetime import timedelta

import pytest

from accounts.events import ADMIN, AdminAction
from alerts.incidents.conditions import LOCK_PATIENCE
from alerts.kinds import Kind, State
from alerts.models import Incident
from alerts.tests.estate import DAY, HOUR, MINUTE, Estate, longest_wait
from audit.actors import COMMAND, SYSTEM
from audit.services import Subject, record_event
from sites.models import Site, SitePulse
from sites.services import deregister_site, extend_license, lock_site, restore_site, unlock_site
from sites.services.sites import deactivate_site


def by_us(estate: Estate) -> dict[str, object]:
    return {"by": COMMAND, "at": estate.now}


def the_only(estate: Estate, kind: Kind) -> Incident:
    [incident] = estate.unresolved(kind)
    return incident


# --- Offline ---


def test_a_site_is_offline_after_due_and_grace_and_not_a_moment_sooner(estate: Estate) -> None:
    [site] = estate.add()
    estate.now = site.pulse.due_at + HOUR
    estate.check()
    assert not estate.unresolved()
    estate.check(microseconds=1)
    incident = the_only(estate, Kind.SITE_OFFLINE)
    assert (incident.site_id, incident.severity, incident.site_count) == (site.pk, "critical", 1)
    assert incident.since == site.pulse.due_at + HOUR
    estate.check(days=3)
    assert the_only(estate, Kind.SITE_OFFLINE).sequence == incident.sequence


def test_a_site_that_calls_again_is_not_offline_any_more(estate: Estate) -> None:
    [site] = estate.add()
    estate.check(hours=8)
    estate.call(site)
    assert estate.check(seconds=30) == {"opened": 0, "resolved": 1}
    assert not estate.unresolved()
    estate.check(hours=8)
    assert the_only(estate, Kind.SITE_OFFLINE)


@pytest.mark.parametrize("change", [lock_site, deactivate_site, deregister_site], ids=lambda change: change.__name__)
def test_a_site_without_service_is_not_offline(estate: Estate, change: object) -> None:
    [site], [other] = estate.add(), estate.add()
    reason = {"reason": "unpaid"} if change is not deactivate_site else {}
    estate.check(hours=8)
    assert len(estate.unresolved(Kind.SITE_OFFLINE)) == 2
    change(site.pk, **reason, **by_us(estate))  # type: ignore[operator]
    estate.check(seconds=30)
    assert the_only(estate, Kind.SITE_OFFLINE).site_id == other.pk


def test_a_site_whose_licence_has_ended_is_not_offline(estate: Estate) -> None:
    [site] = estate.add(license_expires_at=estate.now + 7 * HOUR + 30 * MINUTE)
    estate.check(minutes=7 * 60 + 29)
    assert the_only(estate, Kind.SITE_OFFLINE).site_id == site.pk
    estate.check(minutes=2)
    assert not estate.unresolved(Kind.SITE_OFFLINE)


def test_a_site_that_has_never_called_is_not_offline(estate: Estate) -> None:
    [site] = estate.add()
    SitePulse.objects.filter(pk=site.pk).update(last_seen_at=None, due_at=None)
    estate.check(days=30)
    assert not estate.unresolved()


# --- Locks ---


def test_a_lock_is_not_taken_up_if_the_site_misses_the_heartbeat_that_would_have_told_it(estate: Estate) -> None:
    [site] = estate.add()
    lock_site(site.pk, reason="unpaid", **by_us(estate))
    estate.now = site.pulse.due_at + LOCK_PATIENCE
    estate.check()
    assert not estate.unresolved()
    estate.check(seconds=1)
    incident = the_only(estate, Kind.LOCK_NOT_TAKEN_UP)
    assert (incident.site_id, incident.severity) == (site.pk, "warning")
    estate.call(site)
    estate.check(seconds=30)
    assert not estate.unresolved()


@pytest.mark.parametrize("change", ["unlock", "deregister"])
def test_without_its_cause_a_lock_that_was_not_taken_up_is_over(estate: Estate, change: str) -> None:
    [site] = estate.add()
    lock_site(site.pk, reason="unpaid", **by_us(estate))
    estate.check(hours=6.5)
    assert the_only(estate, Kind.LOCK_NOT_TAKEN_UP)
    if change == "unlock":
        unlock_site(site.pk, **by_us(estate))
    else:
        deregister_site(site.pk, **by_us(estate))
    estate.check(seconds=30)
    assert not estate.unresolved(Kind.LOCK_NOT_TAKEN_UP)


def test_a_lock_that_the_agent_was_told_and_has_not_applied_is_not_taken_up(estate: Estate) -> None:
    [site] = estate.add()
    lock_site(site.pk, reason="unpaid", **by_us(estate))
    estate.call(site)
    delivered = {"lease_revision": 2, "delivered_at": estate.now, "applied_revision": 1, "applied_state": "ok"}
    SitePulse.objects.filter(pk=site.pk).update(**delivered, applied_at=estate.now)
    estate.check(minutes=10)
    assert not estate.unresolved()
    estate.check(seconds=1)
    assert the_only(estate, Kind.LOCK_NOT_TAKEN_UP)
    SitePulse.objects.filter(pk=site.pk).update(applied_revision=2, applied_state="locked")
    estate.check(seconds=30)
    assert not estate.unresolved()


# --- Licences ---


def test_the_end_of_a_licence_is_told_six_times_by_one_incident(estate: Estate) -> None:
    channel = estate.channel()
    [site] = estate.add(license_expires_at=estate.now + 61 * DAY)
    seen = []
    for _ in range(62):
        estate.call(site)
        estate.check(days=1)
        seen += [
            (round((site.license_expires_at - estate.now) / DAY), incident.stage)
            for incident in estate.unresolved(Kind.LICENSE_ENDING)
        ]
    stages = dict(seen)
    assert {stages[days] for days in range(31, 61)} == {60}
    assert [stages[days] for days in (30, 15, 14, 8, 7, 4, 3, 2, 1)] == [30, 30, 14, 14, 7, 7, 3, 3, 1]
    told = [type_ for type_, kind in estate.told(channel) if kind == Kind.LICENSE_ENDING]
    # Programs are told of the end of this incident, too; people are told that the licence has ended.
    assert told == ["opened", *["reminded"] * 5, "resolved"]
    assert [type_ for type_, kind in estate.told(channel) if kind == Kind.LICENSE_ENDED] == ["opened"]


def test_an_extension_resolves_what_was_said_of_the_end(estate: Estate) -> None:
    [ending] = estate.add(license_expires_at=estate.now + 5 * DAY)
    [ended] = estate.add(license_expires_at=estate.now - DAY)
    estate.check()
    assert {(each.kind, each.site_id) for each in estate.unresolved()} >= {
        (Kind.LICENSE_ENDING, ending.pk),
        (Kind.LICENSE_ENDED, ended.pk),
    }
    for site in (ending, ended):
        extend_license(site.pk, days=365, **by_us(estate))
        estate.call(site)
    estate.check(seconds=30)
    assert not estate.unresolved()


def test_a_small_extension_corrects_the_incident_without_a_message(estate: Estate) -> None:
    channel = estate.channel()
    [site] = estate.add(license_expires_at=estate.now + 5 * DAY)
    estate.check()
    extend_license(site.pk, days=20, **by_us(estate))
    estate.check(seconds=30)
    incident = the_only(estate, Kind.LICENSE_ENDING)
    assert (incident.stage, incident.title) == (30, "The licence of Trattoria 0 ends within 30 days")
    assert estate.told(channel) == [("opened", Kind.LICENSE_ENDING)]


def test_an_extension_while_the_judge_works_is_no_fault(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    [site] = estate.add(license_expires_at=estate.now + 5 * DAY)
    estate.check()

    from alerts.incidents import judge

    update = judge.update_ending_licenses

    def extended_before(**when: object) -> None:
        Site.objects.filter(pk=site.pk).update(license_expires_at=estate.now + 400 * DAY)
        update(**when)  # type: ignore[arg-type]

    monkeypatch.setattr(judge, "update_ending_licenses", extended_before)
    estate.check(seconds=30)
    monkeypatch.undo()
    estate.check(seconds=30)
    assert not estate.unresolved()


def test_a_site_that_calls_after_the_end_of_its_licence_is_told_until_it_stops(estate: Estate) -> None:
    [site] = estate.add(license_expires_at=estate.now + HOUR)
    estate.now += 2 * HOUR
    estate.call(site)
    estate.check()
    assert {each.kind for each in estate.unresolved()} == {Kind.LICENSE_ENDED, Kind.CALLS_WITHOUT_LICENSE}
    estate.now += longest_wait()
    estate.check(seconds=1)
    assert {each.kind for each in estate.unresolved()} == {Kind.LICENSE_ENDED}
    deregister_site(site.pk, **by_us(estate))
    estate.check(seconds=30)
    assert not estate.unresolved()
    restore_site(site.pk, **by_us(estate))
    estate.check(seconds=30)
    assert {each.kind for each in estate.unresolved()} == {Kind.LICENSE_ENDED}


# --- Clones, sign-ins, the control plane itself ---


def test_a_suspected_clone_is_told_until_it_is_dismissed(estate: Estate) -> None:
    [site] = estate.add()
    SitePulse.objects.filter(pk=site.pk).update(clone_suspected_at=estate.now)
    estate.check(seconds=30)
    assert the_only(estate, Kind.CLONE_SUSPECTED).site_id == site.pk
    SitePulse.objects.filter(pk=site.pk).update(clone_suspected_at=None)
    estate.check(seconds=30)
    assert not estate.unresolved()


def block(estate: Estate, address: str, name: str = "anna") -> None:
    record_event(
        AdminAction.SIGN_IN_BLOCKED,
        subject=Subject(ADMIN, name, name),
        by=type(SYSTEM)(SYSTEM.source, ip=address),
        at=estate.now,
        reason="50 failures from one address",
    )


def in_a_transaction_block(estate: Estate, *addresses: str) -> None:
    from django.db import transaction

    with transaction.atomic():
        for address in addresses:
            block(estate, address)


def test_an_attack_on_the_sign_in_is_one_incident_that_is_told_again_when_it_doubles(estate: Estate) -> None:
    channel = estate.channel()
    in_a_transaction_block(estate, "203.0.113.1")
    estate.check(seconds=30)
    incident = the_only(estate, Kind.SIGN_IN_ATTACK)
    assert (incident.severity, incident.site_id, incident.site_count) == ("critical", None, 0)
    in_a_transaction_block(estate, "203.0.113.2")
    estate.check(seconds=30)
    in_a_transaction_block(estate, "203.0.113.3")
    estate.check(seconds=30)
    assert [type_ for type_, _ in estate.told(channel)] == ["opened", "reminded"]
    estate.check(minutes=31)
    assert not estate.unresolved()
    assert [type_ for type_, _ in estate.told(channel)] == ["opened", "reminded", "resolved"]


def test_an_outage_of_the_control_plane_is_told_once_from_when_to_when(estate: Estate) -> None:
    channel = estate.channel()
    estate.check(minutes=1)
    estate.be_down(timedelta(minutes=95))
    estate.check()
    incident = the_only(estate, Kind.CONTROL_PLANE_WAS_DOWN)
    assert incident.severity == "info"
    assert "for 95 minutes" in incident.title
    assert "from 2026-06-01 00:01 UTC to 2026-06-01 01:36 UTC" in incident.detail
    estate.check(minutes=59)
    assert estate.unresolved()
    estate.check(minutes=2)
    assert Incident.objects.get(pk=incident.pk).state == State.RESOLVED
    estate.check(days=1)
    assert estate.told(channel) == [("opened", incident.kind), ("resolved", incident.kind)]
