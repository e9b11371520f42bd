"""`/api/migrate`: which migrations are applied, and applying more. Only there with MIGRATE_OVER_HTTP."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.actor import ActorMixin
from common.api.fields import InstantField
from common.api.views import APIView
from common.instants import format_instant
from config.schema_migrations.services import migrate_to, migration_state


class PendingMigrationSerializer(serializers.Serializer[Any]):
    app = serializers.CharField()
    name = serializers.CharField()


class AppliedMigrationSerializer(PendingMigrationSerializer):
    applied_at = InstantField()


class MigrationStateSerializer(serializers.Serializer[Any]):
    applied = AppliedMigrationSerializer(many=True, help_text="In the order in which they were applied.")
    pending = PendingMigrationSerializer(many=True, help_text="In the order in which they will be applied.")


class MigrationRunSerializer(serializers.Serializer[Any]):
    applied = serializers.ListField(child=serializers.CharField(), help_text='As "app.name": applied by this request.')
    skipped = serializers.ListField(
        child=serializers.CharField(), help_text="Those up to the named one that had been applied before."
    )


class MigrationsView(APIView):
    required_permissions = {"get": "jobs.apply_migrations"}
    person_required = True
    problem_statuses = (400, 401, 403)

    @extend_schema(
        operation_id="list_migrations", summary="Migrations", tags=["service"], responses=MigrationStateSerializer
    )
    def get(self, request: Request) -> Response:
        """Which migrations of the database are applied, and which are not yet."""
        state = migration_state()
        return Response(
            {
                "applied": [
                    {"app": migration.app, "name": migration.name, "applied_at": format_instant(migration.applied_at)}
                    for migration in state.applied
                ],
                "pending": [{"app": app, "name": name} for app, name in state.pending],
            }
        )


class ApplyMigrationView(ActorMixin, APIView):
    required_permissions = {"post": "jobs.apply_migrations"}
    person_required = True
    problem_statuses = (400, 401, 403, 404, 409, 500)

    @extend_schema(
        operation_id="apply_migration",
        summary="Migrate the database",
        tags=["service"],
        request=None,
        responses=MigrationRunSerializer,
        parameters=[
            OpenApiParameter("app", str, OpenApiParameter.PATH, description="The app, such as `sites`."),
            OpenApiParameter("name", str, OpenApiParameter.PATH, description="The migration's full name."),
        ],
    )
    def post(self, request: Request, app: str, name: str) -> Response:
        """Apply a migration, and first those that it needs. No migration is undone.

        409 `migration_running` while another process migrates, 500 `migration_failed` with the migration and its error.
        A request whose connection is cut goes on; asking again tells how it went.
        """
        run = migrate_to(app, name, by=self.actor(), at=timezone.now())
        return Response({"applied": run.applied, "skipped": run.skipped})
