"""How many sites are in each state. Read from the database for each scrape, in three statements."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from prometheus_client.core import GaugeMetricFamily, Metric

from panel.dashboard.counts import count_each, status_counts
from sites.models import Site
from sites.querysets import licensed_at

ENDING_WITHIN = {"7d": timedelta(days=7), "30d": timedelta(days=30)}


def site_gauges(*, at: datetime) -> Iterator[Metric]:
    """Deregistered sites are in none of them."""
    status = status_counts(at=at)
    yield gauge("portcullis_sites", "Sites by the state of their heartbeats.", "status", status.by_status)
    if status.last_heartbeat_at:
        last = GaugeMetricFamily(
            "portcullis_last_heartbeat_timestamp_seconds", "When the last heartbeat of any site was received."
        )
        last.add_metric([], status.last_heartbeat_at.timestamp())
        yield last
    yield from license_gauges(total=sum(status.by_status.values()), at=at)


def license_gauges(*, total: int, at: datetime) -> Iterator[Metric]:
    live = Site.objects.live()
    numbers = count_each(
        {
            "locked": live.filter(is_locked=True),
            "inactive": live.filter(is_active=False),
            "expired": live.filter(is_active=True, license_expires_at__lte=at),
            **{
                within: live.filter(licensed_at(at), license_expires_at__lte=at + time)
                for within, time in ENDING_WITHIN.items()
            },
        }
    )
    expired, inactive = numbers["expired"], numbers["inactive"]
    by_license = {"licensed": total - expired - inactive, "expired": expired, "inactive": inactive}
    yield gauge("portcullis_sites_by_license", "Sites by the state of their licence.", "license", by_license)
    locked = GaugeMetricFamily("portcullis_sites_locked", "Sites that are locked, whatever their licence.")
    locked.add_metric([], numbers["locked"])
    yield locked
    ending = {within: numbers[within] for within in ENDING_WITHIN}
    yield gauge("portcullis_licenses_ending", "Licences that are valid and end within that time.", "within", ending)


def gauge(name: str, documentation: str, label: str, values: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(name, documentation, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family
