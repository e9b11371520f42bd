"""How many devices there are in each status, as the job noted them last: one statement."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Count, Value

from fleet.devices.models import Device
from fleet.devices.status import DeviceStatus
from fleet.heartbeats.models import DeviceLastStatus
from sites.models import Site


@dataclass(frozen=True)
class DeviceCounts:
    """Of devices that are not retired, at sites that are not deregistered. A new device counts after a few seconds."""

    by_status: dict[str, int]
    clone_suspected: int  # among those that are neither offline nor late

    @property
    def total(self) -> int:
        return sum(self.by_status.values())

    @property
    def needing_attention(self) -> int:
        overdue = self.by_status[DeviceStatus.OFFLINE] + self.by_status[DeviceStatus.LATE]
        return overdue + self.clone_suspected


def device_counts() -> DeviceCounts:
    """One statement. Subtracting the few that are gone is cheaper than joining each row with its device and its site.

    Retired devices of former sites count as devices of former sites, because an index has those of a site whether retired or
    not; otherwise PostgreSQL would read all devices.
    """
    rows = DeviceLastStatus.objects.order_by()
    retired = Device.objects.of_live_sites().filter(retired_at__isnull=False)
    of_former_sites = Device.objects.filter(site__in=Site.objects.deregistered())
    suspected = Device.objects.live().of_live_sites().filter(clone_suspected_at__isnull=False)
    overdue = (DeviceStatus.OFFLINE, DeviceStatus.LATE)
    parts = {
        "every": rows,
        "retired": rows.filter(device__in=retired),
        "of_former_sites": rows.filter(device__in=of_former_sites),
        "clones": rows.filter(device__in=suspected).exclude(status__in=overdue),
    }
    first, *others = (
        part.annotate(part=Value(name)).values("part", "status").annotate(number=Count("*"))
        for name, part in parts.items()
    )
    numbers: dict[str, Counter[str]] = {name: Counter() for name in parts}
    for row in first.union(*others, all=True):
        numbers[row["part"]][row["status"]] = row["number"]
    present = {
        str(status): numbers["every"][status] - numbers["retired"][status] - numbers["of_former_sites"][status]
        for status in DeviceStatus.values
    }
    return DeviceCounts(present, clone_suspected=numbers["clones"].total())
