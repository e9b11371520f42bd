"""The devices of a location, on the page of the site."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.db.models import Case, Count, Value, When
from django.urls import reverse
from django.utils.safestring import SafeString

from fleet.devices.models import Device, EnrolmentCode
from fleet.devices.status import DeviceStatus
from panel.fleet.devices.badges import device_badges
from panel.widgets.badges import badge
from sites.models import Site
from sites.querysets import Alphabetical

MAX_DEVICES = 10
MAX_CODES = 20
WORST_FIRST = (
    DeviceStatus.OFFLINE,
    DeviceStatus.LATE,
    DeviceStatus.NEVER_SEEN,
    DeviceStatus.STOPPED,
    DeviceStatus.ONLINE,
)


class StatusCount(NamedTuple):
    badge: SafeString
    url: str


class DeviceRow(NamedTuple):
    device: Any
    badges: list[SafeString]


@dataclass(frozen=True)
class SiteDevices:
    """`devices` are the worst ones; `codes` those that can be used, for people who may revoke them."""

    counts: Sequence[StatusCount]
    devices: Sequence[DeviceRow]
    total: int
    list_url: str
    codes: Sequence[EnrolmentCode]
    can_add: bool


def site_devices(site: Site, has_permission: Callable[[str], bool], *, at: datetime) -> SiteDevices | None:
    """None if there is nothing to show. By their status at this moment: a location has few. Three statements at most."""
    can_add = has_permission("devices.add_enrolmentcode") and site.deregistered_at is None
    if not has_permission("devices.view_device"):
        return None
    devices = Device.objects.live().of_site(site.pk).with_status(at=at)
    by_status = dict(devices.order_by().values_list("status").annotate(number=Count("pk")))
    if not by_status and not can_add:
        return None
    worst_status, *others = (
        When(status=status, then=Value(position)) for position, status in enumerate(WORST_FIRST, start=1)
    )
    clone = When(clone_suspected_at__isnull=False, then=Value(2))  # with those that are late
    rank = Case(worst_status, clone, *others)
    worst: Any = devices.select_related("pulse").order_by(rank, Alphabetical("name"), "pk") if by_status else []
    codes: Any = EnrolmentCode.objects.usable(at=at).filter(site=site).order_by("expires_at", "pk") if can_add else []
    return SiteDevices(
        counts=[status_count(site, status, by_status[status]) for status in WORST_FIRST if status in by_status],
        devices=[DeviceRow(device, device_badges(device)) for device in worst[:MAX_DEVICES]],
        total=sum(by_status.values()),
        list_url=list_url(site),
        codes=list(codes[:MAX_CODES]),
        can_add=can_add,
    )


def status_count(site: Site, status: DeviceStatus, number: int) -> StatusCount:
    return StatusCount(badge(status, f"{number:,} {status.label}"), list_url(site, status=str(status)))


def list_url(site: Site, **filters: str) -> str:
    return f"{reverse('admin:devices_device_changelist')}?{urlencode({'site': site.pk, **filters})}"
