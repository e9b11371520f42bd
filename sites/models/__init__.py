"""Sites, their keys, what their newest heartbeat reported, what admins note about them, and organizations of sites."""

from django.db.models import CharField
from django.db.models.functions import Length

from sites.models.imports import SiteImport
from sites.models.keys import SiteKey
from sites.models.notes import SiteNote, SiteTag
from sites.models.organizations import Organization
from sites.models.pulses import SitePulse
from sites.models.saved_views import SavedView
from sites.models.sites import AgentState, Site

__all__ = [
    "AgentState",
    "Organization",
    "SavedView",
    "Site",
    "SiteImport",
    "SiteKey",
    "SiteNote",
    "SitePulse",
    "SiteTag",
]

CharField.register_lookup(Length)  # for constraints
