from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class PortcullisConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        # Django: checks are imported when the apps are ready.
        from config import checks  # noqa: F401


class PortcullisAdminConfig(AdminConfig):
    default_site = "panel.admin_site.PortcullisAdminSite"
