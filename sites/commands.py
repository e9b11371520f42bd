"""What the commands on sites have in common: how they read their options and show a site."""

from datetime import datetime
from typing import Any

from sites.models import Site
from sites.representation import site_representation
from sites.validation import read_values


def read_options(options: dict[str, Any], *names: str) -> dict[str, Any]:
    """The named options that were given, as services take them. Raises ValidationError."""
    return read_values({name: options[name] for name in names if options[name] is not None})


def represent(site: Site, *, at: datetime) -> dict[str, Any]:
    """The site as the API shows it."""
    return site_representation(Site.objects.with_state(at=at).get(pk=site.pk))
