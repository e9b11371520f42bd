"""Starting in production: what is missing is said in one sentence, and nothing starts without it."""

import sys
from pathlib import Path

import pytest
from django.core.checks.registry import registry

from common.commands import SETTINGS
from config.tests.processes import COMPLETE, manage, refused_settings, run, setting

pytestmark = pytest.mark.slow  # many start a process

WEAK = "too short"
PEPPER = COMPLETE["SITE_KEY_PEPPER"]


def test_three_variables_are_all_that_production_must_set() -> None:
    finished = manage("check", "--fail-level", "WARNING", DATABASE_URL=None)
    assert (finished.returncode, finished.stderr) == (0, ""), finished.stderr
    assert manage("check", "--deploy", "--fail-level", "WARNING").returncode == 0


def test_what_is_missing_is_said_in_one_line() -> None:
    finished = manage("check", SECRET_KEY=None)
    assert finished.returncode != 0
    [line] = finished.stderr.strip().splitlines()
    assert line.startswith("Portcullis cannot start: Set SECRET_KEY")


@pytest.mark.parametrize("name", ["SECRET_KEY", "SITE_KEY_PEPPER", "ALLOWED_HOSTS"])
@pytest.mark.parametrize("value", [None, ""], ids=["missing", "empty"])
def test_what_is_missing_is_named(name: str, value: str | None) -> None:
    [line] = refused_settings(**{name: value}).splitlines()
    assert line.startswith(f"Set {name}")


def test_a_complete_environment_is_not_refused() -> None:
    assert refused_settings() == ""


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"SECRET_KEY": WEAK}, "SECRET_KEY is too weak"),
        ({"SITE_KEY_PEPPER": WEAK}, "SITE_KEY_PEPPER is too weak"),
        ({"JWT_SIGNING_KEY": WEAK}, "JWT_SIGNING_KEY is too weak"),
        ({"METRICS_TOKEN": WEAK}, "METRICS_TOKEN is too weak"),
        ({"SENTRY_DSN": "sentry.example.com"}, "SENTRY_DSN must look like https://"),
        ({"TWO_FACTOR_KEY": f"{COMPLETE['SECRET_KEY']},{WEAK}"}, "TWO_FACTOR_KEY is too weak"),
        ({"LEASE_KEY_SECRET": f"{COMPLETE['SECRET_KEY']},{WEAK}"}, "LEASE_KEY_SECRET is too weak"),
        ({"LEASE_KEY_FILE": "keys.json"}, "LEASE_KEY_FILE must be an absolute path"),
        ({"LEASE_DAYS": "0"}, "LEASE_DAYS must be a whole number from 1 to 366"),
        ({"LEASE_STOP_ON": "locked,late"}, "LEASE_STOP_ON takes one or more of locked, expired and lapsed"),
        ({"LEASE_STOP_ON": "locked,locked"}, "LEASE_STOP_ON takes one or more of locked, expired and lapsed"),
        ({"SITE_KEY_PEPPER": f"{PEPPER},{WEAK}"}, "SITE_KEY_PEPPER is too weak: each of its values"),
        ({"SITE_KEY_PEPPER": f"{PEPPER}, {PEPPER}"}, "SITE_KEY_PEPPER has the same value twice"),
        ({"SITE_KEY_PEPPER": f"{PEPPER},{COMPLETE['SECRET_KEY']}"}, "SITE_KEY_PEPPER must differ from SECRET_KEY"),
        ({"SITE_KEY_PEPPER": COMPLETE["SECRET_KEY"]}, "SITE_KEY_PEPPER must differ from SECRET_KEY"),
        ({"DEBUG": "maybe"}, "DEBUG must be true or false"),
        ({"HTTPS_ONLY": "perhaps"}, "HTTPS_ONLY must be true or false"),
        ({"TRUSTED_PROXIES": "proxy"}, "TRUSTED_PROXIES"),
        ({"DATABASE_URL": "mysql://x/y"}, "DATABASE_URL must begin with"),
        ({"DATABASE_URL": "junk"}, "DATABASE_URL must look like"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL must be"),
        ({"HEARTBEAT_INTERVAL_SECONDS": "-5"}, "HEARTBEAT_INTERVAL_SECONDS must be a whole number"),
        ({"FIRMWARE_STORAGE": "ftp"}, "FIRMWARE_STORAGE must be one of folder, s3"),
        ({"FIRMWARE_STORAGE": "s3"}, "Set FIRMWARE_S3_BUCKET"),
        (
            {"FIRMWARE_STORAGE": "s3", "FIRMWARE_S3_BUCKET": "b", "FIRMWARE_S3_ACCESS_KEY": "k"},
            "Set both FIRMWARE_S3_ACCESS_KEY and FIRMWARE_S3_SECRET_KEY",
        ),
        (
            {"FIRMWARE_STORAGE": "s3", "FIRMWARE_S3_BUCKET": "b", "FIRMWARE_S3_ENDPOINT": "s3.example.com"},
            "FIRMWARE_S3_ENDPOINT must look like",
        ),
        ({"FIRMWARE_ACCEL_REDIRECT": "files"}, "FIRMWARE_ACCEL_REDIRECT must look like"),
        ({"FIRMWARE_MAX_BYTES": "512M"}, "FIRMWARE_MAX_BYTES must be a whole number"),
        ({"S3_ENDPOINT_URL": "https://s3.example.com"}, "Set S3_BUCKET too"),
        ({"S3_BUCKET": "b", "S3_ACCESS_KEY_ID": "k"}, "Set both S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY"),
        ({"S3_BUCKET": "b", "S3_ENDPOINT_URL": "s3.example.com"}, "S3_ENDPOINT_URL must look like"),
        ({"FILE_SCAN_COMMAND": "clamdscan '"}, "FILE_SCAN_COMMAND cannot be read"),
        ({"SECRET_KEY": None, "SECRET_KEY_FILE": "/nowhere/secret"}, "SECRET_KEY_FILE names /nowhere/secret"),
        ({"SECRET_KEY_FILE": "/nowhere/secret"}, "Set either SECRET_KEY or SECRET_KEY_FILE, not both"),
    ],
)
def test_what_cannot_be_meant_is_named_in_one_line(environment: dict[str, str | None], said: str) -> None:
    [line] = refused_settings(**environment).splitlines()
    assert said in line
    assert WEAK not in line


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"HEARTBEAT_HISTORY_DAYS": "1", "HEARTBEAT_INTERVAL_SECONDS": "604800"}, "portcullis.E001"),
        ({"REFRESH_TOKEN_SECONDS": "60"}, "portcullis.E002"),
        ({"ALLOWED_HOSTS": "*"}, "portcullis.E004"),
        ({"ALLOWED_HOSTS": "licenses.example.com,*"}, "portcullis.E004"),
        (
            {"FIRMWARE_STORAGE": "s3", "FIRMWARE_S3_BUCKET": "b", "FIRMWARE_ACCEL_REDIRECT": "/files/"},
            "portcullis.E010",
        ),
        ({"FIRMWARE_FOLDER": "static/firmware"}, "portcullis.E011"),
        ({"MEDIA_ROOT": "static/files"}, "portcullis.E021"),
        ({"PATH_PREFIX": "/licences", "PUBLIC_URL": "https://vendor.example"}, "portcullis.E020"),
        ({"FIRMWARE_FOLDER": "var/../staticfiles"}, "portcullis.E011"),
    ],
)
def test_settings_that_contradict_each_other_fail_the_check(environment: dict[str, str], said: str) -> None:
    finished = manage("check", **environment)
    assert finished.returncode == 1
    assert said in finished.stderr


