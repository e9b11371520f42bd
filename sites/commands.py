"""What the commands on sites have in common: how they read their options and show a site."""

from datetime import datetime
from typing import Any

from sites.errors import OrganizationNotFound
from sites.models import Organization, Site
from sites.representation import site_representation
from sites.validation import read_values


def read_options(options: dict[str, Any], *names: str) -> dict[str, Any]:
    """The named options that were given, as services take them. Raises ValidationError."""
    return read_values({name: options[name] for name in names if options[name] is not None})


def read_organization(slug: str | None) -> Organization | None:
    """The organization of that slug; None without one. Raises OrganizationNotFound."""
    if slug is None:
        return None
    found: Organization | None = Organization.objects.filter(slug=slug).first()
    if found is None:
        raise OrganizationNotFound(f"There is no organization with the slug {slug}.")
    return found


def represent(site: Site, *, at: datetime) -> dict[str, Any]:
    """The site as the API shows it."""
    return site_representation(Site.objects.with_state(at=at).get(pk=site.pk))
