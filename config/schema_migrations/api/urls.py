from django.conf import settings
from django.urls import URLPattern, re_path

from config.schema_migrations.api.views import ApplyMigrationView, MigrationsView


def migration_urls() -> list[URLPattern]:
    """None unless MIGRATE_OVER_HTTP is on: then there is no such endpoint, for anybody."""
    if not settings.MIGRATE_OVER_HTTP:
        return []
    return [
        re_path(r"^migrate/?$", MigrationsView.as_view(), name="migrations"),
        re_path(r"^migrate/(?P<app>[a-z_]+)\.(?P<name>[A-Za-z0-9_]+)/?$", ApplyMigrationView.as_view(), name="migrate"),
    ]
