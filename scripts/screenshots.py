#!/usr/bin/env python3
"""Renew the screenshots of the panel in docs/screenshots. `make screenshots` calls this under scripts/with_services.py.

A server of its own with the demo's forty restaurants; Chromium looks at the main pages in light, in dark and as a phone.
Needs TEST_POSTGRES_URL.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser  # noqa: E402 - the repository is no package

from tests.browser import LOOKS, PanelUser, chromium, open_window  # noqa: E402
from tests.databases import prepared_postgresql  # noqa: E402
from tests.running_server import ADMIN, PASSWORD, RunningServer  # noqa: E402

FOLDER = ROOT / "docs" / "screenshots"
LIST = "/admin/sites/site/"
CHANNELS = [
    {"name": "On call", "kind": "pagerduty", "address": "0123456789abcdef0123456789abcdef", "min_severity": "critical"},
    {
        "name": "Support",
        "kind": "email",
        "address": "support@vendor.example",
        "quiet_from": "22:00",
        "quiet_until": "07:00",
        "timezone": "Europe/Rome",
    },
]


def prepared(folder: Path) -> RunningServer:
    server = RunningServer(prepared_postgresql(os.environ["TEST_POSTGRES_URL"], folder), folder)
    server.start()
    credentials = {"PORTCULLIS_URL": server.url, "PORTCULLIS_USERNAME": ADMIN, "PORTCULLIS_PASSWORD": PASSWORD}
    demo = [sys.executable, "scripts/demo.py", "--exit"]
    subprocess.run(demo, cwd=ROOT, env=server.environment | credentials, check=True, stdout=subprocess.DEVNULL)
    add_alerts(server)
    return server


def add_alerts(server: RunningServer) -> None:
    """Incidents of the demo's restaurants, and channels that are made after them, so that nothing is sent."""
    api = server.sign_in()
    worker = server.launch("manage.py", "worker")
    try:
        give_up_at = time.monotonic() + 60
        while not api.get("/api/incidents").json()["results"]:
            if time.monotonic() > give_up_at:
                sys.exit("The worker opened no incident within a minute.")
            time.sleep(0.5)
    finally:
        worker.terminate()
        worker.wait()
    for channel in CHANNELS:
        assert api.post("/api/alert-channels", channel).status_code == 201


def pages(server: RunningServer) -> dict[str, str]:
    """Names of pictures and what they show."""
    api = server.sign_in()
    every = api.get("/api/sites?page_size=200").json()["results"]
    offline = [site["site_id"] for site in api.get("/api/sites?status=offline").json()["results"]]
    locked = next(site["site_id"] for site in every if site["is_locked"])
    many = urlencode([("site", site["site_id"]) for site in every[:12]])
    return {
        "dashboard": "/admin/",
        "sites": LIST,
        "site": f"{LIST}{offline[0]}/change/",
        "locked-site": f"{LIST}{locked}/change/",
        "confirm": f"{LIST}operate/lock/?{many}",
        "register": f"{LIST}add/",
        "import": f"{LIST}import/",
        "devices": "/admin/devices/device/",
        "device": f"/admin/devices/device/{device_of_the_demo(server)}/change/",
        "incidents": "/admin/alerts/incident/",
        "channels": "/admin/channels/",
        "account": "/admin/account/",
        "settings": "/admin/account/settings/",
        "new-token": "/admin/account/tokens/add/",
        "access-requests": "/admin/accounts/accessrequest/",
        "files": f"{LIST}{site_with_files(server)}/files/",
        "share": f"{LIST}{locked}/share/",
    }


def site_with_files(server: RunningServer) -> str:
    """A restaurant of the demo that has files."""
    api = server.sign_in()
    for site in api.get("/api/sites?page_size=200").json()["results"]:
        if api.get(f"/api/sites/{site['site_id']}/files").json()["count"]:
            return str(site["site_id"])
    sys.exit("No restaurant of the demo has files.")


def shared_page(server: RunningServer) -> str:
    """The path of the page that the owner of a locked restaurant sees."""
    api = server.sign_in()
    [locked, *_] = api.get("/api/sites?is_locked=true").json()["results"]
    url = api.post(f"/api/sites/{locked['site_id']}/share", {"note": "for the owner"}).json()["url"]
    return str(url).removeprefix(server.url)


def device_of_the_demo(server: RunningServer) -> str:
    """One that is online, or else any; the first one of an estate without devices is made here."""
    api = server.sign_in()
    found = [
        device["id"] for query in ("?status=online", "") for device in api.get(f"/api/devices{query}").json()["results"]
    ]
    if found:
        return str(found[0])
    location = api.get("/api/locations").json()["results"][0]["id"]
    code = api.post(f"/api/locations/{location}/enrolment-codes", {}).json()["code"]
    facts = {"enrolment_code": code, "device_id": "till-1", "name": "Till at the bar", "role": "till"}
    device = api.post("/api/devices/register", facts).json()
    credentials = {"X-Device-ID": device["id"], "X-Device-Key": device["device_key"]}
    api.post("/api/devices/heartbeat", {"firmware_version": "1.2.0", "uptime_seconds": 86_400}, **credentials)
    return str(device["id"])


def take(browser: Browser, server: RunningServer, look: str, shown: dict[str, str], shared: str) -> None:
    person: PanelUser = open_window(browser, server, look)
    person.go("/admin/login/")
    person.page.screenshot(path=FOLDER / f"sign-in-{look}.png")
    person.go(shared)
    person.page.screenshot(path=FOLDER / f"shared-page-{look}.png")
    person.sign_in()
    for name, path in shown.items():
        person.go(path)
        person.page.evaluate("() => Promise.all(Array.from(document.images, (image) => image.decode()))")
        person.page.screenshot(path=FOLDER / f"{name}-{look}.png")
    if person.complaints:
        sys.exit(f"The browser complained: {person.complaints}")


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        server = prepared(Path(folder))
        try:
            shown, shared = pages(server), shared_page(server)
            with chromium() as browser:
                for look in LOOKS:
                    take(browser, server, look, shown, shared)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
