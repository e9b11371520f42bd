"""The installer's script and its page. `make test-install` runs them in a fresh Debian root file system."""

import subprocess

import pytest

from tests.installation.page import commands
from tests.installation.rootfs import HOST
from tests.running_server import ROOT

pytestmark = pytest.mark.e2e

SCRIPTS = ["deploy/install.sh", "deploy/grant.sh", "deploy/portcullis"]


@pytest.mark.parametrize("script", SCRIPTS)
def test_shellcheck_finds_nothing(script: str) -> None:
    # SC2015 is about `a && b || c`, where c only ends the script.
    checked = subprocess.run(
        ["shellcheck", "--exclude=SC2015", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout) == (0, "")


def test_the_page_installs_for_the_host_that_the_shipped_configuration_names() -> None:
    page = commands()
    assert f"--host {HOST} " in page["install"]
    assert f"https://{HOST}/api/heartbeat" in page["first site"]
    assert f"server_name {HOST};" in (ROOT / "deploy/nginx/portcullis.conf").read_text()


def test_the_installer_knows_what_the_page_says() -> None:
    script = (ROOT / "deploy/install.sh").read_text()
    for words in (page.split() for page in commands().values() if "install.sh" in page):
        for option in words[1:]:
            if option.startswith("--") or option == "rollback":
                assert option in script
