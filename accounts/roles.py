"""Roles and their permissions, for the panel and the API."""

from collections.abc import Mapping

from django.db.models import TextChoices


class Role(TextChoices):
    SYSADMIN = "sysadmin", "Sysadmin"
    SUPPORT = "support", "Support"
    VIEWER = "viewer", "Viewer"


READ = frozenset(
    {
        "accounts.view_admin",
        "alerts.view_incident",
        "audit.view_event",
        "devices.view_device",
        "documents.view_sharelink",
        "documents.view_sitefile",
        "firmware.view_firmware",
        "heartbeat.view_heartbeat",
        "rollouts.view_rollout",
        "sites.view_organization",
        "sites.view_site",
        "sites.view_sitekey",
    }
)
OPERATE = frozenset(
    {
        "alerts.acknowledge_incident",
        "device_heartbeats.send_command",
        "devices.dismiss_clone",
        "documents.add_sharelink",
        "documents.add_sitefile",
        "documents.delete_sharelink",
        "documents.delete_sitefile",
        "sites.add_sitenote",
        "sites.dismiss_clone",
        "sites.export_site",
        "sites.extend_license",
        "sites.lock_site",
        "sites.tag_site",
        "sites.unlock_site",
    }
)
ADMINISTER = frozenset(
    {
        "accounts.add_admin",
        "accounts.change_admin",
        "accounts.decide_accessrequest",
        "accounts.view_accessrequest",
        "accounts.view_signinattempt",
        "alerts.manage_channels",
        "alerts.manage_customer_notices",
        "devices.add_device",
        "devices.add_enrolmentcode",
        "devices.change_device",
        "devices.retire_device",
        "devices.rotate_device_key",
        "erasure.erase_site",
        "firmware.add_firmware",
        "firmware.change_firmware",
        "jobs.apply_migrations",
        "jobs.view_job",
        "licensing.view_signingkey",
        "rollouts.manage_rollout",
        "sites.add_organization",
        "sites.add_site",
        "sites.change_organization",
        "sites.change_site",
        "sites.deactivate_site",
        "sites.deregister_site",
        "sites.import_site",
        "sites.restore_site",
        "sites.rotate_site_key",
        "sites.set_license_expiry",
        "sites.share_savedview",
    }
)

PERMISSIONS: Mapping[str, frozenset[str]] = {
    Role.SYSADMIN: READ | OPERATE | ADMINISTER,
    Role.SUPPORT: READ | OPERATE,
    Role.VIEWER: READ,
}
EVERY_PERMISSION = frozenset().union(*PERMISSIONS.values())


def may_do_all_of(role: str, other: str) -> bool:
    """Whether a role has each permission of another."""
    return PERMISSIONS[role] >= PERMISSIONS[other]
