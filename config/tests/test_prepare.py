"""`manage.py prepare`: what a server needs before it starts, in one process."""

import json
import sqlite3
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import call_command

from accounts.models import Admin
from config.tests.processes import manage
from licensing.models import SigningKey

pytestmark = pytest.mark.any_database


@pytest.mark.slow
def test_settings_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'new.sqlite3'}"
    refused = manage("prepare", DATABASE_URL=database, ALLOWED_HOSTS="*")
    assert refused.returncode == 1
    assert "portcullis.E004" in refused.stderr
    with sqlite3.connect(tmp_path / "new.sqlite3") as database_file:
        assert database_file.execute("SELECT * FROM sqlite_master").fetchall() == []


@pytest.mark.django_db
def test_it_makes_the_first_signing_key_only_and_says_whether_there_is_an_admin(
    django_user_model: type[Admin], capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("prepare", json=True)
    assert json.loads(capsys.readouterr().out) == {"has_admin": False}
    django_user_model.objects.create_user("anna", "anna@vendor.example", "correct horse battery staple")
    call_command("prepare", json=True)
    assert json.loads(capsys.readouterr().out) == {"has_admin": True}
    assert SigningKey.objects.count() == 1


@pytest.mark.django_db
def test_static_files_are_collected_unless_debugging(settings: LazySettings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path
    settings.DEBUG = True
    call_command("prepare", json=True)
    assert not list(tmp_path.iterdir())
    settings.DEBUG = False
    call_command("prepare", json=True)
    assert (tmp_path / "portcullis").is_dir()
