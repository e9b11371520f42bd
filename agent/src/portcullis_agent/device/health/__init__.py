"""The state of the machine: processor, memory, temperature, disk."""

from portcullis_agent.device.health.machine import read_disk
from portcullis_agent.device.health.sources import HealthSource, find_source

__all__ = ["HealthSource", "find_source", "read_disk"]
