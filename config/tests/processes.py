"""The project as a process of its own, with an environment of its own."""

import os
import subprocess
import sys

from django.conf import settings

COMPLETE = {
    "SECRET_KEY": "kV3mQ9xT7bN1cL5zR8wY2dF6hJ0pS4gA-one",
    "SITE_KEY_PEPPER": "pU7yE2nB5vC8xM1qW4rT9oZ3iK6lD0aG-two",
    "ALLOWED_HOSTS": "licenses.example.com",
    "DATABASE_URL": "sqlite:///var/never-opened.sqlite3",
}


def run(*command: str, **environment: str | None) -> subprocess.CompletedProcess[str]:
    """A command in production mode with a complete environment, changed as told; None takes a variable away."""
    variables = {"PATH": os.environ["PATH"], "ENV_FILE": os.devnull, **COMPLETE, **environment}
    return subprocess.run(
        command,
        env={name: value for name, value in variables.items() if value is not None},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def manage(*arguments: str, **environment: str | None) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, "manage.py", *arguments, **environment)


def setting(expression: str, **environment: str | None) -> str:
    """What an expression over `settings` gives in that process."""
    code = f"from django.conf import settings; print({expression})"
    finished = run(sys.executable, "-c", code, DJANGO_SETTINGS_MODULE="config.settings", **environment)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()
