#!/usr/bin/env python3
"""Fill Portcullis with forty restaurants that call home, each through an agent of its own, and with their devices.

`make demo` calls this. The devices call until Ctrl-C.

Uses the server that answers at PORTCULLIS_URL (default: this machine, at PORT or 8000), else starts one like `make run` and
keeps it running. Signs in with what the first run left in var/first-admin.json, or with PORTCULLIS_USERNAME and
PORTCULLIS_PASSWORD. What must have happened hours ago is backdated by `manage.py demo_backdate`, for the demo's own sites
only: time cannot be hurried over HTTP. `make demo-clean` takes everything out again.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import demo_devices
import demo_files
import demo_restaurants as cast
import run
from demo_agents import DemoAgent
from demo_devices import enrol
from demo_restaurants import DEMO_DOMAIN, RESTAURANTS, Restaurant

CALLERS_AT_ONCE = 8
CALLS_EACH = 8
DAYS_OF_HISTORY = 90
ATTEMPTS = 4
LONGEST_WAIT_SECONDS = 5
TIMEOUT_SECONDS = 15
ALREADY_REGISTERED = "The demo's registrations were sent before and their keys are gone: run `make demo-clean` first."

BACKDATED_TO = {
    "online": (cast.ONLINE, cast.ENDS_SOON, cast.EXPIRED, cast.LOCK_UNTOLD),
    "late": (cast.LATE,),
    "offline": (cast.OFFLINE,),
}


class DemoProblem(Exception):
    """A problem, as one sentence for the person who started the demo."""


# --- The API ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any


def is_on_this_machine(url: str) -> bool:
    return urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}


class Api:
    """Calls to one server, as the admin who signed in."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.headers = {"Content-Type": "application/json"}
        # A proxy in the environment would be asked for this machine's own address.
        direct = [urllib.request.ProxyHandler({})] if is_on_this_machine(url) else []
        self.opener = urllib.request.build_opener(*direct)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """The answer, whatever its status; names of headers are given with underscores."""
        named = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data=data, headers=named, method=method)
        for _ in range(ATTEMPTS):
            answer, wait_seconds = self.try_once(request)
            if answer.status not in {429, 503}:
                break
            time.sleep(wait_seconds)
        return answer

    def try_once(self, request: urllib.request.Request) -> tuple[Answer, int]:
        try:
            with self.opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                return Answer(response.status, readable(response.read())), 0
        except urllib.error.HTTPError as error:
            with error:
                wait = error.headers.get("Retry-After", "")
                seconds = min(int(wait), LONGEST_WAIT_SECONDS) if wait.isdecimal() else 1
                return Answer(error.code, readable(error.read())), seconds

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The body of a success. Raises DemoProblem for anything else."""
        answer = self.send(method, path, body, **headers)
        if answer.status >= 300:
            raise DemoProblem(f"{method} {path} was answered {answer.status}: {said_in(answer.body)}.")
        return answer.body

    def is_portcullis(self) -> bool:
        """Whether it answers as Portcullis does. Raises DemoProblem when something else answers; False when nothing does."""
        try:
            health = self.send("GET", "/health")
        except OSError:
            return False
        if not isinstance(health.body, dict) or health.body.get("status") != "ok":
            raise DemoProblem(f"What answers at {self.url}/health is no healthy Portcullis ({health.status}).")
        return True

    def sign_in(self) -> None:
        username, password = credentials()
        code = {"otp": os.environ["PORTCULLIS_OTP"]} if os.environ.get("PORTCULLIS_OTP") else {}
        answer = self.send("POST", "/api/auth/login", {"username": username, "password": password, **code})
        if answer.status != 200:
            raise DemoProblem(
                f"Cannot sign in as {username} ({said_in(answer.body)}): "
                "set PORTCULLIS_USERNAME and PORTCULLIS_PASSWORD to those of a sysadmin."
            )
        self.headers["Authorization"] = f"Bearer {answer.body['access']}"

    def demo_sites(self, **filters: str) -> dict[str, Any]:
        """A page of the demo's sites, with their count."""
        return self.ask("GET", f"/api/sites?{urlencode({'search': f'@{DEMO_DOMAIN}', 'page_size': 200, **filters})}")


