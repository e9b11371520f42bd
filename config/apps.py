from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class PortcullisConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        from config import checks  # noqa: F401 - registers the checks


class PortcullisAdminConfig(AdminConfig):
    default_site = "panel.admin_site.PortcullisAdminSite"
