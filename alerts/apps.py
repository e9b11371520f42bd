from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "alerts"

    def ready(self) -> None:
        from alerts.api import schema  # noqa: F401 - registers the description of one's own settings
