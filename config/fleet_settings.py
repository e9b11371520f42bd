"""Settings of the fleet: devices, their health and telemetry, firmware."""

from datetime import timedelta

from config import environment as env


def device_heartbeat_interval() -> timedelta:
    """DEVICE_HEARTBEAT_INTERVAL_SECONDS: the usual time from one heartbeat of a device to the next."""
    return timedelta(seconds=env.integer("DEVICE_HEARTBEAT_INTERVAL_SECONDS", default=30, minimum=1, maximum=86_400))
