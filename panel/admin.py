"""Django finds here what the control panel shows; the pages themselves stand in the modules named for them."""

from django.contrib import admin
from django.contrib.auth import admin as registers_groups  # noqa: F401
from django.contrib.auth.models import Group

from panel.events.admin import EventAdmin
from panel.people.admin import AdminAdmin, TokenFamilyAdmin
from panel.sites.admin import SiteAdmin

__all__ = ["AdminAdmin", "EventAdmin", "SiteAdmin", "TokenFamilyAdmin"]

# Roles are a table in the code; a group would promise what nothing keeps.
admin.site.unregister(Group)
