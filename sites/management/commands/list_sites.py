from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from common.commands import DomainCommand
from sites.commands import read_organization
from sites.models import Site
from sites.representation import site_representation
from sites.status import SiteStatus


class Command(DomainCommand):
    help = "List the sites with their state."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("--status", choices=SiteStatus.values)
        parser.add_argument("--organization", metavar="SLUG", help="only those of this chain")
        parser.add_argument("--locked", action="store_true", help="only those that are locked")

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        at = timezone.now()
        sites = Site.objects.live().sorted_by("name").with_state(at=at)
        if options["status"]:
            sites = sites.in_status(options["status"], at=at)
        if organization := read_organization(options["organization"]):
            sites = sites.filter(organization=organization)
        if options["locked"]:
            sites = sites.filter(is_locked=True)
        results = [site_representation(site) for site in sites]
        return {"count": len(results), "results": results}, [*map(line, results), f"{len(results)} sites"]


def line(site: dict[str, Any]) -> str:
    lock = f"locked: {site['lock_reason']}" if site["is_locked"] else "open"
    licensed = "licensed" if site["licensed"] else "not licensed"
    return f"{site['site_id']}  {site['status']:<10}  {licensed:<12}  {lock:<6}  {site['name']}"
