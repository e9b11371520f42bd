from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from common.commands import DomainCommand
from common.errors import InvalidInput
from demo.services import backdate_demo_sites
from sites.models import Site
from sites.representation import site_representation
from sites.status import SiteStatus
from sites.validation import read_site_id

MOST_DAYS = 365
STATUSES = (SiteStatus.ONLINE, SiteStatus.LATE, SiteStatus.OFFLINE)


class Command(DomainCommand):
    help = (
        "Move the pulse and the history of demo sites into the past, until they are online since hours, late or offline. "
        "This makes up when they called, which no HTTP request can. It refuses every site that is not of the demo."
    )

    def declare(self, parser: CommandParser) -> None:
        for status in STATUSES:
            parser.add_argument(
                f"--{status.value}", nargs="+", default=[], metavar="SITE_ID", help=f"to make {status.label}"
            )

        parser.add_argument("--days", type=int, default=0, help="for which calls are made up as well, up to 365")

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        named = [(read_site_id(given), status) for status in STATUSES for given in options[status.value]]
        statuses = dict(named)
        if not named or len(statuses) < len(named):
            raise InvalidInput("Name at least one site, and each of them once.")
        if not 0 <= options["days"] <= MOST_DAYS:
            raise InvalidInput(f"--days must be from 0 to {MOST_DAYS}.")
        at = timezone.now()
        backdate_demo_sites(statuses, at=at, past=timedelta(days=options["days"]))
        sites = Site.objects.filter(pk__in=statuses).sorted_by("name").with_state(at=at)
        results = [site_representation(site) for site in sites]
        lines = [f"Backdated {site['name']}: {site['status']}, last seen {site['last_seen_at']}" for site in results]
        return {"count": len(results), "results": results}, lines
