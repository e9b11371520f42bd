"""A release has the files of the source, and neither secrets nor what is made in the tree."""

from pathlib import Path

import pytest

from tests.installation.script import run_functions

pytestmark = pytest.mark.e2e


def test_a_release_has_the_source_and_the_list_of_settings_alone(tmp_path: Path) -> None:
    source = tmp_path / "source"
    kept = ["./.env.example", "./deploy/compose/prepare.sh", "./manage.py"]
    left = [
        ".env",
        ".git/config",
        ".venv/bin/python",
        "deploy/compose/private/secrets/owner_password",
        "common/__pycache__/apps.pyc",
        "staticfiles/panel.css",
        "var/portcullis.sqlite3",
    ]
    for name in (*kept, *left):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).touch()
    listed = run_functions("list_source", tmp_path, source=source)
    assert (listed.returncode, listed.stderr) == (0, "")
    assert listed.stdout.splitlines() == kept
