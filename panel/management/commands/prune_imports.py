from typing import Any

from django.utils import timezone

from common.commands import DomainCommand
from panel.transfer.imports import KEPT_FOR, prune_imports


class Command(DomainCommand):
    help = "Delete uploaded files of sites that nobody applied within a day. Every new upload does so, too."

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        deleted = prune_imports(created_before=timezone.now() - KEPT_FOR)
        return {"site_imports": deleted}, [f"Deleted {deleted} uploaded files."]
