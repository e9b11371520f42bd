"""The buttons on the page of a site: the operation that its state makes most likely first, rare ones in a menu."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from django.urls import reverse

from erasure.services import PERMISSION
from panel.sites.operations.registry import OPERATIONS, Operation
from sites.models import Site
from sites.querysets import ENDING_SOON

# Operations that are in neither list come after the shown ones.
SHOWN = ("restore", "unlock", "activate", "lock", "extend", "rotate")
IN_MENU = ("share", "set_expiry", "window", "deactivate", "deregister", "erase")
# These are offered where the page explains them: in a notice, on the page of clones, and beside the tags.
OFFERED_ELSEWHERE = ("confirm", "dismiss_clone", "add_tags", "remove_tags")


class Button(NamedTuple):
    name: str
    label: str
    url: str
    is_destructive: bool


class Buttons(NamedTuple):
    """`more` are those in the menu "More"."""

    shown: list[Button]
    more: list[Button]


def buttons_for(site: Site, has_permission: Callable[[str], bool], *, at: datetime) -> Buttons:
    buttons = [
        operation_button(operation, site)
        for operation in OPERATIONS.values()
        if operation.name not in OFFERED_ELSEWHERE
        and has_permission(operation.permission)
        and operation.applies_to(site)
    ]
    if has_permission("sites.rotate_site_key") and site.deregistered_at is None:
        buttons.append(Button("rotate", "Rotate key", reverse("admin:sites_site_rotate", args=[site.pk]), False))
    if has_permission("rollouts.manage_rollout") and site.deregistered_at is None:
        url = reverse("admin:rollouts_rollout_window", args=[site.pk])
        buttons.append(Button("window", "Maintenance window", url, False))
    if has_permission("documents.view_sharelink") and site.deregistered_at is None:
        buttons.append(Button("share", "Share page", reverse("admin:sites_site_share", args=[site.pk]), False))
    if has_permission(PERMISSION) and site.deregistered_at is not None and site.erased_at is None:
        url = reverse("admin:sites_site_erase", args=[site.pk])
        buttons.append(Button("erase", "Erase personal data", url, True))
    order = button_order(site, at=at)
    buttons.sort(key=lambda button: order.index(button.name) if button.name in order else len(SHOWN))
    more = [button for button in buttons if button.name in IN_MENU]
    return Buttons([button for button in buttons if button not in more], more)


def operation_button(operation: Operation, site: Site) -> Button:
    label = "Change lock reason" if operation.name == "lock" and site.is_locked else operation.label
    url = reverse("admin:sites_site_operate", args=[operation.name]) + f"?site={site.pk}"
    return Button(operation.name, label, url, operation.takes_service(site))


def button_order(site: Site, *, at: datetime) -> list[str]:
    """Names of buttons. Extending comes first if the licence has expired or will soon."""
    needs_extension = not site.is_locked and site.is_active and site.license_expires_at - at <= ENDING_SOON
    extend = ["extend"] if needs_extension else []
    return [*extend, *(name for name in SHOWN if name not in extend), "", *IN_MENU]
