"""The hours in which a location's devices may be updated."""

import uuid
from collections.abc import Collection
from datetime import datetime, time

from django.db import transaction

from audit.actors import Actor
from audit.services import record_event
from fleet.rollouts.errors import WindowInvalid
from fleet.rollouts.events import WindowAction
from fleet.rollouts.limits import DEFAULT_WINDOW_END, DEFAULT_WINDOW_START, MIN_WINDOW
from fleet.rollouts.models import MaintenanceWindow
from fleet.rollouts.windows import Window
from sites.errors import SiteNotFound
from sites.events import site_subject
from sites.models import Site

USUAL_WINDOW = Window(DEFAULT_WINDOW_START, DEFAULT_WINDOW_END)


@transaction.atomic
def set_maintenance_window(site_id: uuid.UUID, window: Window | None, *, by: Actor, at: datetime) -> Window:
    """Set the location's window, by its own clock; None is the usual one. It holds for devices that are updated from now on.

    Raises SiteNotFound, WindowInvalid.
    """
    wanted = checked_window(window) if window is not None else USUAL_WINDOW
    site = Site.objects.live().select_for_update(no_key=True).filter(pk=site_id).first()
    if site is None:
        raise SiteNotFound
    before = windows_of([site_id])[site_id]
    if wanted == USUAL_WINDOW:
        MaintenanceWindow.objects.filter(pk=site_id).delete()
    else:
        MaintenanceWindow.objects.update_or_create(pk=site_id, defaults=wanted._asdict())
    if wanted != before:
        changes = {"maintenance_window": (str(before), str(wanted))}
        subject = site_subject(site.pk, site.name)
        record_event(WindowAction.CHANGED, subject=subject, by=by, at=at, changes=changes)
    return wanted


def windows_of(site_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Window]:
    """The windows of these locations, in one statement."""
    rows = MaintenanceWindow.objects.filter(pk__in=site_ids).values_list("pk", "start", "end")
    own = {pk: Window(start, end) for pk, start, end in rows}
    return {pk: own.get(pk, USUAL_WINDOW) for pk in site_ids}


def checked_window(window: Window) -> Window:
    """Raises WindowInvalid."""
    for name, value in window._asdict().items():
        if not isinstance(value, time) or value.tzinfo is not None or value.second or value.microsecond:
            raise WindowInvalid("Must be a time of day, in hours and minutes.", field=f"maintenance_window/{name}")
    if window.start == window.end or window.length < MIN_WINDOW:
        raise WindowInvalid("Must be at least an hour and less than a day long.", field="maintenance_window/end")
    return window
