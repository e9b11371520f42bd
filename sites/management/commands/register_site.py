from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from audit.actors import COMMAND
from common.commands import DomainCommand
from sites.commands import read_options, read_organization, represent
from sites.services import register_site


class Command(DomainCommand):
    help = "Register a site and print its secret key, which is shown here once and never again."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True)
        parser.add_argument("--owner-name", required=True)
        parser.add_argument("--contact-email", required=True)
        parser.add_argument("--contact-phone", help="digits, spaces and + ( ) - / .; none when left out")
        parser.add_argument("--license-expires-at", help="such as 2026-12-31T00:00:00Z; a year from now when left out")
        parser.add_argument("--timezone", help="an IANA zone; UTC when left out")
        parser.add_argument("--organization", metavar="SLUG", help="the chain to which the site belongs")

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        names = ("name", "owner_name", "contact_email", "contact_phone", "license_expires_at", "timezone")
        facts = read_options(options, *names)
        at = timezone.now()
        organization = read_organization(options["organization"])
        registration = register_site(
            **facts, organization_id=organization.pk if organization else None, by=COMMAND, at=at
        )
        site = represent(registration.site, at=at)
        return {**site, "secret_key": registration.secret_key}, [
            f"Registered {site['name']}; the licence ends at {site['license_expires_at']}.",
            f"Site id:    {site['site_id']}",
            f"Secret key: {registration.secret_key}",
            "Write the key down now: it is shown only once. If it is lost, rotate the key.",
        ]
