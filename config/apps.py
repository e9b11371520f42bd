from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin.apps import AdminConfig

from common.jobs.registry import register_jobs


class PortcullisConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        # Django: checks, and what imports models, are imported when the apps are ready.
        from config import checks, jobs, lost_files  # noqa: F401

        register_jobs(jobs.JOBS)

        if settings.SENTRY_DSN:
            # sentry_sdk: it costs each process memory and time, so only those that report load it.
            from config import sentry

            sentry.start(settings.SENTRY_DSN, version=settings.VERSION, environment=settings.SENTRY_ENVIRONMENT)


class PortcullisAdminConfig(AdminConfig):
    default_site = "panel.admin_site.PortcullisAdminSite"
