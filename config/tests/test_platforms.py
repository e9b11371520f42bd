"""What platforms set: IS_PRODUCTION, host names and ports, and disks that do not last."""

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from backup.models import LastBackup
from config import platform_settings
from config.lost_files import files_outlive_a_release
from config.tests.processes import COMPLETE, manage, refused_settings, setting

RENDER = {"RENDER": "true", "RENDER_EXTERNAL_HOSTNAME": "portcullis-web.onrender.com"}
HEROKU = {"DYNO": "web.1", "HEROKU_APP_DEFAULT_DOMAIN_NAME": "portcullis-0123456789ab.herokuapp.com"}
VARIABLES = ("IS_PRODUCTION", "DEBUG", "BIND", "PORT", *platform_settings.PLATFORMS, *platform_settings.HOST_NAMES)


@pytest.fixture(autouse=True)
def _no_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def set_all(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


# --- The kind of server ---


@pytest.mark.parametrize(
    ("variables", "is_production", "debug"),
    [
        ({}, False, False),
        ({"DEBUG": "true"}, False, True),
        ({"IS_PRODUCTION": "true"}, True, False),
        ({"IS_PRODUCTION": "true", "DEBUG": "false"}, True, False),
        ({"IS_PRODUCTION": "false"}, False, True),
        ({"IS_PRODUCTION": "false", "DEBUG": "false"}, False, False),
        (RENDER, True, False),
        ({**RENDER, "IS_PRODUCTION": "false"}, False, True),
        ({**RENDER, "DEBUG": "true"}, False, True),
        ({"FLY_APP_NAME": "portcullis"}, True, False),
        ({"K_SERVICE": "portcullis"}, True, False),
        ({"RAILWAY_PROJECT_ID": "1"}, True, False),
        (HEROKU, True, False),
    ],
)
def test_what_a_server_is(
    variables: dict[str, str], is_production: bool, debug: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_all(monkeypatch, variables)
    assert platform_settings.kind_of_server() == (is_production, debug)


def test_production_and_debug_contradict_each_other_in_one_sentence() -> None:
    assert refused_settings(IS_PRODUCTION="true", DEBUG="false") == ""
    said = "IS_PRODUCTION=true contradicts DEBUG=true: leave out one of the two."
    assert refused_settings(IS_PRODUCTION="true", DEBUG="true") == said
    assert refused_settings(IS_PRODUCTION="perhaps").startswith("IS_PRODUCTION must be true or false")


@pytest.mark.slow
def test_the_contradiction_is_one_line_of_the_start() -> None:
    finished = manage("check", IS_PRODUCTION="true", DEBUG="true")
    assert finished.returncode != 0
    [line] = finished.stderr.strip().splitlines()
    assert line.startswith("Portcullis cannot start: IS_PRODUCTION=true contradicts DEBUG=true")


@pytest.mark.parametrize("name", ["SECRET_KEY", "SITE_KEY_PEPPER"])
@pytest.mark.parametrize("value", [None, "change-me-" + "0123456789" * 4])
def test_production_insists_on_real_secrets(name: str, value: str | None) -> None:
    assert name in refused_settings(IS_PRODUCTION="true", **{name: value})


# --- Host names and ports ---


@pytest.mark.parametrize(
    ("variables", "hosts"),
    [
        (RENDER, ["portcullis-web.onrender.com"]),
        (HEROKU, ["portcullis-0123456789ab.herokuapp.com"]),
        ({"FLY_APP_NAME": "portcullis"}, ["portcullis.fly.dev"]),
        ({"RAILWAY_PUBLIC_DOMAIN": "web-production-1a2b.up.railway.app"}, ["web-production-1a2b.up.railway.app"]),
        ({**RENDER, "ALLOWED_HOSTS": "licenses.example.com"}, ["licenses.example.com"]),
    ],
)
def test_without_allowed_hosts_the_platforms_name_is_taken(
    variables: dict[str, str], hosts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", "")
    set_all(monkeypatch, variables)
    assert platform_settings.allowed_hosts(debug=False) == hosts


def test_a_platform_without_a_name_needs_allowed_hosts() -> None:
    assert refused_settings(K_SERVICE="portcullis") == ""
    assert refused_settings(K_SERVICE="portcullis", ALLOWED_HOSTS=None).startswith("Set ALLOWED_HOSTS")


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({}, "127.0.0.1:8000"),
        ({"BIND": "10.0.0.1:8100"}, "10.0.0.1:8100"),
        ({"BIND": "10.0.0.1:8100", "PORT": "9000"}, "10.0.0.1:9000"),
        ({"BIND": "[::]:8100", "PORT": "9000"}, "[::]:9000"),
        ({"BIND": "unix:/run/portcullis.sock", "PORT": "9000"}, "unix:/run/portcullis.sock"),
        ({"PORT": "9000"}, "127.0.0.1:9000"),
        ({"PORT": "9000", "IS_PRODUCTION": "true"}, "0.0.0.0:9000"),
        ({"PORT": "9000", **RENDER}, "0.0.0.0:9000"),
    ],
)
def test_where_the_server_listens(variables: dict[str, str], address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, variables)
    assert platform_settings.bind() == address


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1", "80.5"])
def test_a_port_that_is_none_is_refused(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", port)
    with pytest.raises(ImproperlyConfigured, match="PORT must be a whole number"):
        platform_settings.bind()


# --- Disks that do not last ---


@pytest.fixture
def project(settings: Any, tmp_path: Path, db: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of code in production, with everything that is stored elsewhere than in files."""
    settings.BASE_DIR = tmp_path / "project"
    settings.BASE_DIR.mkdir()
    settings.IS_PRODUCTION = True
    monkeypatch.setitem(settings.DATABASES, "default", {"ENGINE": "config.postgresql", "NAME": "portcullis"})
    settings.FIRMWARE_STORAGE = "s3"
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": "storages.backends.s3.S3Storage"}}
    settings.BACKUP_FOLDER = settings.BASE_DIR / "var/backups"
    return Path(settings.BASE_DIR)


def warned_of() -> str:
    """The text and the hint of the warning; empty without one."""
    return " ".join(f"{each.id} {each.msg} {each.hint}" for each in files_outlive_a_release())


def test_nothing_is_lost_if_nothing_is_kept_in_files(project: Path) -> None:
    assert warned_of() == ""


def test_a_database_in_the_projects_folder_is_named_with_a_remedy(
    project: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        settings.DATABASES, "default", {"ENGINE": "config.sqlite3", "NAME": str(project / "var/x.sqlite3")}
    )
    said = warned_of()
    assert said.startswith(f"portcullis.W004 The next release will lose: the database in {project}/var/x.sqlite3.")
    assert "for the database set DATABASE_URL to one of PostgreSQL" in said
    settings.IS_PRODUCTION = False
    assert warned_of() == ""


def test_firmware_and_files_of_sites_are_named(project: Path, settings: Any) -> None:
    settings.FIRMWARE_STORAGE, settings.FIRMWARE_FOLDER = "folder", project / "var/firmware"
    settings.STORAGES = {**settings.STORAGES, "default": {"OPTIONS": {"location": project / "var/files"}}}
    said = warned_of()
    assert f"firmware in {project}/var/firmware; files of sites in {project}/var/files" in said
    assert "for firmware set FIRMWARE_STORAGE=s3; for files of sites set S3_BUCKET" in said


def test_backups_are_named_once_one_was_made(project: Path) -> None:
    assert warned_of() == ""
    LastBackup.objects.create(made_at=timezone.now(), file="x.zip", size_bytes=1, duration_ms=1)
    assert f"backups in {project}/var/backups" in warned_of()


def test_another_folder_of_the_same_disk_lasts_on_a_machine_and_not_on_a_platform(
    project: Path, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FIRMWARE_STORAGE, settings.FIRMWARE_FOLDER = "folder", tmp_path / "lib/firmware"
    assert warned_of() == ""
    monkeypatch.setenv("RENDER", "true")
    assert "firmware in" in warned_of()


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="needs a second file system: /dev/shm")
def test_a_mounted_volume_lasts(project: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RENDER", "true")
    settings.FIRMWARE_STORAGE, settings.FIRMWARE_FOLDER = "folder", Path("/dev/shm/portcullis/firmware")
    assert warned_of() == ""


def test_a_link_to_a_folder_of_the_project_does_not_hide_it(project: Path, settings: Any, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(project)
    settings.FIRMWARE_STORAGE, settings.FIRMWARE_FOLDER = "folder", tmp_path / "link/firmware"
    assert "firmware in" in warned_of()


@pytest.mark.slow
def test_the_check_before_a_start_on_a_platform_warns_and_does_not_fail() -> None:
    finished = manage("check", "--deploy", "--fail-level", "ERROR", **RENDER)
    assert finished.returncode == 0, finished.stderr
    assert "(portcullis.W004) The next release will lose: the database in" in finished.stderr
    assert manage("check", "--deploy", "--fail-level", "WARNING").returncode == 0, "the same without a platform"


def test_other_programs_read_the_same_setting() -> None:
    assert setting("settings.IS_PRODUCTION, settings.DEBUG", **RENDER) == "True False"
    assert COMPLETE["ALLOWED_HOSTS"] == setting("settings.ALLOWED_HOSTS[0]", **RENDER)
