from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from accounts.models import Admin
from audit.actors import COMMAND
from common.commands import DomainCommand
from licensing.services import create_signing_key


class Command(DomainCommand):
    help = (
        "Do in one process what a server needs before it starts: migrate the database, make the first signing key and, without"
        " DEBUG, collect the static files. Says whether there is an admin. `make run` calls it."
    )
    requires_system_checks = ()  # those of `migrate` follow

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        call_command("migrate", interactive=False, verbosity=0, skip_checks=False)
        create_signing_key(by=COMMAND, at=timezone.now(), unless_there_is_one=True)
        if not settings.DEBUG:
            call_command("collectstatic", interactive=False, verbosity=0)
        has_admin = Admin.objects.exists()
        return {"has_admin": has_admin}, ["There is an admin." if has_admin else "There is no admin yet."]
