"""In place of Django's command of this name, which changes the password without an event."""

import getpass
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.models import Admin
from accounts.services import reset_password
from audit.actors import COMMAND
from common.errors import DomainError


class Command(BaseCommand):
    help = "Set an admin's password and sign them out everywhere."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> str:
        username = options["username"]
        try:
            admin = Admin.objects.get_by_natural_key(username)
        except Admin.DoesNotExist as error:
            raise CommandError(f"There is no admin named {username}.") from error
        self.stdout.write(f"Changing the password of {admin}")
        password = getpass.getpass("Password: ")
        if password != getpass.getpass("Password (again): "):
            raise CommandError("The passwords do not match.")
        try:
            validate_password(password, admin)
            reset_password(admin.pk, password, by=COMMAND, at=timezone.now(), must_change=False)
        except ValidationError as error:
            raise CommandError("\n".join(error.messages)) from error
        except DomainError as error:
            raise CommandError(error.detail) from error
        return f"Password of {admin} changed. Signed out everywhere."
