from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts.services import invite_first_admin, password_link_url
from audit.actors import COMMAND
from common.commands import DomainCommand


class Command(DomainCommand):
    help = (
        "If there is no admin, make the sysadmin whom FIRST_ADMIN_EMAIL names, and print a link that sets their password once."
        " Otherwise do nothing. `prepare` and the container's `migrate` call it."
    )

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        link = invite_first_admin(settings.FIRST_ADMIN_EMAIL, by=COMMAND, at=timezone.now())
        if link is None:
            return {}, ["No admin was made."]
        url = password_link_url(link)
        return {"username": link.admin.username, "link": url}, [
            f"Made the sysadmin {link.admin}. This link sets the password, once, until {link.expires_at:%Y-%m-%d %H:%M %Z}:",
            url,
        ]
