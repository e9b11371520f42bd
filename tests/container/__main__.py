"""Build the image and run compose.yaml without a container engine: python -m tests.container

Follows the Dockerfile in new root file systems of Debian, the release that the image is made from. Then starts the services of
compose.yaml in namespaces of their own, and uses them: a sysadmin, a restaurant, a lock, a backup. Needs root, mmdebstrap, the
system packages of `make test` and some minutes. `make test-container` calls it.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.container.dockerfile import Image, follow
from tests.container.services import ROOT, Services, all_services, lay_out_the_machine, say

HOST = "licenses.example.org"
PASSWORD = "correct horse battery staple"
# What the image that FROM names has: an interpreter with pip. Debian's own Python stands for the one of the image.
PYTHON = "ca-certificates,python3,python3-pip,python3-venv"


def build(folder: Path) -> Image:
    release = re.search(r"^FROM python:[\d.]+-slim-(\w+) AS", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert release is not None
    print(f"A new root file system of Debian {release[1]}")
    archive = Path(os.environ.get("ROOT_ARCHIVE") or folder / "debian.tar")
    if not archive.exists():
        subprocess.run(
            ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PYTHON}", release[1], archive], check=True
        )
    print("The Dockerfile")
    image = follow(ROOT / "Dockerfile", archive, folder)
    assert image.entrypoint
    assert image.health
    return image


def curl(path: str, *options: str) -> tuple[int, str]:
    """The status and the body of a request to nginx, by TLS with its certificate."""
    answered = subprocess.run(
        [
            *("curl", "-s", "--cacert", "/etc/nginx/certificate/fullchain.pem", "--resolve", f"{HOST}:443:127.0.0.1"),
            *("-w", "\n%{http_code}", *options, f"https://{HOST}{path}"),
        ],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"]},
    )
    body, _, status = answered.stdout.rpartition("\n")
    return int(status), body


def options_for(headers: dict[str, str]) -> list[str]:
    return [word for name, value in headers.items() for word in ("-H", f"{name.replace('_', '-')}: {value}")]


def post(path: str, body: object, **headers: str) -> dict:
    options = ["-H", "Content-Type: application/json", *options_for(headers)]
    status, text = curl(path, *options, "-d", json.dumps(body))
    assert status in {200, 201}, text
    return json.loads(text)


def use(services: Services) -> None:
    status, body = curl("/health")
    assert (status, json.loads(body)["status"]) == (200, "ok")
    say(f"https://{HOST}/health: {body.strip()}")
    assert curl("/metrics")[0] == 404
    olga = {"USERNAME": "olga", "EMAIL": "olga@vendor.example", "PASSWORD": PASSWORD}
    created = services.execute(
        "web",
        *services.image.entrypoint,
        *("createsuperuser", "--noinput"),
        **{f"DJANGO_SUPERUSER_{name}": value for name, value in olga.items()},
    )
    assert created.returncode == 0, created.stderr
    # A sysadmin needs a second factor before the API; the commands do not.
    registered = services.execute(
        "web",
        *services.image.entrypoint,
        *("register_site", "--json", "--name=Trattoria Roma", "--owner-name=Giulia Conti"),
        "--contact-email=giulia@roma.example",
    )
    assert registered.returncode == 0, registered.stderr
    site = json.loads(registered.stdout)
    credentials = {"X_Site_ID": site["site_id"], "X_Site_Key": site["secret_key"]}
    heartbeat = {"version": "1.0.0", "uptime_seconds": 60}
    answered = post("/api/heartbeat", heartbeat, **credentials)
    assert (answered["locked"], answered["doorbell"]) == (False, f"https://{HOST}/doorbell")
    status, news = curl("/doorbell?since=0", *options_for(credentials))
    assert status == 200, news
    since = json.loads(news)["revision"]
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(curl, f"/doorbell?since={since}", *options_for(credentials))
        locked = services.execute("web", *services.image.entrypoint, "lock_site", site["site_id"], "--reason=unpaid")
        assert locked.returncode == 0, locked.stderr
        status, news = waiting.result(10)
    assert (status, json.loads(news)) == (200, {"revision": since + 1})
    assert post("/api/heartbeat", heartbeat, **credentials)["lock_reason"] == "unpaid"
    say("a sysadmin and a restaurant, which waits through nginx: the lock rings, and its next heartbeat hears it")


def try_to_write(services: Services) -> None:
    for path in ("/app/x", "/app/staticfiles/x", "/etc/x", "/usr/bin/x", "/var/lib/x", "/opt/x"):
        refused = services.execute("web", "sh", "-c", f"touch {path}")
        assert refused.returncode != 0, path
    for path in ("/app/var/x", "/tmp/x", "/dev/shm/x"):
        allowed = services.execute("web", "sh", "-c", f"touch {path}")
        assert allowed.returncode == 0, allowed.stderr
    who = services.execute("web", "sh", "-c", "id -u; grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status")
    assert who.stdout.split()[0] == "10001"
    assert re.findall(r"Cap\w+:\s*(\w+)", who.stdout) == ["0" * 16] * 2
    say(f"only /app/var, /tmp and /dev/shm can be written; {' '.join(who.stdout.split())}")
    unreadable = services.execute("web", "sh", "-c", "ls /run/secrets")
    assert "database_owner_url" not in unreadable.stdout
    say(f"secrets of web: {' '.join(unreadable.stdout.split())}")


def check_the_backup(services: Services) -> None:
    deadline = time.monotonic() + 60
    while not (found := list(services.volume.glob("backups/portcullis-*.zip"))):
        log = (services.folder / "backup.log").read_text()
        assert time.monotonic() < deadline, log
        time.sleep(0.5)
    say(f"backup: {found[0].name}, {found[0].stat().st_size:,} bytes")
    time.sleep(2)  # it is recorded when it has its name
    newest = "from backup.models import LastBackup; print(LastBackup.objects.get().file)"
    recorded = services.execute("web", *services.image.entrypoint, "shell", "-v", "0", "-c", newest)
    assert recorded.stdout.strip() == found[0].name, recorded.stdout + recorded.stderr
    assert services.running["worker"].poll() is None, (services.folder / "worker.log").read_text()


def run_compose(folder: Path, image: Image) -> None:
    deploy = Path(shutil.copytree(ROOT / "deploy", folder / "deploy", ignore=shutil.ignore_patterns("private")))
    subprocess.run([deploy / "compose/prepare.sh", HOST], check=True)
    lay_out_the_machine(deploy, folder)
    print("The services of compose.yaml")
    with all_services(image, deploy, folder) as services:
        use(services)
        try_to_write(services)
        check_the_backup(services)


def main() -> None:
    if os.geteuid() != 0:
        sys.exit("This needs root: it mounts file systems and changes the root folder.")
    if len(sys.argv) == 3:  # in namespaces of its own, called by the lines below
        folder = Path(sys.argv[1])
        run_compose(folder, Image(**json.loads(sys.argv[2]) | {"root": folder / "last"}))
        return
    with tempfile.TemporaryDirectory(prefix="portcullis-container-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        started = time.monotonic()
        image = build(folder)
        said = json.dumps({key: value for key, value in vars(image).items() if key != "root"})
        own = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
        subprocess.run([*own, sys.executable, "-m", "tests.container", name, said], check=True, cwd=ROOT)
        print(f"Done in {time.monotonic() - started:.0f} s.")


if __name__ == "__main__":
    main()