def readable(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None


def said_in(problem: Any) -> str:
    return str(problem.get("detail") or problem.get("title")) if isinstance(problem, dict) else "no reason given"


def credentials() -> tuple[str, str]:
    username, password = os.environ.get("PORTCULLIS_USERNAME"), os.environ.get("PORTCULLIS_PASSWORD")
    if username and password:
        return username, password
    try:
        first_admin = json.loads(run.FIRST_ADMIN_FILE.read_text(encoding="utf-8"))
        return first_admin["username"], first_admin["password"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DemoProblem(
            "The first admin's password is not in var/first-admin.json: "
            "set PORTCULLIS_USERNAME and PORTCULLIS_PASSWORD to those of a sysadmin."
        ) from error


# --- What the restaurants do --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LocalBackend:
    """A restaurant's own server: it knows the id and the key."""

    api: Api
    restaurant: Restaurant
    site_id: str
    key: str

    def call_home(self, times: int, *, version: str = "1.0.0", key: str | None = None, answered: int = 200) -> None:
        """Run the agent for that many calls. Raises DemoProblem when the control plane does not answer as it should."""
        name, key = self.restaurant.slug, key or self.key
        with closing(DemoAgent(self.api, name, site_id=self.site_id, site_key=key, version=version)) as agent:
            for _ in range(times):
                status, problem = agent.call()
                if status != answered:
                    raise DemoProblem(f"{self.restaurant.name} was answered {status}: {problem}")

    def live(self) -> None:
        """Play its part."""
        part = self.restaurant.part
        if part == cast.WRONG_KEY:
            self.call_home(2, key="psk_from-another-restaurant", answered=401)
        elif part == cast.LOCKED:
            self.call_home(1)
            self.lock()
            self.call_home(1)
        elif part != cast.NEVER_SEEN:
            self.call_home(CALLS_EACH // 2)
            self.call_home(CALLS_EACH - CALLS_EACH // 2, version="1.1.0")
            if part == cast.LOCK_UNTOLD:
                self.lock()

    def lock(self) -> None:
        self.api.ask("POST", f"/api/sites/{self.site_id}/lock", {"reason": self.restaurant.lock_reason})


def register(api: Api, restaurant: Restaurant, now: datetime) -> LocalBackend:
    # The event of the registration keeps the request id; by it demo/services.py finds the demo's sites again.
    name = f"portcullis-demo-{restaurant.slug}"
    answer = api.send("POST", "/api/sites", restaurant.registration(now), Idempotency_Key=name, X_Request_ID=name)
    if answer.status == 409 or (answer.status == 201 and answer.body["secret_key"] is None):
        raise DemoProblem(ALREADY_REGISTERED)
    if answer.status != 201:
        raise DemoProblem(f"{restaurant.name} was not registered ({answer.status}): {said_in(answer.body)}.")
    return LocalBackend(api, restaurant, answer.body["site_id"], answer.body["secret_key"])


def fill(api: Api) -> None:
    """All forty: registered, calling, some locked, some moved into the past."""
    present = sum(site["name"].startswith(cast.NAME_PREFIX) for site in api.demo_sites()["results"])
    if present:
        print(f"The demo is already there ({present} restaurants); `make demo-clean` takes it out.")
        return
    started, now = time.monotonic(), datetime.now(UTC)
    with ThreadPoolExecutor(CALLERS_AT_ONCE) as pool:
        print(f"Registering {len(RESTAURANTS)} restaurants at {api.url} …", flush=True)
        backends = list(pool.map(lambda restaurant: register(api, restaurant, now), RESTAURANTS))
        print("They call home …", flush=True)
        list(pool.map(LocalBackend.live, backends))
        print("Their devices, too …", flush=True)
        join_organizations(api, backends)
        numbered = list(enumerate(backends))
        enrolled = list(
            pool.map(lambda each: enrol(api, each[0], site_id=each[1].site_id, site_key=each[1].key), numbered)
        )
        demo_devices.begin(api, [device for of_one in enrolled for device in of_one])
    backdate(backends)
    upload_files(api, [each for each in backends if each.restaurant.part in (cast.LOCKED, cast.NEVER_SEEN)])
    share_page(api, next(each for each in backends if each.restaurant.part == cast.LOCKED))
    ask_for_access(api)
    print(f"Done in {time.monotonic() - started:.0f} seconds.")


def join_organizations(api: Api, backends: list[LocalBackend]) -> None:
    """Two chains; the other restaurants belong to none."""
    for name, zones in cast.CHAINS.items():
        slug = f"demo-{name.lower().replace(' ', '-')}"
        created = api.send("POST", "/api/organizations", {"name": f"{cast.NAME_PREFIX}{name}", "slug": slug})
        if created.status == 409:
            found = api.ask("GET", f"/api/organizations?{urlencode({'search': slug})}")["results"]
            organization_id = next(each["id"] for each in found if each["slug"] == slug)
        else:
            organization_id = created.body["id"]
        for backend in backends:
            if backend.restaurant.timezone in zones:
                api.ask("PATCH", f"/api/sites/{backend.site_id}", {"organization_id": organization_id})


def upload_files(api: Api, backends: list[LocalBackend]) -> None:
    for backend in backends:
        for file in demo_files.files_of(backend.restaurant.name, backend.restaurant.owner_name):
            body, media_type = demo_files.form(*file)
            answer = api.send("POST", f"/api/sites/{backend.site_id}/upload", body, Content_Type=media_type)
            if answer.status != 201:
                raise DemoProblem(f"A file of {backend.restaurant.name} was refused: {said_in(answer.body)}.")


def share_page(api: Api, backend: LocalBackend) -> None:
    """Of one restaurant, as its owner sees it. The address is shown once."""
    link = api.ask("POST", f"/api/sites/{backend.site_id}/share", {"note": f"for {backend.restaurant.owner_name}"})
    print(f"The page of {backend.restaurant.name} for its owner, without sign-in: {link['url']}", flush=True)


def ask_for_access(api: Api) -> None:
    """A request of a colleague, which waits for a sysadmin. Nobody knows the password."""
    colleague = {"name": "Nora Conti", "email": f"nora@{DEMO_DOMAIN}", "password": secrets.token_urlsafe(24)}
    api.ask("POST", "/api/auth/request-access", {**colleague, "reason": "I joined the support team on Monday."})


def backdate(backends: list[LocalBackend]) -> None:
    """Make some late and some offline. Says so when this machine's database is not the server's, and goes on."""
    print(
        "Backdating: no request can hurry time, so `manage.py demo_backdate` moves their calls into the past …",
        flush=True,
    )
    arguments = ["--days", str(DAYS_OF_HISTORY)]
    for status, parts in BACKDATED_TO.items():
        arguments += [f"--{status}", *(each.site_id for each in backends if each.restaurant.part in parts)]
    done = subprocess.run(
        [sys.executable, "manage.py", "demo_backdate", *arguments],
        cwd=run.ROOT,
        env=os.environ | {"DEMO": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        print(f"Not backdated, so no site is late or offline; is the server's database another one? {reason}")


# --- What there is to see -----------------------------------------------------------------------------------------


def summary(api: Api) -> str:
    now = datetime.now(UTC)
    soon = {"license_expires_after": instant(now), "license_expires_before": instant(now + timedelta(days=30))}
    asked = [
        ("online", {"status": "online"}),
        ("late", {"status": "late"}),
        ("offline", {"status": "offline"}),
        ("never seen", {"status": "never_seen"}),
        ("locked", {"is_locked": "true"}),
        ("licence has ended", {"licensed": "false"}),
        ("licence ends within 30 days", soon),
        ("all", {}),
    ]
    lines = [f"  {'What':<28} {'Sites':>5}  For example"]
    for title, filters in asked:
        page = api.demo_sites(**filters)
        names = ", ".join(site["name"].removeprefix(cast.NAME_PREFIX) for site in page["results"][:3])
        lines.append(f"  {title:<28} {page['count']:>5}  {names}")
    refused = [restaurant.name for restaurant in RESTAURANTS if restaurant.part == cast.WRONG_KEY]
    return "\n".join([*lines, "", f"  Refused with 401 for a wrong key, and so never seen: {', '.join(refused)}."])


def instant(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def show(api: Api) -> None:
    api.sign_in()
    fill(api)
    print(f"\n{summary(api)}")
    print("\n  Calls that lie in the past are backdated; everything else went through the API.")
    print(f"\nLook at {api.url}/admin/ · `make demo-clean` removes the demo.", flush=True)


# --- With which server --------------------------------------------------------------------------------------------


def with_own_server(show_demo: Callable[[], None], api: Api, *, keep_running: bool) -> None:
    first_admin = run.prepare()
    with run.running_doorbell() as doorbell, run.running_server() as process:
        print(run.what_runs_where(first_admin, doorbell), flush=True)
        show_demo()
        if keep_running:
            print("The server runs, and the devices call, until Ctrl-C.", flush=True)
            calling = (api, demo_devices.known_devices(), threading.Event())
            threading.Thread(target=demo_devices.keep_calling, args=calling, daemon=True).start()
            process.wait()


def wanted_url() -> str:
    url = os.environ.get("PORTCULLIS_URL", "").rstrip("/") or run.server_url()
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise DemoProblem(f"PORTCULLIS_URL must look like http://127.0.0.1:8000, not {url}.")
    return url


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--exit", action="store_true", help="end when the demo is in, and stop a server that this started"
    )
    options = parser.parse_args()
    os.chdir(run.ROOT)
    run.environment.load_env_file(run.ROOT)
    api = Api(wanted_url())
    if api.is_portcullis():
        show(api)
        if not options.exit:
            print("The devices call until Ctrl-C.", flush=True)
            demo_devices.keep_calling(api, demo_devices.known_devices(), threading.Event())
    elif os.environ.get("PORTCULLIS_URL"):
        raise DemoProblem(
            f"Nothing answers at {api.url}: start it, or unset PORTCULLIS_URL to have a server started here."
        )
    else:
        with_own_server(lambda: show(api), api, keep_running=not options.exit)


if __name__ == "__main__":
    try:
        main()
    except DemoProblem as problem:
        sys.exit(str(problem))
    except OSError as error:
        sys.exit(f"The server stopped answering: {error}.")
    except KeyboardInterrupt:
        sys.exit(130)
