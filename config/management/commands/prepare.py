from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from accounts.models import Admin
from accounts.services import invite_first_admin, password_link_url
from audit.actors import COMMAND
from common.commands import DomainCommand
from licensing.services import create_signing_key


class Command(DomainCommand):
    help = (
        "Do in one process what a server needs before it starts: migrate the database, make the first signing key and, without"
        " DEBUG, collect the static files. Says whether there is an admin; makes the one"
        " of FIRST_ADMIN_EMAIL if there is none. `make run` calls it."
    )
    requires_system_checks = ()  # those of `migrate` follow

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        call_command("migrate", interactive=False, verbosity=0, skip_checks=False)
        create_signing_key(by=COMMAND, at=timezone.now(), unless_there_is_one=True)
        if not settings.DEBUG:
            call_command("collectstatic", interactive=False, verbosity=0)
        link = invite_first_admin(settings.FIRST_ADMIN_EMAIL, by=COMMAND, at=timezone.now())
        if link is not None:
            url = password_link_url(link)
            first_admin = {"username": link.admin.username, "link": url}
            words = f"Made the sysadmin {link.admin}. This link sets the password, once: {url}"
            return {"has_admin": True, "first_admin": first_admin}, [words]
        has_admin = Admin.objects.exists()
        return {"has_admin": has_admin}, ["There is an admin." if has_admin else "There is no admin yet."]
