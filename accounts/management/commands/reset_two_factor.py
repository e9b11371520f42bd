from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from accounts.errors import AdminNotFound
from accounts.models import Admin
from accounts.two_factor.services import reset_two_factor
from audit.actors import COMMAND
from common.commands import DomainCommand


class Command(DomainCommand):
    help = "Remove all second factors of an admin who lost them, and sign them out everywhere."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        try:
            admin = Admin.objects.get_by_natural_key(options["username"])
        except Admin.DoesNotExist as error:
            raise AdminNotFound(f"There is no admin named {options['username']}.") from error
        had_factor = reset_two_factor(admin.pk, by=COMMAND, at=timezone.now())
        line = f"{admin} had no second factor." if not had_factor else f"{admin} has no second factor any more."
        return {"username": admin.username, "had_second_factor": had_factor}, [f"{line} Signed out everywhere."]
