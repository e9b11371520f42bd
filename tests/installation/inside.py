"""The steps of docs/install.md and what must be true after each, in namespaces of their own; see __main__.py."""

import hashlib
import json
import re
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyotp
import requests
from playwright.sync_api import sync_playwright

from tests.browser import QUIET
from tests.installation.page import commands
from tests.installation.rootfs import HOST, chroot, make_certificate, mount_for_programs
from tests.installation.traffic import Traffic
from tests.installation.units import ServiceManager

URL = f"https://{HOST}"
WORKER, WORKER_SECONDS = "portcullis-worker.service", 15
DOORBELL = "portcullis-doorbell.service"
USERNAME, PASSWORD = "anna", "correct horse battery staple"


class Machine:
    """The new server: its root file system, and a shell in it."""

    services: ServiceManager  # from the second installation on

    def __init__(self, root: Path) -> None:
        self.root, self.page, self.began = root, commands(), time.monotonic()

    def report(self, what: str) -> None:
        print(f"{time.monotonic() - self.began:6.1f} s  {what}", flush=True)

    def shell(self, script: str, *, fails: bool = False) -> str:
        """As root would type it, without a network: Python's packages come from a folder."""
        packages = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/root/wheels", "PIP_CONFIG_FILE": "/dev/null"}
        done = chroot(self.root, "env", "--chdir=/root", "bash", "-euo", "pipefail", "-c", script, **packages)
        print("".join(f"          {line}\n" for line in done.stdout.splitlines()), end="", flush=True)
        assert (done.returncode != 0) is fails, f"exit status {done.returncode}"
        return done.stdout

    def get(self, path: str) -> requests.Response:
        certificate = str(self.root / "root/fullchain.pem")
        return requests.get(URL + path, verify=certificate, timeout=15, allow_redirects=False)

    def version(self) -> str:
        return str(self.get("/health").json()["version"])

    def secrets(self) -> dict[str, str]:
        files = (self.root / "etc/portcullis").rglob("*")
        return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()}

    def set_version(self, version: str) -> None:
        """As if another release had been unpacked in place of this one."""
        for name, pattern in (("pyproject.toml", r'^version = ".*"$'), ("config/settings.py", r'^VERSION = ".*"$')):
            file = self.root / "root/portcullis" / name
            text, changed = re.subn(
                pattern, lambda found: f'{found[0].split(" = ")[0]} = "{version}"', file.read_text(), flags=re.M
            )
            assert changed == 1, name
            file.write_text(text)


def install(machine: Machine) -> None:
    machine.report("the installer, where no systemd runs")
    assert "systemd does not run here" in machine.shell(machine.page["install"])
    machine.services = ServiceManager(machine.root)
    machine.services.start()
    with (machine.root / "etc/portcullis/portcullis.env").open("a") as settings:
        settings.write("HEARTBEATS_PER_MINUTE=10000\n")  # for the restaurant that goes on during an upgrade
    kept = machine.secrets()
    machine.report("the installer again, with systemctl")
    assert f"{URL}/admin/ is served by" in machine.shell(machine.page["install"])
    machine.report("the installer once more: nothing changes")
    assert "Build the release" not in machine.shell(machine.page["install"])
    assert machine.secrets() == kept
    for file in (machine.root / "etc/portcullis/secrets").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o640, file
    machine.shell("! runuser -u nobody -- cat /etc/portcullis/secrets/secret_key 2>/dev/null")
    machine.shell("! runuser -u portcullis -- cat /etc/portcullis/secrets/owner_database_url 2>/dev/null")
    assert machine.get("/health").json()["status"] == "ok"
    assert machine.get("/metrics").status_code == 404
    assert machine.get("/admin/login/").headers["Strict-Transport-Security"] == "max-age=31536000"


def processes_stay_up(machine: Machine) -> None:
    """The stand-in for systemd starts nothing again, so that a process that ended once is not active."""
    time.sleep(WORKER_SECONDS)
    current = (machine.root / "srv/portcullis/current").readlink().name
    for unit in (WORKER, DOORBELL):
        machine.shell(f"systemctl is-active {unit}")
        assert machine.services.release_of(unit) == current
    machine.report(f"the worker and the doorbell are active {WORKER_SECONDS} s after the start, in {current}")


def jobs_have_run(machine: Machine) -> None:
    machine.shell(
        "for _ in $(seq 60); do portcullis jobs --check >/dev/null 2>&1 && break; sleep 1; done; portcullis jobs --check"
    )
    machine.report("the worker has run every job")


