import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.api_clients.postman import collection
from config.documentation import description


class Command(BaseCommand):
    help = "Print the requests of the API as a collection for Postman, Bruno, Insomnia or Hoppscotch (Postman's format v2.1)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--base-url",
            default=settings.PUBLIC_URL or "http://127.0.0.1:8000",
            help="The value of the variable base_url, by default the setting PUBLIC_URL.",
        )
        parser.add_argument("--output", metavar="FILE", help="Write the collection to a file.")

    def handle(self, *args: Any, base_url: str, output: str | None, **options: Any) -> None:
        text = json.dumps(collection(description(), base_url=base_url.rstrip("/")), ensure_ascii=False, indent=2)
        if output is None:
            self.stdout.write(text)
            return
        try:
            Path(output).write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise CommandError(f"Cannot write {output}: {error.strerror}") from error
