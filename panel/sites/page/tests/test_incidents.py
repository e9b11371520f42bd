"""The incidents of a site within its history."""

import re
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import Admin
from alerts.incidents.services import acknowledge_incident, resolve_incidents
from alerts.kinds import Kind
from alerts.models import IncidentSite
from conftest import Register, RegisteredSite
from panel.alerts.tests.cast import a_common_cause, an_incident, by
from panel.tests.screen import browser_of
from sites.services import lock_site


def history(admin: Admin, site: RegisteredSite) -> list[str]:
    """What happened, the newest first, without the times."""
    page = browser_of(admin).get(f"/admin/sites/site/{site.site_id}/change/").content.decode()
    entries = page.partition('<ol class="timeline">')[2].partition("</ol>")[0].split("</li>")[:-1]
    return [" ".join(re.sub("<[^>]*>", "", entry.partition("<br>")[0]).split()) for entry in entries]


def minutes_later(at: datetime, minutes: int) -> datetime:
    return at + timedelta(minutes=minutes)


def test_it_was_opened_acknowledged_and_resolved(anna: Admin, register: Register) -> None:
    roma, other = register(), register(name="Pizzeria Napoli")
    at = timezone.now()
    incident = an_incident(Kind.SITE_OFFLINE, "Roma is offline", site=roma, at=minutes_later(at, 1))
    lock_site(incident.site_id, reason="unpaid", by=by(anna), at=minutes_later(at, 2))
    acknowledge_incident(incident.id, by=by(anna), at=minutes_later(at, 3), note="I call them")
    resolve_incidents([incident.pk], at=minutes_later(at, 4))
    assert history(anna, roma) == [
        "Incident resolved: Roma is offline",
        "Incident acknowledged by anna: Roma is offline",
        "Locked by anna (sysadmin) in the panel",
        "Incident opened: Roma is offline",
        "Registered by anna (sysadmin) over the API",
    ]
    page = browser_of(anna).get(f"/admin/sites/site/{roma.site_id}/change/").content.decode()
    assert "“I call them”" in page
    assert f'href="/admin/alerts/incident/{incident.pk}/change/"' in page
    assert f'href="/admin/alerts/incident/?view=all&amp;site={roma.site_id}"' in page
    assert history(anna, other) == ["Registered by anna (sysadmin) over the API"]


def test_a_site_is_part_of_a_common_cause_while_it_is_silent(anna: Admin, register: Register) -> None:
    roma, napoli = register(), register(name="Pizzeria Napoli")
    incident = a_common_cause(roma, napoli, title="2 sites went silent")
    at = timezone.now()
    IncidentSite.objects.filter(site=roma.site_id).update(left_at=minutes_later(at, 1))
    acknowledge_incident(incident.id, by=by(anna), at=minutes_later(at, 2))
    assert history(anna, roma)[:-1] == [
        "No longer part of the incident: 2 sites went silent",
        "Part of an incident: 2 sites went silent",
    ]
    assert history(anna, napoli)[:-1] == [
        "Incident acknowledged by anna: 2 sites went silent",
        "Part of an incident: 2 sites went silent",
    ]


def test_the_newest_twenty_entries_are_shown(anna: Admin, roma: RegisteredSite) -> None:
    at = timezone.now()
    for number in range(15):
        incident = an_incident(Kind.CLONE_SUSPECTED, f"Clone {number}", site=roma, at=minutes_later(at, 2 * number))
        resolve_incidents([incident.pk], at=minutes_later(at, 2 * number + 1))
    entries = history(anna, roma)
    assert len(entries) == 20
    assert entries[0] == "Incident resolved: Clone 14"
    assert entries[-1] == "Incident opened: Clone 5"