def test_a_command_checks_the_settings_before_it_runs() -> None:
    finished = manage("list_sites", ALLOWED_HOSTS="*")
    assert finished.returncode == 1
    assert "portcullis.E004" in finished.stderr


def test_a_command_does_not_load_the_pages_to_check_the_settings(tmp_path: Path) -> None:
    code = """
import sys
from django.core.management import execute_from_command_line
try:
    execute_from_command_line(["manage.py", "list_sites"])
finally:
    print(*sys.modules)
"""
    database = f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    finished = run(sys.executable, "-c", code, DJANGO_SETTINGS_MODULE="config.settings", DATABASE_URL=database)
    assert "no such table" in finished.stderr
    assert "sites.models" in finished.stdout.split()
    assert "config.urls" not in finished.stdout.split()


def test_each_check_of_settings_has_the_tag_by_which_commands_find_it() -> None:
    own = [check for check in registry.get_checks() if check.__module__ == "config.checks"]
    assert {check.__name__ for check in own if SETTINGS not in check.tags} == {"role_has_its_rights"}  # the database's
    assert len(own) > 3


def test_any_host_is_allowed_in_debug_mode_only() -> None:
    assert manage("check", ALLOWED_HOSTS="*", DEBUG="true").returncode == 0


def test_https_without_a_named_proxy_fails_the_deployment_check() -> None:
    assert "portcullis.E003" in manage("check", "--deploy", HTTPS_ONLY="true").stderr
    assert manage("check", "--deploy", HTTPS_ONLY="true", TRUSTED_PROXIES="10.0.0.0/8").returncode == 0


def test_secrets_can_come_from_files(tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("SECRET_KEY", "SITE_KEY_PEPPER", "ALLOWED_HOSTS")}
    environment: dict[str, str | None] = {}
    for name, file in files.items():
        file.write_text(COMPLETE[name] + "\n")
        environment |= {name: None, f"{name}_FILE": str(file)}
    read = setting("settings.SECRET_KEY, *settings.ALLOWED_HOSTS", **environment)
    assert read == f"{COMPLETE['SECRET_KEY']} licenses.example.com"


