from typing import Any

from django.utils import timezone

from common.commands import DomainCommand
from demo.services import (
    delete_demo_access_requests,
    delete_demo_organizations,
    demo_sites,
    forget_demo_requests,
    remove_demo_site,
    sites_with_demo_address,
)
from heartbeat.hourly_counts import forget_cached_hours


class Command(DomainCommand):
    help = "Delete the demo's sites with their keys, pulses, heartbeats and devices. Their events stay: that log only grows."

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        at = timezone.now()
        site_ids = list(demo_sites().order_by("name", "site_id").values_list("pk", flat=True))
        removals = [remove_demo_site(site_id, at=at) for site_id in site_ids]
        delete_demo_access_requests()
        delete_demo_organizations()
        forget_demo_requests()
        forget_cached_hours(at=at)
        counts = {
            "sites": len(removals),
            "keys": sum(removal.keys for removal in removals),
            "heartbeats": sum(removal.heartbeats for removal in removals),
        }
        left = sites_with_demo_address().count()
        note = [f"Sites with such an address that the demo did not register stay as they are: {left}."] if left else []
        if not removals:
            return counts, ["There is no demo site.", *note]
        return counts, [
            "Deleted {sites} demo sites with {keys} keys and {heartbeats} heartbeats.".format(**counts),
            "Their events stay, because nothing can be deleted from the audit log.",
            *note,
        ]
