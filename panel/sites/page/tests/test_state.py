"""The badges and sentences about the state of a site, word for word."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from django.utils.html import strip_tags

from audit.models import Event
from panel.sites.page import state
from panel.sites.page.state import KeyEvents
from sites.models import Site, SitePulse
from sites.status import SiteStatus

NOW = datetime(2026, 11, 22, 20, 30, tzinfo=UTC)
HEARD = datetime(2026, 11, 22, 20, 2, tzinfo=UTC)
LONG_AGO = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
LOCKED = {"is_locked": True, "lock_reason": "unpaid invoice 118", "locked_at": NOW - timedelta(hours=6)}


def site(**facts: Any) -> Any:
    """An online, licensed site that has received its state; fields of its pulse can be given by name."""
    of_pulse = {
        "last_seen_at": HEARD,
        "last_seen_ip": "203.0.113.7",
        "due_at": HEARD + timedelta(hours=6),
        "reply_licensed": True,
        "reply_locked": facts.get("is_locked", False),
    }
    of_pulse |= {name: facts.pop(name) for name in of_pulse.keys() & facts.keys()}
    computed = {"status": SiteStatus.ONLINE, "licensed": True, "key_hint": "…x7Qa"}
    computed |= {name: facts.pop(name) for name in computed.keys() & facts.keys()}
    made = Site(created_at=LONG_AGO, **{"license_expires_at": datetime(2027, 6, 1, tzinfo=UTC), **facts})
    made.pulse = SitePulse(site=made, **of_pulse)
    for name, value in computed.items():
        setattr(made, name, value)
    return made


def event(action: str, sequence: int = 1, actor: str | None = "anna", source: str = "admin", **facts: Any) -> Event:
    return Event(action=f"site.{action}", sequence=sequence, actor_name=actor, source=source, at=NOW, **facts)


def words(html: str) -> str:
    return strip_tags(html).replace("\xa0", " ")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, "Last seen at 20:02 UTC from 203.0.113.7; next heartbeat due by 02:02 UTC."),
        ({"last_seen_ip": None}, "Last seen at 20:02 UTC; next heartbeat due by 02:02 UTC."),
        (
            {"status": "late", "due_at": NOW - timedelta(minutes=5)},
            "Late: last seen at 20:02 UTC from 203.0.113.7; heartbeat was due by 20:25 UTC.",
        ),
        (
            {"status": "offline", "last_seen_at": LONG_AGO, "due_at": LONG_AGO + timedelta(hours=6)},
            "Offline since 2026-11-01 14:30 UTC: last seen on 2026-11-01 08:00 UTC from 203.0.113.7;"
            " heartbeat was due by 2026-11-01 14:00 UTC.",
        ),
        (
            {"status": "never_seen", "last_seen_at": None, "due_at": None},
            "Registered on 2026-11-01 08:00 UTC; no heartbeats yet. Its key ends in …x7Qa.",
        ),
        ({"deregistered_at": NOW}, "Last seen at 20:02 UTC from 203.0.113.7."),
        (
            {"deregistered_at": NOW, "last_seen_at": None, "due_at": None},
            "Registered on 2026-11-01 08:00 UTC; it never sent a heartbeat.",
        ),
    ],
)
def test_the_sentence_about_the_last_heartbeat(facts: dict[str, Any], expected: str, settings: Any) -> None:
    settings.HEARTBEAT_GRACE = timedelta(minutes=30)
    assert words(state.last_heartbeat(site(**facts), at=NOW)) == expected


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ({"locked": event("locked")}, "Locked at 14:30 UTC by anna: unpaid invoice 118."),
        (
            {"locked": event("locked", source="api")},
            "Locked at 14:30 UTC by anna over the API: unpaid invoice 118.",
        ),
        (
            {"locked": event("locked", actor=None, source="command")},
            "Locked at 14:30 UTC by a command: unpaid invoice 118.",
        ),
        (
            {"locked": event("locked", 1), "reason_changed": event("lock_reason_changed", 2, "ben")},
            "Locked at 14:30 UTC by anna; reason changed at 20:30 UTC by ben: unpaid invoice 118.",
        ),
        (
            {"locked": event("locked", 9), "reason_changed": event("lock_reason_changed", 2, "ben")},
            "Locked at 14:30 UTC by anna: unpaid invoice 118.",
        ),
        ({}, "Locked at 14:30 UTC: unpaid invoice 118."),
    ],
)
def test_the_sentence_about_the_lock(events: dict[str, Event], expected: str) -> None:
    assert words(state.lock_state(site(**LOCKED), KeyEvents(**events), at=NOW)) == expected


def test_there_is_no_sentence_about_a_lock_of_an_unlocked_site() -> None:
    assert state.lock_state(site(), KeyEvents(), at=NOW) == ""


NEXT = "it will be told at its next heartbeat, by 02:02 UTC."


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, ""),
        (LOCKED, ""),
        ({**LOCKED, "reply_locked": False}, f"The site has not been told yet that it is locked; {NEXT}"),
        ({"reply_locked": True}, f"The site has not been told yet that it is unlocked; {NEXT}"),
        ({"reply_licensed": False}, f"The site has not been told yet that it has a licence; {NEXT}"),
        ({"licensed": False, "is_active": False}, f"The site has not been told yet that it has no licence; {NEXT}"),
        (
            {**LOCKED, "reply_locked": False, "licensed": False, "is_active": False},
            f"The site has not been told yet that it is locked and that it has no licence; {NEXT}",
        ),
        ({"licensed": False, "license_expires_at": NOW - timedelta(minutes=1)}, ""),
        (
            {"licensed": False, "license_expires_at": LONG_AGO},
            f"The site has not been told yet that it has no licence; {NEXT}",
        ),
        (
            {**LOCKED, "reply_locked": False, "status": "late", "due_at": NOW - timedelta(minutes=5)},
            "The site has not been told yet that it is locked;"
            " it will be told at its next heartbeat, which is overdue.",
        ),
        (
            {**LOCKED, "reply_locked": None, "reply_licensed": None, "last_seen_at": None, "due_at": None},
            "The site will be told at its first heartbeat.",
        ),
        ({**LOCKED, "reply_locked": False, "deregistered_at": NOW}, ""),
    ],
)
def test_the_sentence_about_changes_that_the_site_has_not_received(facts: dict[str, Any], expected: str) -> None:
    assert words(state.changes_not_received(site(**facts), at=NOW)) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, "Licence ends in 6 months, on 2027-06-01 00:00 UTC."),
        ({"license_expires_at": LONG_AGO}, "Licence expired on 2026-11-01 08:00 UTC."),
        ({"license_expires_at": NOW}, "Licence expired at 20:30 UTC."),
        (
            {"license_expires_at": NOW + timedelta(days=12, minutes=1)},
            "Licence ends in 12 days, on 2026-12-04 20:31 UTC.",
        ),
        (
            {"is_active": False},
            "Inactive: no licence until it is activated. Licence ends in 6 months, on 2027-06-01 00:00 UTC.",
        ),
    ],
)
def test_the_sentence_about_the_licence(facts: dict[str, Any], expected: str) -> None:
    assert words(state.license_state(site(**facts), at=NOW)) == expected


@pytest.mark.parametrize(
    ("event_of_it", "expected"),
    [
        (event("deregistered", reason="closed for good"), " by anna: closed for good."),
        (event("deregistered", actor=None, source="command"), " by a command."),
        (None, "."),
    ],
)
def test_the_sentence_about_the_deregistration(event_of_it: Event | None, expected: str) -> None:
    gone = site(deregistered_at=LONG_AGO)
    expected = f"Deregistered on 2026-11-01 08:00 UTC{expected} Its keys are refused."
    assert words(state.deregistration(gone, event_of_it, at=NOW)) == expected


def test_the_most_urgent_sentence_comes_first() -> None:
    locked = site(**LOCKED, license_expires_at=datetime(2027, 6, 1, tzinfo=UTC))
    expected = state.state_text(locked, KeyEvents(locked=event("locked")), at=NOW)
    assert expected.startswith("<strong>Locked at ")
    assert words(expected) == (
        "Locked at 14:30 UTC by anna: unpaid invoice 118."
        " Last seen at 20:02 UTC from 203.0.113.7; next heartbeat due by 02:02 UTC."
        " Licence ends in 6 months, on 2027-06-01 00:00 UTC."
    )


def test_a_missing_licence_comes_before_the_last_heartbeat() -> None:
    ended = site(licensed=False, reply_licensed=False, license_expires_at=NOW - timedelta(hours=1))
    assert words(state.state_text(ended, KeyEvents(), at=NOW)) == (
        "Licence expired at 19:30 UTC. Last seen at 20:02 UTC from 203.0.113.7; next heartbeat due by 02:02 UTC."
    )


def test_a_lock_that_the_site_has_not_received_names_the_next_heartbeat_once() -> None:
    untold = site(**LOCKED, reply_locked=False)
    assert words(state.state_text(untold, KeyEvents(), at=NOW)) == (
        "Locked at 14:30 UTC: unpaid invoice 118."
        f" The site has not been told yet that it is locked; {NEXT}"
        " Last seen at 20:02 UTC from 203.0.113.7."
        " Licence ends in 6 months, on 2027-06-01 00:00 UTC."
    )


def test_times_are_in_the_viewers_zone() -> None:
    with timezone.override("Europe/Berlin"):
        assert (
            words(state.last_heartbeat(site(), at=NOW))
            == "Last seen at 21:02 CET from 203.0.113.7; next heartbeat due by 03:02 CET."
        )


def test_typed_text_is_escaped() -> None:
    html = state.lock_state(
        site(**{**LOCKED, "lock_reason": "<script>alert(1)</script>"}),
        KeyEvents(locked=event("locked", actor="<b>x</b>")),
        at=NOW,
    )
    assert "<script>" not in html
    assert "<b>" not in html


@pytest.mark.parametrize(
    ("facts", "shown"),
    [
        ({}, "● online ● licensed"),
        ({"status": "never_seen"}, "○ never seen ● licensed"),
        (LOCKED, "● online ◆ locked ● licensed"),
        ({**LOCKED, "reply_locked": False}, "● online ◆ locked, not told yet ● licensed"),
        ({"reply_locked": True}, "● online ▲ unlocked, not told yet ● licensed"),
        ({"is_active": False, "status": "offline"}, "■ offline ■ inactive"),
        ({"license_expires_at": LONG_AGO}, "● online ■ licence expired"),
        ({"license_expires_at": LONG_AGO, "is_active": False}, "● online ■ inactive ■ licence expired"),
        ({"license_expires_at": NOW + timedelta(days=3)}, "● online ▲ licence ends in 3 days"),
        ({**LOCKED, "reply_locked": False, "deregistered_at": NOW}, "✕ deregistered ◆ locked"),
    ],
)
def test_the_badges(facts: dict[str, Any], shown: str) -> None:
    assert words(" ".join(state.site_badges(site(**facts), at=NOW))) == shown
