"""What can be done to a site from its page: what its state makes likely first, what ends something last."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from django.urls import reverse

from panel.sites.operations.registry import OPERATIONS, Operation
from sites.models import Site
from sites.querysets import ENDING_SOON

# An operation that stands in neither list comes between them.
USUAL = ("restore", "unlock", "activate", "lock", "extend", "set_expiry", "rotate")
ENDING = ("deactivate", "deregister")


class Button(NamedTuple):
    name: str
    label: str
    url: str
    is_destructive: bool


def buttons_for(site: Site, may: Callable[[str], bool], *, at: datetime) -> list[Button]:
    """`may` tells whether the person has a permission."""
    offered = [
        button_of(operation, site)
        for operation in OPERATIONS.values()
        if may(operation.permission) and operation.applies_to(site)
    ]
    if may("sites.rotate_site_key") and site.deregistered_at is None:
        offered.append(Button("rotate", "Rotate key", reverse("admin:sites_site_rotate", args=[site.pk]), False))
    order = usual_order(site, at=at)
    return sorted(offered, key=lambda button: order.index(button.name) if button.name in order else len(USUAL))


def button_of(operation: Operation, site: Site) -> Button:
    label = "Change lock reason" if operation.name == "lock" and site.is_locked else operation.label
    url = reverse("admin:sites_site_operate", args=[operation.name]) + f"?site={site.pk}"
    return Button(operation.name, label, url, operation.is_destructive)


def usual_order(site: Site, *, at: datetime) -> list[str]:
    """A licence that ended, or soon will, is what somebody comes to extend."""
    needs_extension = not site.is_locked and site.is_active and site.license_expires_at - at <= ENDING_SOON
    first = ["extend"] if needs_extension else []
    return [*first, *(name for name in USUAL if name not in first), "", *ENDING]
