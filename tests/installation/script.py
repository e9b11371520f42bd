"""Run single functions of the installer, in a temporary folder and without root."""

import os
import re
import subprocess
from pathlib import Path

from tests.running_server import ROOT

INSTALLER = ROOT / "deploy/install.sh"


def run_functions(commands: str, folder: Path, *, source: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run `commands` with what the installer defines; its folders and the programs in `folder/bin` are those of `folder`."""
    definitions, called, _ = INSTALLER.read_text().partition('\nread_arguments "$@"\n')
    assert called
    for name in ("BASE", "SETTINGS", "BACKUPS", "NGINX", "LETS_ENCRYPT", "ETC"):
        definitions = re.sub(rf"^{name}=.*$", f"{name}={folder}/{name.lower()}", definitions, flags=re.MULTILINE)
        (folder / name.lower()).mkdir(exist_ok=True)
    definitions = re.sub(r"^SOURCE=.*$", f"SOURCE={source}", definitions, flags=re.MULTILINE)
    environment = os.environ | {"PATH": f"{folder}/bin:{os.environ['PATH']}"}
    return subprocess.run(
        ["sh", "-c", f"{definitions}\n{commands}"], env=environment, capture_output=True, text=True, check=False
    )


def put_program(folder: Path, name: str, script: str) -> None:
    """Put a program in place of one that a test must not run: one of the machine's, or `name` below `folder`."""
    file = folder / (name if "/" in name else f"bin/{name}")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def run_script(script: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script of deploy/, with `folder/etc` for /etc/portcullis, `folder/current` for the release, and the programs of
    `folder/bin` first."""
    text = script.read_text().replace('"$0"', f'"{script}"')
    for place, ours in (("/etc/portcullis", "etc"), ("/srv/portcullis/current", "current")):
        text = text.replace(place, f"{folder}/{ours}")
    names = ("DEBUG", "ENV_FILE", "DATABASE_URL")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    environment["PATH"] = f"{folder}/bin:{os.environ['PATH']}"
    return subprocess.run(
        ["sh", "-c", text, str(script), *arguments], env=environment, capture_output=True, text=True, check=False
    )
