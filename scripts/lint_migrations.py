#!/usr/bin/env python3
"""Look for changes of the schema that the previous release would not survive, in the SQL that PostgreSQL gets.

    python -m scripts.lint_migrations

django-migration-linter reads the SQL of each migration. Not that of SQLite: there Django copies a table to change it, and the
linter takes every column of the copy for a new one. PostgreSQL is started, because Django asks it while it writes SQL.
"""

import logging
import os
import sys
import tempfile
from pathlib import Path

import django

from scripts.with_services import postgresql

# Only what has been released, each with its reason. A new migration is changed instead (docs/releases.md).
EXCEPTIONS = {
    "0002_event_hashes": "audit: its unique index leaves out the rows of older releases; building it stops changes",
    "0004_sitekey_by_pepper": "sites: building this index stops rotations of keys for a moment",
}


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="portcullis-") as folder, postgresql(Path(folder)) as (url, _):
        os.environ |= {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings"}
        django.setup()
        # Read after the settings, as the linter reads them.
        from django.apps import apps
        from django_migration_linter.migration_linter import MigrationLinter

        logging.getLogger("django_migration_linter").setLevel(logging.WARNING)
        root = Path.cwd()
        linter = MigrationLinter(
            include_apps=[
                app.label for app in apps.get_app_configs() if Path(app.path).parent in (root, *root.glob("*"))
            ],
            ignore_name=list(EXCEPTIONS),
            all_warnings_as_errors=True,
            quiet=["ok", "ignore"],
        )
        linter.lint_all_migrations()
    return 1 if linter.has_errors else 0


if __name__ == "__main__":
    sys.exit(main())
