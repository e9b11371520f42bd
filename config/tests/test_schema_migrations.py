"""Migrations through the API are off unless the operator turns them on, and go forward only."""

from io import StringIO

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from config.schema_migrations.services import migration_state

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("method", "path"), [("get", "/api/migrate"), ("post", "/api/migrate/sites.0001_initial")])
def test_there_is_no_such_endpoint_by_default(api: APIClient, method: str, path: str) -> None:
    for client in (api, APIClient()):
        answer = getattr(client, method)(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_migrated_database_has_nothing_pending() -> None:
    state = migration_state()
    assert state.pending == []
    assert ("sites", "0001_initial") in {(migration.app, migration.name) for migration in state.applied}


def test_only_forward_undoes_no_later_migration() -> None:
    output = StringIO()
    call_command("migrate", "sites", "0001_initial", only_forward=True, stdout=output)
    assert "applied already" in output.getvalue()
    assert migration_state().pending == []
