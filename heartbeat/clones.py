"""Dismiss the suspicion that two installations use a site's key; `heartbeat.runs` raises it."""

import uuid
from datetime import datetime

from django.db import transaction
from django.db.models import F

from audit.actors import Actor
from common.instants import format_instant
from heartbeat.models import AgentRun
from sites.events import SiteAction
from sites.models import Site, SitePulse
from sites.services import Expected, record, refuse_if_changed, site_for_update
from sites.validation import checked_note


@transaction.atomic
def dismiss_clone(
    site_id: uuid.UUID, *, by: Actor, at: datetime, note: str | None = None, expected: Expected | None = None
) -> Site:
    """Note that a site's key is not used by two installations. If nothing is suspected, nothing changes.

    One more heartbeat of each of the two raises the suspicion again. The site's revision stays: its leases do not change.
    Raises InvalidInput, SiteNotFound, SiteChanged.
    """
    note = checked_note(note, field="note")
    site = site_for_update(site_id)
    pulse = SitePulse.objects.select_for_update().get(pk=site.pk)
    if pulse.clone_suspected_at is None:
        return site
    refuse_if_changed(site, expected)
    SitePulse.objects.filter(pk=site.pk).update(clone_suspected_at=None)
    # Both have come back, so the next heartbeat of each is the evidence that is needed besides.
    AgentRun.objects.of_site(site.pk).update(heartbeats_before_turn=F("heartbeats"))
    changes = {"clone_suspected_at": (format_instant(pulse.clone_suspected_at), None)}
    record(SiteAction.CLONE_DISMISSED, site, by=by, at=at, reason=note or None, changes=changes)
    return site
