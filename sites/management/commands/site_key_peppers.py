from typing import Any

from django.utils import timezone

from common.commands import DomainCommand
from sites.peppers import PepperUsage, pepper_usage


class Command(DomainCommand):
    help = "Count the sites' keys by the pepper that they were made with. A key moves to the current one at its next heartbeat."

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        usages = pepper_usage(at=timezone.now())
        return {"results": [usage._asdict() for usage in usages]}, [line(usage) for usage in usages]


def line(usage: PepperUsage) -> str:
    return f"{usage.pepper or '–':<8}  {usage.state.replace('_', ' '):<14}  {usage.keys} keys"
