"""A site and an organization as JSON, the same in the API's answers and in what commands print with `--json`."""

from typing import Any

from common.instants import format_instant
from sites.models import Organization, Site
from sites.services import Rotation


def site_representation(site: Site) -> dict[str, Any]:
    """Expects a site of `Site.objects.with_state(at=…)`."""
    state: Any = site  # with the columns that `with_state` adds
    pulse, known_since = site.pulse, site.lock_known_since
    return {
        "site_id": str(site.pk),
        "name": site.name,
        "owner_name": site.owner_name,
        "contact_email": site.contact_email,
        "contact_phone": site.contact_phone,
        "timezone": site.timezone,
        "is_active": site.is_active,
        "is_locked": site.is_locked,
        "lock_reason": site.lock_reason,
        "locked_at": site.locked_at and format_instant(site.locked_at),
        "license_expires_at": format_instant(site.license_expires_at),
        "licensed": state.licensed,
        "status": state.status,
        "last_seen_at": pulse.last_seen_at and format_instant(pulse.last_seen_at),
        "last_seen_ip": pulse.last_seen_ip,
        "version": pulse.version,
        "uptime_seconds": pulse.uptime_seconds,
        "due_at": pulse.due_at and format_instant(pulse.due_at),
        "created_at": format_instant(site.created_at),
        "updated_at": format_instant(site.updated_at),
        "key_hint": state.key_hint,
        "last_refused_at": pulse.last_refused_at and format_instant(pulse.last_refused_at),
        "clone_suspected_at": pulse.clone_suspected_at and format_instant(pulse.clone_suspected_at),
        "delivered_revision": pulse.lease_revision,
        "applied_revision": pulse.applied_revision,
        "applied_state": pulse.applied_state,
        "applied_at": pulse.applied_at and format_instant(pulse.applied_at),
        "lock_known_since": known_since and format_instant(known_since),
        "agent": agent_representation(site),
        "organization_id": site.organization_id and str(site.organization_id),
    }


def agent_representation(site: Site) -> dict[str, Any] | None:
    agent = site.agent
    if agent is None:
        return None
    return {**vars(agent), "lease_expires_at": agent.lease_expires_at and format_instant(agent.lease_expires_at)}


def rotation_representation(rotation: Rotation) -> dict[str, Any]:
    return {
        "secret_key": rotation.secret_key,
        "previous_key_expires_at": format_instant(rotation.previous_key_expires_at),
    }


def organization_representation(organization: Organization) -> dict[str, Any]:
    """Expects an organization of `with_locations()`; `devices` is 0 unless a room above has annotated their number."""
    state: Any = organization
    return {
        "id": str(organization.pk),
        "name": organization.name,
        "slug": organization.slug,
        "created_at": format_instant(organization.created_at),
        "locations": state.locations,
        "devices": getattr(state, "devices", 0),
    }
