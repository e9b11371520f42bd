"""Registers the model admins of the control panel: Django imports this module at start."""

from django.contrib import admin
from django.contrib.auth import admin as registers_groups  # noqa: F401
from django.contrib.auth.models import Group

from panel.alerts.incidents.admin import IncidentAdmin
from panel.events.admin import EventAdmin
from panel.fleet.devices.admin import DeviceAdmin
from panel.fleet.firmware.admin import FirmwareAdmin
from panel.fleet.rollouts.admin import RolloutAdmin
from panel.heartbeats.admin import HeartbeatAdmin
from panel.organizations.admin import OrganizationAdmin
from panel.people.access_requests.admin import AccessRequestAdmin
from panel.people.admin import AdminAdmin, SignInAttemptAdmin
from panel.sites.admin import SiteAdmin
from panel.sites.of_a_site import SiteKeyAdmin

__all__ = [
    "AccessRequestAdmin",
    "AdminAdmin",
    "DeviceAdmin",
    "EventAdmin",
    "FirmwareAdmin",
    "HeartbeatAdmin",
    "IncidentAdmin",
    "OrganizationAdmin",
    "RolloutAdmin",
    "SignInAttemptAdmin",
    "SiteAdmin",
    "SiteKeyAdmin",
]

# Permissions come from the roles in `accounts.roles`; a group would have no effect.
admin.site.unregister(Group)