def sign_in(machine: Machine) -> None:
    """In Chromium: the password, then the second factor, which must be set up first."""
    machine.report("the first admin, in a browser")
    machine.shell(machine.page["first admin"])
    with sync_playwright() as playwright:
        program = next(path for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(path).exists())
        browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        page = browser.new_context(ignore_https_errors=True).new_page()
        page.goto(f"{URL}/admin/")
        page.fill("#id_username", USERNAME)
        page.fill("#id_password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_selector("#totp-secret")
        page.fill("#id_code", pyotp.TOTP(page.inner_text("#totp-secret").replace(" ", "")).now())
        page.fill("#id_password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_selector(".recovery-codes")
        page.goto(f"{URL}/admin/")
        assert page.url == f"{URL}/admin/", page.url
        page.screenshot(path=str(machine.root / "root/panel.png"))
        browser.close()


def first_site(machine: Machine) -> dict[str, str]:
    machine.report("a restaurant sends a heartbeat")
    output = machine.shell(machine.page["first site"])
    assert '"licensed":true' in output
    assert f'"doorbell":"{URL}/doorbell"' in output
    site: dict[str, str] = json.loads((machine.root / "root/site.json").read_text())
    return site


def ring(machine: Machine, site: dict[str, str]) -> None:
    """A lock reaches a restaurant that waits at the doorbell."""
    headers = {"X-Site-ID": site["site_id"], "X-Site-Key": site["secret_key"]}

    def wait(since: int) -> requests.Response:
        certificate = str(machine.root / "root/fullchain.pem")
        return requests.get(f"{URL}/doorbell?since={since}", headers=headers, verify=certificate, timeout=70)

    revision = wait(0).json()["revision"]
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(wait, revision)
        time.sleep(1)
        machine.shell(f"portcullis lock_site {site['site_id']} --reason unpaid")
        assert waiting.result().json() == {"revision": revision + 1}
    machine.report("a lock rang at the restaurant, through nginx")
    machine.shell(f"portcullis unlock_site {site['site_id']}")


def back_up(machine: Machine) -> None:
    machine.report("the daily backup, which only its owner can read")
    machine.shell("systemctl start portcullis-backup.service")
    [backup] = (machine.root / "var/backups/portcullis").iterdir()
    assert backup.stat().st_size > 10_000
    machine.shell("! runuser -u portcullis -- ls /var/backups/portcullis 2>/dev/null")
    recorded = "from backup.models import LastBackup; print(LastBackup.objects.get().file)"
    assert machine.shell(f"portcullis shell -v 0 -c '{recorded}'").strip() == backup.name


def upgrade_and_roll_back(machine: Machine, site: dict[str, str]) -> None:
    certificate = str(machine.root / "root/fullchain.pem")
    before = machine.version()
    machine.set_version("0.9.0")
    for what, version in (("upgrade", "0.9.0"), ("roll back", before)):
        machine.report(f"{what}, while the restaurant goes on")
        with Traffic(URL, certificate, site["site_id"], site["secret_key"]) as traffic:
            machine.shell(machine.page[what])
        assert machine.version() == version
        machine.report(f"heartbeats by status: {dict(traffic.statuses)}, the slowest took {traffic.slowest:.1f} s")
        assert set(traffic.statuses) == {"200"}
        processes_stay_up(machine)


def broken_release(machine: Machine) -> None:
    machine.report("a release that does not start: the former one serves again")
    before = machine.version()
    with (machine.root / "root/portcullis/config/wsgi.py").open("a") as file:
        file.write('raise RuntimeError("broken")\n')
    machine.set_version("0.9.1")
    assert "serves again" in machine.shell(machine.page["upgrade"], fails=True)
    assert machine.version() == before
    links = machine.root / "srv/portcullis"
    assert (links / "previous").readlink() != (links / "current").readlink(), "one could not go back any more"
    processes_stay_up(machine)


def wrong_arguments(machine: Machine) -> None:
    machine.report("what is refused, in one sentence each")
    run = "portcullis/deploy/install.sh"
    for script, said in {
        f"{run} --hots a.example": "'--hots' is not known",
        f"{run} --host": "--host needs a value",
        f"{run} --host Licenses": "is not a host name",
        f"{run} --host other.example.com": "is installed as",
        f"{run} --certificate privkey.pem --key privkey.pem": "is not a certificate",
        f"{run} --certificate fullchain.pem --key site.json": "is not the key of",
        f"cp {run} /tmp; runuser -u nobody -- sh /tmp/install.sh": "Run this as root",
        f"exec 8>/run/lock/portcullis-install; flock 8; {run}": "Another install.sh is running",
    }.items():
        output = machine.shell(script, fails=True)
        assert said in output, output
        assert len(output.splitlines()) == 1, output


def main() -> None:
    machine = Machine(Path(sys.argv[1]))
    subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    mount_for_programs(machine.root)
    subprocess.run(["mount", "--bind", str(machine.root / "etc/hosts"), "/etc/hosts"], check=True)
    make_certificate(machine.root)
    install(machine)
    processes_stay_up(machine)
    jobs_have_run(machine)
    sign_in(machine)
    site = first_site(machine)
    ring(machine, site)
    back_up(machine)
    upgrade_and_roll_back(machine, site)
    wrong_arguments(machine)
    broken_release(machine)
    machine.report("everything is as docs/install.md says")


if __name__ == "__main__":
    main()
