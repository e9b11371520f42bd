"""What the list of devices is asked for: conditions, a text, an order."""

from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q

from fleet.devices.models import Device
from fleet.devices.querysets import DeviceQuerySet
from panel.widgets.column_list import TRIAGE


@dataclass(frozen=True)
class DeviceQuery:
    """`condition` is on a Device."""

    at: datetime
    condition: Q = field(default_factory=Q)
    text: str = ""
    order: str = TRIAGE
    descending: bool = False

    def matching_devices(self) -> DeviceQuerySet:
        live: DeviceQuerySet = Device.objects.live()
        devices = live.of_live_sites().filter(self.condition)
        return devices.matching(self.text) if self.text else devices
