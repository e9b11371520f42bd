from django.apps import AppConfig


class DeviceHeartbeatsConfig(AppConfig):
    name = "fleet.heartbeats"
    label = "device_heartbeats"  # `heartbeat` is the app of the sites' heartbeats
