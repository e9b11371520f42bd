"""Django finds here what the control panel shows; the pages themselves stand in the modules named for them."""

from panel.site_admin import SiteAdmin

__all__ = ["SiteAdmin"]
