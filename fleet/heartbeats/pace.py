"""When a device is told to call next: every DEVICE_HEARTBEAT_INTERVAL, up to 20 % earlier or later, less often under load.

The deviation is the same at each call of a device, so that devices that called at the same moment drift apart.
"""

import uuid
import zlib
from dataclasses import dataclass

from django.conf import settings

SPREAD = 0.2
LONGEST_SECONDS = 300
# If writing what was collected takes that long, devices are told to call that many times less often.
FACTORS = ((2.0, 8), (1.0, 4), (0.5, 2))


@dataclass
class Load:
    """How long the last write of this process took, or has failed by now, in seconds."""

    seconds: float = 0.0


load = Load()


def seconds_until_next_call(device_id: uuid.UUID) -> int:
    share = zlib.crc32(device_id.bytes) / 2**32
    usual = settings.DEVICE_HEARTBEAT_INTERVAL.total_seconds() * (1 + SPREAD * (2 * share - 1))
    factor = next((factor for seconds, factor in FACTORS if load.seconds >= seconds), 1)
    return max(1, round(usual if factor == 1 else max(usual, min(usual * factor, LONGEST_SECONDS))))
