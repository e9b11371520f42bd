"""The demo's commands delete sites, so a server has them only if it asks for the demo."""

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command, get_commands

from config.tests.processes import manage, setting

COMMANDS = ["demo_backdate", "demo_clean"]


def test_the_demo_is_off_by_default() -> None:
    assert setting("settings.DEMO, [app for app in settings.INSTALLED_APPS if app.startswith('demo')]") == "False []"
    assert not apps.is_installed("demo")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_server_without_the_demo_does_not_know_its_commands(name: str) -> None:
    assert name not in get_commands()
    with pytest.raises(CommandError, match="Unknown command"):
        call_command(name)


@pytest.mark.slow
def test_the_setting_adds_both_commands() -> None:
    listed = manage("help", "--commands", DEMO="true").stdout.split()
    assert set(COMMANDS) <= set(listed)
    assert not set(COMMANDS) & set(manage("help", "--commands").stdout.split())