@pytest.mark.parametrize("name", ["SECRET_KEY", "SITE_KEY_PEPPER", "ALLOWED_HOSTS"])
def test_the_shipped_server_stops_with_the_same_sentence(name: str) -> None:
    finished = run(sys.executable, "-m", "gunicorn", "config.wsgi", "-b", "127.0.0.1:0", **{name: None})
    assert finished.returncode != 0
    assert f"Portcullis cannot start: Set {name}" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_the_keys_that_are_derived_differ_from_what_they_derive_from() -> None:
    derived = setting("settings.SIMPLE_JWT['SIGNING_KEY']")
    assert len(derived) >= 32
    assert derived not in (COMPLETE["SECRET_KEY"], COMPLETE["SITE_KEY_PEPPER"])
    assert derived != setting("settings.SIMPLE_JWT['SIGNING_KEY']", SECRET_KEY=COMPLETE["SECRET_KEY"] + "x")
    own = COMPLETE["SECRET_KEY"][::-1]
    assert setting("settings.SIMPLE_JWT['SIGNING_KEY']", JWT_SIGNING_KEY=own) == own


def test_the_key_of_second_factors_derives_from_the_secret_key_unless_given() -> None:
    [derived] = setting("*settings.TWO_FACTOR_KEYS").split()
    assert derived not in (COMPLETE["SECRET_KEY"], setting("settings.SIMPLE_JWT['SIGNING_KEY']"))
    own, former = COMPLETE["SECRET_KEY"][::-1], derived
    assert setting("*settings.TWO_FACTOR_KEYS", TWO_FACTOR_KEY=f"{own},{former}").split() == [own, former]


def test_the_derived_secret_of_signing_keys_still_opens_them_once_another_is_given() -> None:
    [derived] = setting("*settings.LEASE_KEY_SECRETS").split()
    assert derived not in (COMPLETE["SECRET_KEY"], setting("*settings.TWO_FACTOR_KEYS"))
    own, former = COMPLETE["SECRET_KEY"][::-1], derived
    assert setting("*settings.LEASE_KEY_SECRETS", LEASE_KEY_SECRET=f"{own},{former}").split() == [own, former, derived]


def test_leases_are_as_the_settings_say() -> None:
    shown = "settings.LEASE_SECONDS, settings.LEASE_ISSUER, *settings.LEASE_STOP_ON, settings.LEASE_KEY_FILE"
    assert setting(shown).split() == ["2592000", "portcullis", "locked", "expired", "lapsed", "None"]
    given = {
        "LEASE_DAYS": "7",
        "LEASE_ISSUER": "vendor",
        "LEASE_STOP_ON": "lapsed, locked",
        "LEASE_KEY_FILE": "/k.json",
    }
    assert setting(shown, **given).split() == ["604800", "vendor", "locked", "lapsed", "/k.json"]


def test_the_first_pepper_is_for_new_keys_and_the_others_are_former_ones() -> None:
    assert setting("*settings.SITE_KEY_PEPPERS").split() == [PEPPER]
    former = PEPPER[::-1]
    assert setting("*settings.SITE_KEY_PEPPERS", SITE_KEY_PEPPER=f"{PEPPER}, {former}").split() == [PEPPER, former]


def test_a_second_factor_is_required_unless_debug_or_the_operator_says_otherwise() -> None:
    expression = "settings.REQUIRE_TWO_FACTOR"
    assert setting(expression) == "True"
    assert setting(expression, DEBUG="true") == "False"
    assert setting(expression, REQUIRE_TWO_FACTOR="false") == "False"
    assert setting(expression, DEBUG="true", REQUIRE_TWO_FACTOR="true") == "True"


def test_cookies_are_secure_and_out_of_reach_of_scripts_in_production() -> None:
    names = ("SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "CSRF_COOKIE_SECURE", "CSRF_COOKIE_HTTPONLY")
    assert setting(", ".join(f"settings.{name}" for name in names)) == "True True True True"


def test_cookies_have_names_that_only_this_host_can_set_over_https() -> None:
    """A browser refuses such a cookie from another host of the domain, or over plain HTTP."""
    names = "settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME"
    assert setting(names) == "__Host-sessionid __Host-csrftoken"
    assert setting(names, DEBUG="true") == "sessionid csrftoken"
    required = "settings.SESSION_COOKIE_PATH, settings.CSRF_COOKIE_PATH, settings.SESSION_COOKIE_DOMAIN"
    assert setting(required) == "/ / None"


def test_https_is_enforced_only_where_it_is_asked_for() -> None:
    expression = "settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS > 0"
    assert setting(expression) == "False False"
    assert setting(expression, HTTPS_ONLY="true") == "True True"


def test_debug_is_off_unless_it_is_set() -> None:
    assert setting("settings.DEBUG", DEBUG=None) == "False"
    assert setting("settings.DEBUG", DEBUG="False") == "False"
