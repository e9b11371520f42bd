from typing import Any

from django.core.management.commands import migrate
from django.db import connections

from config.migration_lock import one_migration_at_a_time


class Command(migrate.Command):
    """Django's command, one at a time: on several machines it may be started at the same moment."""

    def handle(self, *args: Any, **options: Any) -> None:
        if options["plan"] or options["check_unapplied"]:
            super().handle(*args, **options)
            return
        with one_migration_at_a_time(connections[options["database"]], on_wait=self.say_that_it_waits):
            super().handle(*args, **options)

    def say_that_it_waits(self) -> None:
        self.stderr.write("Another process migrates this database; waiting until it has ended.")
