"""The project as a process of its own, with an environment of its own."""

import os
import runpy
import subprocess
import sys
from unittest.mock import patch

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

COMPLETE = {
    "SECRET_KEY": "kV3mQ9xT7bN1cL5zR8wY2dF6hJ0pS4gA-one",
    "SITE_KEY_PEPPER": "pU7yE2nB5vC8xM1qW4rT9oZ3iK6lD0aG-two",
    "ALLOWED_HOSTS": "licenses.example.com",
    "DATABASE_URL": "sqlite:///var/never-opened.sqlite3",
}


def environment_of(changes: dict[str, str | None]) -> dict[str, str]:
    variables = {"PATH": os.environ["PATH"], "ENV_FILE": os.devnull, **COMPLETE, **changes}
    return {name: value for name, value in variables.items() if value is not None}


def run(*command: str, **environment: str | None) -> subprocess.CompletedProcess[str]:
    """A command in production mode with a complete environment, changed as told; None takes a variable away."""
    return subprocess.run(
        command,
        env=environment_of(environment),
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def refused_settings(**environment: str | None) -> str:
    """What the settings say of such an environment, or "". They are read in this process: starting one takes a second."""
    with patch.dict(os.environ, environment_of(environment), clear=True):
        try:
            runpy.run_path(str(settings.BASE_DIR / "config/settings.py"))
        except ImproperlyConfigured as error:
            return str(error)
    return ""


def manage(*arguments: str, **environment: str | None) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, "manage.py", *arguments, **environment)


def setting(expression: str, **environment: str | None) -> str:
    """What an expression over `settings` gives in that process."""
    code = f"from django.conf import settings; print({expression})"
    finished = run(sys.executable, "-c", code, DJANGO_SETTINGS_MODULE="config.settings", **environment)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()
