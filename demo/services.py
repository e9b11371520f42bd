"""Change and remove the demo's sites.

These are the sites that the demo registered, and that still have a contact e-mail in DEMO_DOMAIN. The demo sends a request id
of its own with each registration, and the event of the registration keeps it for good.
"""

import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from accounts.models import AccessRequest
from audit.actors import COMMAND
from audit.models import Event
from common.errors import Conflict, InvalidInput
from documents.files.erasure import delete_files
from documents.models import ShareLink
from fleet.devices.models import Device, EnrolmentCode
from heartbeat.hourly_counts import forget_cached_hours
from heartbeat.models import AgentRun, Heartbeat
from idempotency.models import IdempotentRequest
from sites.errors import SiteNotFound
from sites.events import SITE, SiteAction
from sites.models import Organization, Site, SiteKey, SiteNote, SitePulse, SiteTag
from sites.querysets import SiteQuerySet
from sites.services import deregister_site
from sites.status import SiteStatus

DEMO_DOMAIN = "demo.portcullis.example"
# Of the idempotency key and of the request id that scripts/demo.py sends with a registration.
DEMO_PREFIX = "portcullis-demo-"
# Of the slug of an organization.
DEMO_ORGANIZATION_PREFIX = "demo-"


class NotADemoSite(Conflict):
    code = "not_a_demo_site"
    title = f"Only a demo site can be moved into the past: the demo registered it, with an address in {DEMO_DOMAIN}"


class NeverSeen(Conflict):
    code = "never_seen"
    title = "A site that never called has nothing to move into the past"


@dataclass(frozen=True)
class Removal:
    """The number of keys and heartbeats that were deleted with a site."""

    keys: int
    heartbeats: int


def demo_sites() -> SiteQuerySet:
    """The demo's sites, also those that are deregistered."""
    candidates = [str(pk) for pk in sites_with_demo_address().values_list("pk", flat=True)]
    registrations = Event.objects.filter(
        subject_type=SITE,
        subject_id__in=candidates,
        action=SiteAction.REGISTERED,
        request_id__startswith=DEMO_PREFIX,
    )
    return sites_with_demo_address().filter(pk__in=[uuid.UUID(event.subject_id) for event in registrations])


def sites_with_demo_address() -> SiteQuerySet:
    """Also those that a person registered by hand."""
    return Site.objects.filter(contact_email__iendswith=f"@{DEMO_DOMAIN}")


@transaction.atomic
def backdate_demo_sites(statuses: Mapping[uuid.UUID, str], *, at: datetime, past: timedelta = timedelta(0)) -> None:
    """Move the pulse and the history of each site into the past until it has that status, or none of them.

    Each also gets calls back to `at - past`. Raises SiteNotFound, NotADemoSite, NeverSeen, InvalidInput.
    """
    for site_id in sorted(statuses):
        backdate_demo_site(site_id, status=statuses[site_id], at=at)
        make_up_a_past(site_id, since=at - past)
    forget_cached_hours(at=at)


def backdate_demo_site(site_id: uuid.UUID, *, status: str, at: datetime) -> None:
    pulse = SitePulse.objects.select_for_update().filter(pk=site_id, site__deregistered_at=None).first()
    if pulse is None:
        raise SiteNotFound(f"There is no site {site_id}.")
    if not demo_sites().filter(pk=site_id).exists():
        raise NotADemoSite(f"{site_id}: {NotADemoSite.title}.")
    if pulse.last_seen_at is None or pulse.due_at is None:
        raise NeverSeen(f"{site_id}: {NeverSeen.title}.")
    cycle, last_seen_before = pulse.due_at - pulse.last_seen_at, pulse.last_seen_at
    # Times are never moved forward: a site that is late already stays as it is.
    pulse.due_at = min(pulse.due_at, due_moment(site_id, status, cycle=cycle, at=at))
    pulse.last_seen_at = pulse.due_at - cycle
    if pulse.lease_expires_at is not None:
        pulse.lease_expires_at -= last_seen_before - pulse.last_seen_at
    pulse.save(update_fields=["last_seen_at", "due_at", "lease_expires_at"])
    spread_history(site_id, newest_at=pulse.last_seen_at, newest_due_at=pulse.due_at)


def due_moment(site_id: uuid.UUID, status: str, *, cycle: timedelta, at: datetime) -> datetime:
    """When a site of that status is due. The times of several sites differ by their ids, in the same way each time."""
    share = 0.1 + 0.8 * zlib.crc32(site_id.bytes) / 2**32
    if status == SiteStatus.ONLINE:
        return at + cycle * share
    if status == SiteStatus.OFFLINE:
        return at - settings.HEARTBEAT_GRACE - timedelta(days=4) * share
    if not settings.HEARTBEAT_GRACE:
        raise InvalidInput("No site can be late while HEARTBEAT_GRACE_SECONDS is 0.")
    return at - settings.HEARTBEAT_GRACE * share / 2


