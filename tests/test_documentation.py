"""The commands of the README and of the API guide, run as they stand, on a running server."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.doorbell import doorbell_of
from tests.running_server import ADMIN, PASSWORD, ROOT, RunningServer

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=30)]

ADDRESS = re.compile(r"http://127\.0\.0\.1:8000")
DOORBELL = "http://127.0.0.1:8001/doorbell"


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def run_in_shell(script: str, folder: Path) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={"PATH": os.environ["PATH"], "NO_PROXY": "*"},
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where `make run` would have left the first admin."""
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "first-admin.json").write_text(json.dumps({"username": ADMIN, "password": PASSWORD}))
    return tmp_path


def test_the_readmes_walk_ends_with_a_locked_site(server: RunningServer, folder: Path) -> None:
    walk = next(block for block in blocks(ROOT / "README.md", "sh") if "heartbeat" in block)
    replies = [json.loads(line) for line in run_in_shell(ADDRESS.sub(server.url, walk), folder).splitlines()]
    printed = [json.loads(line) for line in blocks(ROOT / "README.md", "json")[0].splitlines()]
    assert [(answer["locked"], answer["lock_reason"]) for answer in replies] == [
        (False, None),
        (True, "unpaid invoice 118"),
    ]
    assert [answer.keys() for answer in printed] == [answer.keys() for answer in replies]


def test_every_command_of_the_api_guide_works_and_answers_as_printed(server: RunningServer, folder: Path) -> None:
    guide = ROOT / "docs" / "api.md"
    # The guide's reader is called anna and has this password; so is the admin here.
    script = ADDRESS.sub(server.url, "\n".join(blocks(guide, "sh")))
    with doorbell_of(server) as doorbell:
        said = run_in_shell(script.replace(DOORBELL, doorbell.url), folder)
    printed = "".join(blocks(guide, "json") + blocks(guide, "text"))
    answered_codes = set(re.findall(r'"code": ?"(\w+)"', said))
    assert answered_codes <= set(re.findall(r'"code": ?"(\w+)"', printed)) | {"invalid"}, said
    assert "server_error" not in said
    assert re.search(r'\{"revision": \d+\}\n204', said), "the doorbell's answers"
    for member in ("secret_key", "access", "next_heartbeat_seconds", "previous_key_expires_at", "last_heartbeat"):
        assert f'"{member}"' in said, f"the guide shows no answer with {member}"


def test_every_link_leads_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_every_decision_has_its_three_parts() -> None:
    for page in sorted((ROOT / "docs" / "decisions").glob("0*.md")):
        headings = re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequence"], page.name
