"""How many devices report versions of firmware, and have them as their target.

A device reports a version without a product: devices of two products that have the same version cannot be told apart, unless
the firmware names its hardware.
"""

import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from django.db.models import Count

from fleet.devices.models import Device
from fleet.firmware.models import Firmware, FirmwareTarget


class Usage(NamedTuple):
    reporting: int
    targeted: int


def usage_of(versions: Sequence[Firmware]) -> dict[uuid.UUID, Usage]:
    """Of devices that are not retired, by the id of the firmware, in two statements."""
    reported: dict[str, Counter[str]] = defaultdict(Counter)
    rows = (
        Device.objects.live()
        .filter(pulse__firmware_version__in={firmware.version for firmware in versions})
        .order_by()
        .values_list("pulse__firmware_version", "hardware")
        .annotate(number=Count("pk"))
    )
    for version, hardware, number in rows:
        reported[version][hardware] += number
    targets = dict(
        FirmwareTarget.objects.filter(firmware__in=versions, device__retired_at=None)
        .order_by()
        .values_list("firmware")
        .annotate(number=Count("pk"))
    )
    return {
        firmware.pk: Usage(
            reported[firmware.version][firmware.hardware]
            if firmware.hardware is not None
            else reported[firmware.version].total(),
            targets.get(firmware.pk, 0),
        )
        for firmware in versions
    }


def reported_by_targeted(firmware: Firmware) -> list[tuple[str, int]]:
    """What the devices that have this firmware as their target report, most frequent first."""
    rows = (
        FirmwareTarget.objects.filter(firmware=firmware, device__retired_at=None)
        .order_by()
        .values_list("device__pulse__firmware_version")
        .annotate(number=Count("pk"))
    )
    return sorted(rows, key=lambda row: (-row[1], row[0]))
