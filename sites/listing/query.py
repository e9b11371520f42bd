"""What is asked of the list of sites."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from django.db.models import Q

from sites.models import Site, SitePulse
from sites.querysets import SiteQuerySet


@dataclass(frozen=True)
class SiteQuery:
    """Which sites a list has, and in which order; `at` is the moment for which states and licences are computed.

    `order` is a lookup of Site, as in "name" or "pulse__last_seen_at". Sites without a value come last in both directions.
    """

    at: datetime
    on_site: Q = field(default_factory=Q)  # conditions on Site
    # On Site.search_text, or on a tag: usually few sites match, and nothing tells how many.
    on_text: Q = field(default_factory=Q)
    on_pulse: Q = field(default_factory=Q)  # on SitePulse, by its own fields
    order: str = "name"
    descending: bool = False
    registration: Literal["live", "deregistered", "all"] = "live"

    def sites_in_scope(self) -> SiteQuerySet:
        """The live sites, the deregistered ones, or all, as `registration` says."""
        sites: SiteQuerySet = getattr(Site.objects, self.registration)()
        return sites

    def without_pulse_condition(self) -> SiteQuerySet:
        """The sites that fulfil `on_site` and `on_text`, in no order."""
        return self.sites_in_scope().filter(self.on_site, self.on_text)

    def matching_sites(self) -> SiteQuerySet:
        """The sites that fulfil all conditions, in no order."""
        sites = self.without_pulse_condition()
        return sites.filter(pk__in=SitePulse.objects.filter(self.on_pulse)) if self.on_pulse else sites

    def in_order(self) -> SiteQuerySet:
        """The whole list."""
        return self.matching_sites().sorted_by(self.order, descending=self.descending)