def spread_history(site_id: uuid.UUID, *, newest_at: datetime, newest_due_at: datetime) -> None:
    """Change the history as if the site had called once every interval, each time when it was due."""
    rows = list(Heartbeat.objects.of_site(site_id).newest_first())
    for position, row in enumerate(rows):
        row.received_at = newest_at - position * settings.HEARTBEAT_INTERVAL
        row.due_at = row.received_at + settings.HEARTBEAT_INTERVAL if position else newest_due_at
    Heartbeat.objects.bulk_update(rows, ["received_at", "due_at"], batch_size=200)
    spread_runs(site_id, [row.received_at for row in rows])


def spread_runs(site_id: uuid.UUID, received: list[datetime]) -> None:
    """Give each run of the site's agent the times of its own heartbeats, of which `received` has the newest first."""
    position = 0
    for agent_run in AgentRun.objects.of_site(site_id).newest_first():
        own = received[position : position + agent_run.heartbeats]
        if not own:
            return
        agent_run.first_seen_at, agent_run.last_seen_at = own[-1], own[0]
        agent_run.save(update_fields=["first_seen_at", "last_seen_at"])
        position += agent_run.heartbeats


def make_up_a_past(site_id: uuid.UUID, *, since: datetime) -> None:
    """Calls before the oldest one, back to `since`, and one outage in three of four sites, the same each time."""
    oldest = Heartbeat.objects.of_site(site_id).newest_first().last()
    if oldest is None or oldest.received_at - settings.HEARTBEAT_INTERVAL < since:
        return
    Site.objects.filter(pk=site_id, created_at__gt=since).update(created_at=since)
    share, interval = zlib.crc32(site_id.bytes), settings.HEARTBEAT_INTERVAL
    calls = (oldest.received_at - since) // interval
    silent = range(share % calls, share % calls + share % 4 * 9)
    earlier = [call_before(oldest, position * interval) for position in range(1, calls + 1) if position not in silent]
    Heartbeat.objects.bulk_create(earlier, batch_size=500)


def call_before(known: Heartbeat, earlier: timedelta) -> Heartbeat:
    received_at = known.received_at - earlier
    return Heartbeat(
        site_id=known.site_id,
        received_at=received_at,
        due_at=received_at + settings.HEARTBEAT_INTERVAL,
        ip=known.ip,
        version="0.9.4",
        uptime_seconds=known.uptime_seconds,
        licensed=True,
        locked=False,
    )


@transaction.atomic
def remove_demo_site(site_id: uuid.UUID, *, at: datetime) -> Removal:
    """Delete a demo site and all rows that refer to it. Its events stay, and its deregistration is added to them.

    Raises NotADemoSite.
    """
    site = demo_sites().select_for_update().filter(pk=site_id).first()
    if site is None:
        raise NotADemoSite
    if site.deregistered_at is None:
        deregister_site(site_id, by=COMMAND, at=at, reason="Taken out with the demo")
    # Lock the pulse first: a heartbeat in progress holds it, and its row in the history must be deleted too.
    SitePulse.objects.select_for_update().get(pk=site_id)
    heartbeats, _ = Heartbeat.objects.of_site(site_id).delete()
    AgentRun.objects.of_site(site_id).delete()
    SiteNote.objects.filter(site=site_id).delete()
    SiteTag.objects.filter(site=site_id).delete()
    ShareLink.objects.filter(site=site_id).delete()
    delete_files(site_id)
    delete_devices(site_id)
    keys, _ = SiteKey.objects.filter(site=site_id).delete()
    SitePulse.objects.filter(pk=site_id).delete()
    site.delete()
    return Removal(keys, heartbeats)


def delete_devices(site_id: uuid.UUID) -> None:
    """With all rows that refer to them, of whatever table."""
    for relation in Device._meta.related_objects:
        relation.related_model._base_manager.filter(**{f"{relation.field.name}__site": site_id}).delete()
    Device.objects.filter(site=site_id).delete()
    EnrolmentCode.objects.filter(site=site_id).delete()


def delete_demo_access_requests() -> int:
    deleted, _ = AccessRequest.objects.filter(email__endswith=f"@{DEMO_DOMAIN}").delete()
    return deleted


def delete_demo_organizations() -> int:
    """Those that no site belongs to any more."""
    deleted, _ = Organization.objects.filter(slug__startswith=DEMO_ORGANIZATION_PREFIX, sites=None).delete()
    return deleted


def forget_demo_requests() -> int:
    """Delete the stored answers to the demo's registrations, so that the same demo can be registered again."""
    deleted, _ = IdempotentRequest.objects.filter(key__startswith=DEMO_PREFIX).delete()
    return deleted
