#!/usr/bin/env python3
"""Entry point for management commands."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # The limits that protect the web processes would cut a migration or a pruning run in half.
    os.environ["DATABASE_PATIENCE"] = "unlimited"
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Portcullis cannot start: {error}")


if __name__ == "__main__":
    main()
