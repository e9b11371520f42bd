"""The dashboard, the panel's first page: counts, attention items, charts, recent activity and system health."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from accounts.models import Admin, PersonalToken
from erasure.models import ErasureRequest
from erasure.services import PERMISSION
from fleet.devices.status import DeviceStatus
from heartbeat.hourly_counts import heartbeats_by_hour, oldest_heartbeat_at
from panel.account.pages import current_admin
from panel.dashboard.attention import attention_items
from panel.dashboard.charts import Chart, ChartValue
from panel.dashboard.counts import CHART_WEEKS, license_counts, status_counts
from panel.dashboard.first_steps import first_steps, is_new
from panel.dashboard.health import health_checks
from panel.dashboard.open_incidents import open_incidents
from panel.dashboard.recent_events import recent_lines
from panel.dashboard.waiting_requests import waiting_requests
from panel.fleet.devices.counts import DeviceCounts, device_counts
from panel.heartbeats.filters import received_query
from panel.sites.list.filters import EndingWeekFilter
from panel.sites.list.view_counts import keep_attention_count_of_many
from panel.widgets.badges import badge
from panel.widgets.weeks import week_words, weeks_from
from sites.status import SiteStatus

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Tile:
    """A count that links to the list of exactly these sites or devices; `state` and `label` as `badge` takes them."""

    state: str
    label: str
    count: int
    query: dict[str, str]
    page: str = "admin:sites_site_changelist"

    @property
    def badge(self) -> SafeString:
        # A count of zero is no alarm, so it has the state's shape without its colour.
        return badge(self.state if self.count else "none", self.label, shape_of=self.state)

    @property
    def url(self) -> str:
        return f"{reverse(self.page)}?{urlencode(self.query)}"

    @property
    def formatted_count(self) -> str:
        return f"{self.count:,}"


def dashboard_context(request: HttpRequest, *, at: datetime) -> dict[str, Any]:
    """The context of `admin/index.html`; a fixed number of statements (decisions/0029)."""
    by_status, last_heartbeat_at, ahead = status_counts(at=at)
    by_license = license_counts(at=at)
    site_count = sum(by_status.values())
    oldest_at = oldest_heartbeat_at()
    checks = health_checks(
        newest=last_heartbeat_at,
        oldest=oldest_at,
        sites_ahead=ahead,
        can_view_jobs=request.user.has_perm("jobs.view_job"),
        can_view_keys=request.user.has_perm("licensing.view_signingkey"),
        at=at,
    )
    attention = attention_items(at=at)
    keep_attention_count_of_many(attention.total, sites=site_count)
    return {
        "tiles": tiles(by_status, by_license),
        "device_tiles": device_tiles(device_counts()) if request.user.has_perm("devices.view_device") else [],
        "site_count": site_count,
        "formatted_site_count": f"{site_count:,}",
        "attention": attention,
        "open_incidents": open_incidents(),
        "charts": [heartbeat_chart(heartbeats_by_hour(at=at)), license_chart(by_license, at=at)],
        "recent_events": recent_lines(),
        "health_checks": checks,
        "has_health_problem": any(check.state == "bad" for check in checks),
        "zone": timezone.get_current_timezone_name(),
        "erasure_requests": open_erasure_requests(at=at) if request.user.has_perm(PERMISSION) else [],
        "waiting_requests": waiting_requests() if request.user.has_perm("accounts.view_accessrequest") else None,
        "ending_tokens": ending_tokens(current_admin(request), at=at),
        "can_register": request.user.has_perm("sites.add_site"),
        "first_steps": first_steps(
            current_admin(request), site_count=site_count, has_heartbeat=last_heartbeat_at is not None
        )
        if is_new(oldest_heartbeat_at=oldest_at, at=at)
        else [],
    }


def ending_tokens(owner: Admin, *, at: datetime) -> list[PersonalToken]:
    """One's own that end soon."""
    return list(PersonalToken.objects.filter(admin=owner).ending_soon(at=at).order_by("expires_at"))


def open_erasure_requests(*, at: datetime) -> list[ErasureRequest]:
    return list(ErasureRequest.open(at=at).select_related("site", "requested_by").order_by("expires_at"))


def tiles(by_status: dict[str, int], by_license: dict[str, int]) -> list[Tile]:
    statuses = (SiteStatus.ONLINE, SiteStatus.LATE, SiteStatus.OFFLINE, SiteStatus.NEVER_SEEN)
    return [
        *(Tile(status, str(status.label), by_status[status], {"status": status}) for status in statuses),
        Tile("locked", "locked", by_license["locked"], {"is_locked__exact": "1"}),
        Tile("expired", "expired or inactive", by_license["unlicensed"], {"licensed": "no"}),
        Tile("ending", "ending within 30 days", by_license["ending"], {"licensed": "ending"}),
    ]


def device_tiles(counts: DeviceCounts) -> list[Tile]:
    """None if there are no devices."""
    if not counts.total:
        return []
    statuses = (
        DeviceStatus.ONLINE,
        DeviceStatus.LATE,
        DeviceStatus.OFFLINE,
        DeviceStatus.STOPPED,
        DeviceStatus.NEVER_SEEN,
    )
    page = "admin:devices_device_changelist"
    return [
        Tile(status, str(status.label), counts.by_status[status], {"status": str(status)}, page) for status in statuses
    ]


def heartbeat_chart(hours: list[tuple[datetime, int]]) -> Chart:
    list_url, values = reverse("admin:heartbeat_heartbeat_changelist"), []
    for hour, number in hours:
        begin, end = timezone.localtime(hour), timezone.localtime(hour + HOUR)
        url = f"{list_url}?{received_query(begin, end)}"
        values.append(ChartValue(f"{begin:%H:%M}", f"{begin:%a %d %b, %H:%M} to {end:%H:%M}", number, url))
    return Chart(
        name="heartbeats",
        title="Heartbeats of the last 24 hours",
        summary=summary(values, ("heartbeat", "heartbeats"), "busiest hour"),
        nouns=("heartbeat", "heartbeats"),
        period_heading=f"Hour ({timezone.get_current_timezone_name()})",
        legend="heartbeats, by hour",
        running_legend="of the present hour, so far",
        values=values,
        labels_every=3,
    )


def license_chart(by_license: dict[str, int], *, at: datetime) -> Chart:
    list_url, values = reverse("admin:sites_site_changelist"), []
    for number, (begin, _) in enumerate(weeks_from(at, number=CHART_WEEKS)):
        url = f"{list_url}?{EndingWeekFilter.parameter_name}={begin.date().isoformat()}"
        values.append(ChartValue(f"{begin:%d %b}", week_words(begin), by_license[f"week-{number}"], url))
    return Chart(
        name="licences",
        title=f"Licences ending in the next {CHART_WEEKS} weeks",
        summary=summary(values, ("licence ends", "licences end"), "busiest week"),
        nouns=("licence", "licences"),
        period_heading="Week",
        legend="licences ending, by week",
        values=values,
        labels_every=2,
    )


def summary(values: list[ChartValue], one_and_many: tuple[str, str], busiest_words: str) -> str:
    """As in "121 heartbeats; busiest hour Sun 22 Nov, 14:00 to 15:00 (31)."."""
    one, many = one_and_many
    total = sum(value.number for value in values)
    if not total:
        return f"No {many}."
    busiest = max(values, key=lambda value: value.number)
    return f"{total:,} {one if total == 1 else many}; {busiest_words} {busiest.period} ({busiest.number:,})."
