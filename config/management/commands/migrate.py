from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from config.migration_lock import one_migration_at_a_time

# EX_TEMPFAIL of sysexits.h.
ANOTHER_RUNS = 75


class Command(migrate.Command):
    """Django's command, one at a time: on several machines it may be started at the same moment."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--no-wait", action="store_true", help=f"exit with {ANOTHER_RUNS} if another process migrates this database"
        )
        parser.add_argument(
            "--only-forward",
            action="store_true",
            help="if the named migration is applied, do nothing: undo no later one",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["plan"] or options["check_unapplied"]:
            super().handle(*args, **options)
            return
        connection = connections[options["database"]]
        on_wait = self.refuse if options["no_wait"] else self.say_that_it_waits
        with one_migration_at_a_time(connection, on_wait=on_wait):
            target = (options["app_label"], options["migration_name"])
            if options["only_forward"] and target in MigrationRecorder(connection).applied_migrations():
                self.stdout.write("  It is applied already.")
                return
            super().handle(*args, **options)

    def say_that_it_waits(self) -> None:
        self.stderr.write("Another process migrates this database; waiting until it has ended.")

    def refuse(self) -> None:
        raise CommandError("Another process migrates this database.", returncode=ANOTHER_RUNS)
