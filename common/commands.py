"""The base of the management commands: output as JSON with `--json`, errors as one line."""

import json
from typing import Any

from django.core.checks import Tags
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError, ProgrammingError

from common.errors import DomainError

# The tag of the checks of settings, in config/checks.py.
SETTINGS = "settings"


class DomainCommand(BaseCommand):
    """Subclasses write `declare` and `run`; `run` returns what `--json` prints and the lines for a person.

    Before it runs, only the settings are checked. The other checks look at the code and load all pages for that, which takes a
    quarter of the time of a short command. `manage.py check` and the start of the server and of the worker have them.
    """

    requires_system_checks: tuple[str, ...] = (SETTINGS, Tags.security, Tags.caches, Tags.files)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the API's representation, for scripts")
        self.declare(parser)

    def declare(self, parser: CommandParser) -> None:
        pass

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            representation, lines = self.run(options)
        except DomainError as error:
            raise CommandError(error.detail) from error
        except ValidationError as error:
            raise CommandError(validation_line(error)) from error
        except (OperationalError, InterfaceError) as error:
            raise CommandError(f"The database does not answer: {first_line(error)}") from error
        except ProgrammingError as error:
            raise CommandError(f"The database lacks tables, run `manage.py migrate`: {first_line(error)}") from error
        self.stdout.write(json.dumps(representation) if options["json"] else "\n".join(lines))


def first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def validation_line(error: ValidationError) -> str:
    """As in "--name: This field may not be blank."; the error is of a dictionary, `{option: problems}`."""
    return "; ".join(
        f"--{name.replace('_', '-')}: {message}"
        for name, messages in error.message_dict.items()
        for message in messages
    )
