"""While the pepper is changed, a command and the dashboard say how many keys are left on each one."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import override_settings
from rest_framework.test import APIClient

from accounts.models import Admin
from common.keys import pepper_id
from conftest import Register, RegisteredSite
from heartbeat.tests.test_peppers import NEW, OLD, both, only_old, status
from panel.dashboard.tests.test_dashboard import page
from panel.dashboard.tests.test_health import health_checks
from sites.models import SiteKey

OTHER = "a third pepper, with 32 characters or more"


@pytest.fixture
def old(register: Register) -> RegisteredSite:
    """A site whose key was made with the old pepper."""
    with override_settings(**only_old):
        return register()


def left(**settings: Any) -> Any:
    with override_settings(**settings):
        output = StringIO()
        call_command("site_key_peppers", json=True, stdout=output)
        lines = StringIO()
        call_command("site_key_peppers", stdout=lines)
        return json.loads(output.getvalue())["results"], lines.getvalue()


def test_the_command_counts_the_keys_of_each_pepper(register: Register, old: RegisteredSite) -> None:
    with override_settings(**both):
        register(name="Napoli")
    results, lines = left(**both)
    assert results == [
        {"pepper": pepper_id(NEW), "state": "current", "keys": 1},
        {"pepper": pepper_id(OLD), "state": "former", "keys": 1},
    ]
    assert f"{pepper_id(OLD)}  former" in lines
    with override_settings(**both):
        status(old)
    assert [row["keys"] for row in left(**both)[0]] == [2, 0]


def test_keys_whose_pepper_is_not_configured_or_not_recorded_are_counted_too(
    register: Register, old: RegisteredSite
) -> None:
    register(name="Napoli")
    SiteKey.objects.exclude(site_id=old.site_id).update(pepper=None)
    assert left(SITE_KEY_PEPPERS=[OTHER])[0] == [
        {"pepper": pepper_id(OTHER), "state": "current", "keys": 0},
        {"pepper": pepper_id(OLD), "state": "not_configured", "keys": 1},
        {"pepper": None, "state": "not_recorded", "keys": 1},
    ]


def test_only_keys_that_are_accepted_are_counted(api: APIClient, register: Register, old: RegisteredSite) -> None:
    with override_settings(**only_old):
        api.post(f"{old.path}/rotate-key", {"overlap_hours": 0})
        api.delete(register(name="Gone").path)
    assert [row["keys"] for row in left(**both)[0]] == [0, 1]


def test_the_dashboard_says_how_many_keys_are_left_on_former_peppers(vera: Admin, old: RegisteredSite) -> None:
    with override_settings(**only_old):
        assert "Pepper of site keys" not in health_checks(page(vera))
    with override_settings(**both):
        assert health_checks(page(vera))["Pepper of site keys"].startswith("▲ is being changed 1 key is left")
        status(old)
        assert health_checks(page(vera))["Pepper of site keys"].startswith("● was changed No key is left")
