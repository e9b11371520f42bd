"""Settings of the fleet: devices, their health and telemetry, firmware."""

from datetime import timedelta

from config import environment as env

MEBIBYTE = 1024 * 1024
# Batches of a thousand samples or periods.
LARGE_BODIES = {"health": 4 * MEBIBYTE, "telemetry": 4 * MEBIBYTE}


def kept(name: str, *, default: int, minimum: int) -> timedelta:
    """A number of days."""
    return timedelta(days=env.integer(name, default=default, minimum=minimum, maximum=36_500))


def body_limits() -> dict[str, int]:
    """Bytes by path, without a slash at its end."""
    return {f"/{prefix}/{path}": limit for path, limit in LARGE_BODIES.items() for prefix in ("api", "api/v1")}


def device_heartbeat_interval() -> timedelta:
    """DEVICE_HEARTBEAT_INTERVAL_SECONDS: the usual time from one heartbeat of a device to the next."""
    return timedelta(seconds=env.integer("DEVICE_HEARTBEAT_INTERVAL_SECONDS", default=30, minimum=1, maximum=86_400))
