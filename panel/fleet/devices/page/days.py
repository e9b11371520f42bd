"""The heartbeats of a device by day (UTC) as a chart."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fleet.heartbeats.models import HeartbeatDay
from panel.dashboard.charts import Chart, ChartValue

DAYS = 30


def heartbeats_by_day(device: Any, *, at: datetime) -> Chart:
    """The last 30 days. One statement. Each bar leads to its row in the table."""
    today = at.astimezone(UTC).date()
    first = today - timedelta(days=DAYS - 1)
    counted = HeartbeatDay.objects.filter(device=device.pk, day__gte=first).values_list("day", "heartbeats")
    numbers = dict(counted)
    if device.pulse.day is not None:
        numbers[device.pulse.day] = numbers.get(device.pulse.day, 0) + device.pulse.day_heartbeats
    days = [first + timedelta(days=number) for number in range(DAYS)]
    values = [
        ChartValue(f"{day:%d %b}", f"{day:%a %d %b %Y}", numbers.get(day, 0), f"#heartbeats-{day.isoformat()}")
        for day in days
    ]
    total = sum(value.number for value in values)
    return Chart(
        name="heartbeats",
        title=f"Heartbeats of the last {DAYS} days",
        summary=f"{total:,} heartbeat{'' if total == 1 else 's'}." if total else "No heartbeats.",
        nouns=("heartbeat", "heartbeats"),
        period_heading="Day (UTC)",
        legend="heartbeats, by day",
        running_legend="of today, so far",
        values=values,
        labels_every=5,
    )
