"""Request, withdraw and confirm the erasure of a former customer's personal data.

Each function locks the site's row first, a confirmation all roll-outs before it. So of two sysadmins at once the second sees
what the first did, and a site is not restored and erased at the same time. The acting admin is `by.admin`, also for a command.
"""

import re
import uuid
from datetime import datetime

from django.conf import settings
from django.db import transaction

from accounts.models import Admin
from accounts.services.admins import is_handed_over_since
from audit.actors import Actor
from audit.chain import ERASED
from audit.erasure import erase_events
from audit.models import Event
from audit.services import Changes, lock_chain, record_event
from common.instants import format_instant
from erasure.errors import (
    ErasureAlreadyRequested,
    ErasureConfirmerTooNew,
    ErasureNeedsSecondPerson,
    ErasureNotRequested,
    ErasureRequestExpired,
    ErasureRequestOutdated,
    MayNotErase,
    ReasonNamesCustomer,
    RequesterMayNotErase,
)
from erasure.models import ErasureRequest
from erasure.traces import find_traces
from fleet.devices.erasure import devices_of
from fleet.heartbeats.erasure import delete_device_history, history_of
from fleet.rollouts.erasure import lock_rollouts
from fleet.telemetry.erasure import delete_telemetry
from heartbeat.erasure import delete_heartbeats
from sites.erasure import erase_site_values
from sites.errors import SiteErased, SiteNotDeregistered
from sites.events import SiteAction, site_subject
from sites.models import Site
from sites.services import row_for_update
from sites.validation import checked_value

PERMISSION = "erasure.erase_site"


@transaction.atomic
def request_erasure(site_id: uuid.UUID, *, reason: str, by: Actor, at: datetime) -> ErasureRequest:
    """Ask for the erasure of a deregistered site's personal data; another sysadmin has to confirm it.

    Raises MayNotErase, InvalidInput, SiteNotFound, SiteNotDeregistered, SiteErased, ErasureAlreadyRequested.
    """
    requester = acting_sysadmin(by)
    reason = checked_value("reason", reason)
    site = site_for_erasure(site_id)
    if re.search(r"\S@\S", reason) or find_traces(site).customer.is_named_in(reason):
        raise ReasonNamesCustomer(field="reason")
    if ErasureRequest.open(at=at).filter(site=site).exists():
        raise ErasureAlreadyRequested
    ErasureRequest.objects.filter(site=site).delete()  # it has expired
    request = ErasureRequest.objects.create(
        site=site,
        requested_by=requester,
        requested_at=at,
        expires_at=at + settings.ERASURE_CONFIRMED_WITHIN,
        reason=reason,
    )
    changes: Changes = {"confirm_until_at": (None, format_instant(request.expires_at))}
    subject = site_subject(site.pk, site.name)
    record_event(SiteAction.ERASURE_REQUESTED, subject=subject, by=by, at=at, reason=reason, changes=changes)
    return request


@transaction.atomic
def withdraw_erasure(site_id: uuid.UUID, *, by: Actor, at: datetime) -> None:
    """End a request; any sysadmin may. Raises MayNotErase, SiteNotFound, SiteErased, ErasureNotRequested."""
    acting_sysadmin(by)
    site = row_for_update(Site.objects.all(), site_id)
    if site.erased_at is not None:
        raise SiteErased
    deleted, _ = ErasureRequest.objects.filter(site=site).delete()
    if not deleted:
        raise ErasureNotRequested
    record_event(SiteAction.ERASURE_WITHDRAWN, subject=site_subject(site.pk, site.name), by=by, at=at)


@transaction.atomic
def confirm_erasure(site_id: uuid.UUID, *, by: Actor, at: datetime, requested_at: datetime | None = None) -> Event:
    """Erase the personal data of a site, as another sysadmin has requested. It cannot be undone.

    With `requested_at` only the request of that moment is confirmed: the one that the person has seen. Returns the event.
    Raises MayNotErase, SiteNotFound, SiteNotDeregistered, SiteErased, ErasureNotRequested, ErasureRequestExpired,
    ErasureNeedsSecondPerson, ErasureConfirmerTooNew, RequesterMayNotErase, ErasureRequestOutdated.
    """
    confirmer = acting_sysadmin(by)
    lock_rollouts()
    site = site_for_erasure(site_id)
    request = ErasureRequest.objects.select_related("requested_by").filter(site=site).first()
    if request is None or requested_at not in (None, request.requested_at):
        raise ErasureNotRequested
    refuse_if_invalid(request, site, confirmer=confirmer, at=at)
    request.confirmed_by, request.confirmed_at = confirmer, at
    request.save(update_fields=["confirmed_by", "confirmed_at"])
    return erase_site(site, request, by=by, at=at)


def refuse_if_invalid(request: ErasureRequest, site: Site, *, confirmer: Admin, at: datetime) -> None:
    if request.expires_at <= at:
        raise ErasureRequestExpired
    if request.requested_by == confirmer:
        raise ErasureNeedsSecondPerson
    if is_handed_over_since(confirmer, request.requested_at):
        raise ErasureConfirmerTooNew
    if not request.requested_by.has_perm(PERMISSION):
        raise RequesterMayNotErase
    if site.deregistered_at is None or site.deregistered_at > request.requested_at:
        raise ErasureRequestOutdated


def erase_site(site: Site, request: ErasureRequest, *, by: Actor, at: datetime) -> Event:
    """The erasure itself. `docs/retention.md` and the preview list what it covers; a test looks into every table."""
    subject = site_subject(site.pk, ERASED)
    heartbeats = delete_heartbeats(site.pk)  # takes longest, so before a checkpoint of the audit has to wait for this
    devices = [device.pk for device in devices_of(site.pk, for_update=True)]
    history = history_of(devices)
    delete_device_history(devices)
    measurements = delete_telemetry(devices)
    lock_chain(subject)  # before the events are read
    traces = find_traces(site, for_update=True)
    counts = {**traces.counts(), "heartbeats": heartbeats, **history, "device_measurements": measurements}
    changes: Changes = {
        "requested_by": (None, request.requested_by.username),
        "requested_at": (None, format_instant(request.requested_at)),
        **{f"erased_{name}": (number, 0) for name, number in counts.items() if number and name != "events"},
    }
    traces.erase_unrecorded(value=ERASED, at=at)
    erase_site_values(site, value=ERASED, at=at)
    return erase_events(
        traces.events, action=SiteAction.ERASED, subject=subject, by=by, at=at, reason=request.reason, changes=changes
    )


def acting_sysadmin(by: Actor) -> Admin:
    """The acting admin as stored now. Raises MayNotErase."""
    admin = Admin.objects.filter(pk=by.admin.pk).first() if by.admin else None
    if admin is None or not admin.has_perm(PERMISSION):
        raise MayNotErase
    return admin


def site_for_erasure(site_id: uuid.UUID) -> Site:
    site = row_for_update(Site.objects.all(), site_id)
    if site.deregistered_at is None:
        raise SiteNotDeregistered("Only the data of a deregistered site can be erased")
    if site.erased_at is not None:
        raise SiteErased
    return site
