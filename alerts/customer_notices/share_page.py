"""The page that a restaurant may open without an account."""

from sites.models import Site


def share_link(site: Site) -> str | None:
    """None: there are no such pages yet."""
    return None
