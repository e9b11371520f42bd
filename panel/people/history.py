"""What was done to an admin and by an admin, for the admin's own page."""

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from accounts.events import ADMIN
from accounts.models import Admin, SignInAttempt
from audit.models import Event
from panel.events.timeline import timeline

NEWEST = 20
NEWEST_ATTEMPTS = 10


def events_of_admin(admin: Admin) -> dict[str, Any]:
    """The context of `panel/people/history.html`."""
    about = Event.objects.of(ADMIN, admin.pk).newest_first()[:NEWEST]
    by = Event.objects.filter(actor=admin).newest_first()[:NEWEST]
    return {
        "events_about": timeline(about),
        "events_about_url": events_about_url(str(admin.pk)),
        "events_by": timeline(by),
        "events_by_url": f"{reverse('admin:audit_event_changelist')}?{urlencode({'actor': admin.pk})}",
    }


def latest_attempts(admin: Admin) -> list[SignInAttempt]:
    """For `panel/people/sign_in_attempts.html`."""
    return list(admin.sign_in_attempts.order_by("-id")[:NEWEST_ATTEMPTS])


def events_about_url(admin_id: str) -> str:
    """The events page with the events about one admin."""
    query = urlencode({"subject_type": ADMIN, "subject_id": admin_id})
    return f"{reverse('admin:audit_event_changelist')}?{query}"
