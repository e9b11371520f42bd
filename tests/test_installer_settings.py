"""The installer refuses settings that contradict each other, and only warns of others."""

import subprocess
from pathlib import Path

import pytest

from tests.installation.script import put_program, run_functions
from tests.running_server import ROOT

pytestmark = pytest.mark.e2e

SETTINGS = """\
ALLOWED_HOSTS=licenses.example.com
HTTPS_ONLY=true
TRUSTED_PROXIES=127.0.0.1
SECRET_KEY=0123456789-abcdefghijklmnopqrstuvwxyz-0123456789
SITE_KEY_PEPPER=abcdefghijklmnopqrstuvwxyz-0123456789-abcdefghij
"""


def check_settings(folder: Path, monkeypatch: pytest.MonkeyPatch, more: str) -> subprocess.CompletedProcess[str]:
    for name in ("DEBUG", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    put_program(folder, "runuser", 'shift 3; exec "$@"')
    (folder / "settings/secrets").mkdir(parents=True)
    (folder / "settings/secrets/database_url").write_text(f"sqlite:///{folder}/portcullis.sqlite3\n")
    (folder / "settings/portcullis.env").write_text(SETTINGS + more)
    return run_functions(f"release={ROOT}; check_settings", folder)


@pytest.mark.parametrize(("before", "added"), [("", True), ("DOORBELL_URL=\n", False), ("#DOORBELL_URL=\n", False)])
def test_an_upgrade_adds_the_address_of_the_doorbell_once(tmp_path: Path, before: str, added: bool) -> None:
    settings = tmp_path / "settings/portcullis.env"
    settings.parent.mkdir()
    settings.write_text(SETTINGS + before)
    for _ in range(2):
        assert run_functions("host=licenses.example.com; announce_doorbell", tmp_path).returncode == 0
    lines = settings.read_text().removeprefix(SETTINGS + before).splitlines()
    assert [line for line in lines if not line.startswith("#")] == (
        ["DOORBELL_URL=https://licenses.example.com/doorbell"] if added else []
    )


def test_an_expired_security_txt_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more = "SECURITY_CONTACT=mailto:security@vendor.example\nSECURITY_TXT_EXPIRES=2020-01-01T00:00:00Z\n"
    checked = check_settings(tmp_path, monkeypatch, more)
    assert "portcullis.W001" in checked.stderr
    assert checked.returncode == 0


def test_https_without_a_proxy_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = check_settings(tmp_path, monkeypatch, "TRUSTED_PROXIES=\n")
    assert "portcullis.E003" in checked.stderr
    assert checked.returncode != 0


@pytest.mark.parametrize(("before", "added"), [("", True), ("S3_BUCKET=files\n", False), ("#MEDIA_ROOT=\n", False)])
def test_settings_of_a_release_without_files_of_sites_get_a_folder_that_stays(
    tmp_path: Path, before: str, added: bool
) -> None:
    settings = tmp_path / "settings/portcullis.env"
    settings.parent.mkdir()
    settings.write_text(SETTINGS + before)
    for _ in range(2):
        assert run_functions("announce_files", tmp_path).returncode == 0
    assert settings.read_text().count("\nMEDIA_ROOT=/var/lib/portcullis/files\n") == added


@pytest.mark.parametrize(
    ("before", "added"), [("", True), ("FIRMWARE_STORAGE=s3\n", False), ("#FIRMWARE_FOLDER=\n", False)]
)
def test_settings_of_a_release_without_firmware_get_a_folder_that_stays(
    tmp_path: Path, before: str, added: bool
) -> None:
    settings = tmp_path / "settings/portcullis.env"
    settings.parent.mkdir()
    settings.write_text(SETTINGS + before)
    for _ in range(2):
        assert run_functions("announce_firmware", tmp_path).returncode == 0
    lines = ["FIRMWARE_FOLDER=/var/lib/portcullis/firmware", "FIRMWARE_ACCEL_REDIRECT=/firmware-files/"]
    assert [line for line in settings.read_text().splitlines() if line in lines] == (lines if added else [])
