"""What Django refuses as suspicious is one line in the log, and no error: anybody can send it."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Admin
from common.tests.logged import log_lines


def warnings_of(path: str, browser: Client, **headers: str) -> list[dict[str, Any]]:
    with log_lines() as log:
        answer = browser.get(path, **headers)  # type: ignore[arg-type]
    assert answer.status_code == 400
    # Django's line for each response of 400 and more says nothing else.
    noted = [entry for entry in log.entries if entry["logger"] != "django.request"]
    return [entry for entry in noted if entry["level"] in ("WARNING", "ERROR", "CRITICAL")]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/admin/login/", "/api/sites"])
def test_a_forged_host_is_one_warning(path: str) -> None:
    [line] = warnings_of(path, Client(), HTTP_HOST="evil.example")
    assert line["level"] == "WARNING"
    assert "exception" not in line
    assert line["message"].startswith("DisallowedHost: ")
    assert "evil.example" in line["message"]
    assert line["request_id"]


def test_a_forbidden_filter_of_a_list_is_one_warning(vera: Admin) -> None:
    browser = Client()
    browser.force_login(vera)
    [line] = warnings_of("/admin/accounts/admin/?password__startswith=a", browser)
    assert (line["level"], "exception" in line) == ("WARNING", False)
    assert line["message"].startswith("DisallowedModelAdminLookup: ")


@pytest.mark.django_db
def test_a_long_message_is_cut() -> None:
    [line] = warnings_of("/", Client(), HTTP_HOST="e" * 5_000)
    assert len(line["message"]) < 400
