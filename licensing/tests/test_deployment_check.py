"""`check --deploy` warns while no lease can be signed."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks

from audit.actors import COMMAND
from config.tests.processes import manage
from licensing.services import create_signing_key


def warnings() -> set[str]:
    found = run_checks(include_deployment_checks=True)
    return {warning.id for warning in found if warning.id} & {"portcullis.W002", "portcullis.W003"}


@pytest.mark.django_db
def test_without_a_signing_key_and_with_one(settings: Any) -> None:
    assert warnings() == {"portcullis.W002"}
    create_signing_key(by=COMMAND, at=datetime.now(UTC))
    assert warnings() == set()
    settings.LEASE_KEY_SECRETS = ["0123456789abcdef" * 3]
    assert warnings() == {"portcullis.W003"}


@pytest.mark.slow
@pytest.mark.any_database
def test_of_a_database_that_is_not_there_nothing_is_said_and_none_is_made(tmp_path: Path) -> None:
    file = tmp_path / "new.sqlite3"
    for url in (f"sqlite:///{file}", "postgres://nobody@127.0.0.1:9/nothing"):
        checked = manage("check", "--deploy", DATABASE_URL=url)
        assert checked.returncode == 0, checked.stderr
        assert "portcullis.W00" not in checked.stderr
    assert not file.exists()


@pytest.mark.slow
@pytest.mark.any_database
def test_of_a_database_that_is_not_migrated_nothing_is_said(tmp_path: Path) -> None:
    file = tmp_path / "empty.sqlite3"
    file.touch()
    assert "portcullis.W00" not in manage("check", "--deploy", DATABASE_URL=f"sqlite:///{file}").stderr
