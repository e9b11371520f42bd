"""The dashboard's guide for a new installation: what to do first, each step ticked once it is done."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse

from accounts.models import Admin
from sites.models import Site, SitePulse

# After the first registration.
SHOWN_FOR = timedelta(days=7)


@dataclass(frozen=True)
class Step:
    label: str
    hint: str
    is_done: bool
    url: str = ""  # empty if the viewer may not do it, or it is not done in the panel


def is_new(*, oldest_heartbeat_at: datetime | None, at: datetime) -> bool:
    """Whether no site was registered before the last days. A query only if no stored heartbeat is older than that."""
    if oldest_heartbeat_at and oldest_heartbeat_at <= at - SHOWN_FOR:
        return False
    return not Site.objects.filter(created_at__lte=at - SHOWN_FOR).exists()


def first_steps(viewer: Admin, *, site_count: int, has_heartbeat: bool) -> list[Step]:
    """Empty once all steps are done. Four statements at most."""
    was_refused = (
        not has_heartbeat
        and SitePulse.objects.filter(last_refused_at__isnull=False, site__deregistered_at=None).exists()
    )
    steps = [
        Step(
            "Register the first restaurant",
            "The next page shows its id and its key, once.",
            is_done=site_count > 0,
            url=reverse("admin:sites_site_add") if viewer.has_perm("sites.add_site") else "",
        ),
        Step(
            "Hand over the id and the key",
            "The restaurant's local backend needs both. A lost key can be rotated on the site's page.",
            is_done=has_heartbeat or was_refused,
        ),
        Step(
            "See the first heartbeat",
            "A heartbeat was refused. Is the key right?"
            if was_refused
            else "It arrives as soon as the local backend runs.",
            is_done=has_heartbeat,
        ),
        Step(
            "Set up your second factor",
            "An app or a security key, so that a stolen password does not suffice.",
            is_done=viewer.has_second_factor(),
            url=reverse("admin:account"),
        ),
    ]
    if viewer.has_perm("accounts.add_admin"):
        steps.append(
            Step(
                "Add a colleague",
                "Somebody who can help if you cannot sign in.",
                is_done=Admin.objects.filter(is_active=True).exclude(pk=viewer.pk).exists(),
                url=reverse("admin:accounts_admin_add"),
            )
        )
    return [] if all(step.is_done for step in steps) else steps
