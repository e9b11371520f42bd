from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.utils import timezone

from common.commands import DomainCommand
from common.errors import InvalidInput
from fleet.telemetry.partitions import PERIODS, SAMPLES, can_change, drop_old_days
from fleet.telemetry.prune import make_day_partitions

DAYS_AHEAD = 40


class Command(DomainCommand):
    help = (
        "Make the partitions of the coming days for health samples and telemetry periods, and drop the days that are too old "
        "(PostgreSQL only). The worker does the same if its role owns the tables."
    )

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--days-ahead",
            type=int,
            default=DAYS_AHEAD,
            help=f"{DAYS_AHEAD} unless said otherwise, which suits a monthly run",
        )

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        ahead = options["days_ahead"]
        if not 0 <= ahead <= 400:
            raise InvalidInput("--days-ahead must be 0 to 400.")
        if not (can_change(SAMPLES) and can_change(PERIODS)):
            raise InvalidInput("Only PostgreSQL has partitions, and only the owner of the tables can change them.")
        at = timezone.now()
        made = make_day_partitions(at=at, ahead=ahead) or {}
        dropped = {
            "sample_partitions": drop_old_days(SAMPLES, before=at - settings.HEALTH_SAMPLES_KEPT),
            "period_partitions": drop_old_days(PERIODS, before=at - settings.TELEMETRY_PERIODS_KEPT),
        }
        return {"made": made, "dropped": dropped}, [
            f"Made {sum(made.values())} partitions, dropped {sum(dropped.values())}.",
        ]
