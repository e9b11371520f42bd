from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    name = "fleet.telemetry"

    def ready(self) -> None:
        from fleet.telemetry.api import schema  # noqa: F401 - registers the description of a period
