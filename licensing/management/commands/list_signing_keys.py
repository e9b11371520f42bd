from typing import Any

from common.commands import DomainCommand
from licensing.commands import line
from licensing.models import SigningKey
from licensing.representation import signing_key_representation


class Command(DomainCommand):
    help = "List the keys that sign leases, the oldest first, also those that are retired."

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        keys = list(SigningKey.objects.oldest_first())
        shown = {"count": len(keys), "results": [signing_key_representation(key) for key in keys]}
        return shown, [line(key) for key in keys] or ["There is no signing key: create one with create_signing_key."]
