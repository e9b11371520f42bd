"""Two installations behind one nginx on one host name, each below a path (deploy/nginx/many-projects.conf)."""

import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext

from scripts.with_services import free_port
from tests.browser import PanelUser
from tests.doorbell import RunningDoorbell
from tests.nginx import HOST, SETTINGS_BEHIND_NGINX, NginxInFront
from tests.running_server import ADMIN, PASSWORD, ROOT, Client, RunningServer, register

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=60)]

ORIGIN = "https://app.vendor.example"
PAGES = [
    "/admin/",
    "/admin/sites/site/",
    "/admin/sites/site/add/",
    "/admin/sites/organization/",
    "/admin/alerts/incident/",
    "/admin/heartbeat/heartbeat/",
    "/admin/audit/event/",
    "/admin/accounts/admin/",
    "/admin/devices/device/",
    "/admin/firmware/firmware/",
    "/admin/rollouts/rollout/",
    "/admin/accounts/accessrequest/",
    "/admin/account/",
    "/admin/account/settings/",
    "/admin/jobs/",
    "/admin/password_change/",
    "/docs",
    "/redoc",
]
# An <svg> has addresses that are no texts; they name parts of itself.
ADDRESSES_OF_THE_PAGE = """[...document.querySelectorAll("[href], [src], form")]
  .map((element) => element.href ?? element.src ?? element.action).filter((address) => typeof address === "string")"""


@dataclass
class Project:
    """One of the two, as seen through nginx."""

    path: str
    server: RunningServer
    doorbell_port: int
    nginx: NginxInFront = field(init=False)

    @property
    def url(self) -> str:
        return self.nginx.url + self.path

    def client(self, **headers: str) -> Client:
        client = self.nginx.client(**headers)
        client.url = self.url
        return client

    def sign_in(self) -> Client:
        client = self.client()
        answer = client.post("/api/auth/login", {"username": ADMIN, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['access']}"
        return client


Projects = tuple[Project, Project]


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory, new_sqlite: Callable[[Path], str]) -> Iterator[Projects]:
    made = []
    for path in ("/licences", "/staging"):
        folder = tmp_path_factory.mktemp(path[1:])
        settings = SETTINGS_BEHIND_NGINX | {"WEB_CONCURRENCY": "1", "CORS_ALLOWED_ORIGINS": ORIGIN}
        made.append(Project(path, RunningServer(new_sqlite(folder), folder, settings=settings), free_port()))
    ports = {8100: made[0].server.port, 8200: made[1].server.port}
    ports |= {8101: made[0].doorbell_port, 8201: made[1].doorbell_port}
    nginx = NginxInFront(
        [],
        tmp_path_factory.mktemp("nginx"),
        site="many-projects.conf",
        replaced={f"server 127.0.0.1:{shipped};": f"server 127.0.0.1:{own};" for shipped, own in ports.items()},
    )
    with ExitStack() as stack:
        for project in made:
            project.nginx = nginx
            project.server.environment["DOORBELL_URL"] = f"{nginx.url}{project.path}/doorbell"
            assert project.server.manage("create_signing_key", "--if-none").returncode == 0
            project.server.start()
            stack.callback(project.server.stop)
        stack.enter_context(nginx)
        yield made[0], made[1]


@pytest.fixture
def window(browser: Browser) -> Iterator[BrowserContext]:
    """One browser for both, with one set of cookies."""
    context = browser.new_context(ignore_https_errors=True, viewport={"width": 1280, "height": 900})
    yield context
    context.close()


def signed_in(window: BrowserContext, project: Project) -> PanelUser:
    person = PanelUser(project, window.new_page())  # type: ignore[arg-type] # it needs the address alone
    person.sign_in()
    assert person.page.url == project.url + "/admin/"
    return person


def test_an_admin_walks_and_signs_out_and_no_request_leaves_the_path(
    projects: Projects, window: BrowserContext
) -> None:
    """`PanelUser` complains of each request to an address that does not begin with the project's own."""
    project = projects[0]
    site = register(project.sign_in(), project.server, name="Walk")
    person, outside = signed_in(window, project), {}
    of_site = [f"/admin/sites/site/{site.site_id}/{page}/" for page in ("change", "files", "share")]
    for path in [*PAGES, *of_site, "/admin/no/such/page/"]:
        answer = person.page.goto(project.url + path, wait_until="networkidle")
        assert answer is not None
        assert answer.status == (404 if "no/such" in path else 200), path
        found = person.page.evaluate(ADDRESSES_OF_THE_PAGE)
        assert found, path
        ours = [each for each in found if each.startswith(project.nginx.url)]
        outside[path] = [each for each in ours if not each.startswith(project.url + "/")]
    assert {path: found for path, found in outside.items() if found} == {}
    complaints = [each for each in person.complaints if "404" not in each]
    assert complaints == []
    person.go("/admin/")
    person.follow("#logout-form button")
    assert person.page.url == project.url + "/admin/logout/"
    person.go("/admin/sites/site/")
    assert person.page.url == f"{project.url}/admin/login/?next={project.path}/admin/sites/site/"
    person.page.fill("#id_username", ADMIN)
    person.page.fill("#id_password", PASSWORD)
    person.follow("input[type=submit]")
    assert person.page.url == project.url + "/admin/sites/site/"


def test_the_documentation_reads_the_description_below_the_path(projects: Projects, window: BrowserContext) -> None:
    page = window.new_page()
    page.goto(projects[1].url + "/docs")
    page.wait_for_selector(".opblock", timeout=60_000)
    assert page.locator(".servers option").all_inner_texts() == [projects[1].path]
    for project in projects:
        assert project.client().get("/api/schema").json()["servers"] == [{"url": project.path}]


def test_two_installations_in_one_browser_keep_their_sessions_apart(projects: Projects, window: BrowserContext) -> None:
    one, two = (signed_in(window, project) for project in projects)
    names = {(cookie["name"], cookie["path"]) for cookie in window.cookies()}
    assert {
        ("__Secure-licences~sessionid", "/licences/"),
        ("__Secure-staging~sessionid", "/staging/"),
        ("zone", "/licences/admin/"),
        ("zone", "/staging/admin/"),
    } <= names
    assert {path for _, path in names} == {"/licences/", "/staging/", "/licences/admin/", "/staging/admin/"}
    one.go("/admin/")
    one.follow("#logout-form button")
    two.go("/admin/")
    assert two.page.url == two.server.url + "/admin/"
    one.go("/admin/")
    assert "/admin/login/" in one.page.url


def test_a_session_of_one_is_none_of_the_other(projects: Projects, window: BrowserContext) -> None:
    one, two = projects
    signed_in(window, one)
    [session] = [each["value"] for each in window.cookies() if each["name"] == "__Secure-licences~sessionid"]
    for name in ("__Secure-licences~sessionid", "__Secure-staging~sessionid", "__Host-sessionid", "sessionid"):
        answer = two.client().get("/admin/", Cookie=f"{name}={session}")
        assert (answer.status_code, answer.headers["Location"]) == (302, "/staging/admin/login/?next=/staging/admin/")
    assert one.client().get("/admin/", Cookie=f"__Secure-licences~sessionid={session}").status_code == 200


def test_the_page_with_a_key_names_the_address_below_the_path(projects: Projects, window: BrowserContext) -> None:
    project = projects[0]
    person = signed_in(window, project)
    person.go("/admin/sites/site/add/")
    for name, value in {"name": "Key", "owner_name": "Wanda", "contact_email": "first@key.example"}.items():
        person.page.fill(f"#id_{name}", value)
    person.follow("input[name=_save]")
    assert f"{project.url}/api/heartbeat" in person.page.inner_text("#first-heartbeat")


def test_lists_and_what_was_made_are_found_below_the_path(projects: Projects) -> None:
    for project in projects:
        api = project.sign_in()
        for name in ("Roma", "Napoli"):
            register(api, project.server, name=name)
        page = api.get("/api/sites?page_size=1").json()
        assert page["next"].startswith(project.url + "/api/sites?")
        assert api.session.get(page["next"], headers=api.headers, timeout=15).status_code == 200
        made = api.post("/api/organizations", {"name": f"Trattorie {project.path}"})
        assert made.headers["Location"].startswith(project.path + "/api/organizations/")
        assert api.session.get(project.nginx.url + made.headers["Location"], headers=api.headers, timeout=15).ok


def test_files_and_the_page_for_the_restaurant_are_found_below_the_path(projects: Projects) -> None:
    project = projects[1]
    api = project.sign_in()
    site = register(api, project.server, name="Files")
    file = {"file": ("contract.txt", b"The contract of the restaurant.", "text/plain")}
    added = api.session.post(
        f"{project.url}/api/sites/{site.site_id}/upload",
        files=file,
        data={"kind": "contract"},
        headers=api.headers,
        timeout=15,
    )
    assert added.status_code == 201, added.text
    assert added.json()["url"].startswith("/staging/api/sites/")
    loaded = project.nginx.client().get(added.json()["url"])
    assert (loaded.status_code, loaded.content) == (200, b"The contract of the restaurant.")
    shared = api.post(f"/api/sites/{site.site_id}/share", {}).json()["url"]
    assert shared.startswith(project.url + "/s/")
    assert "/staging/static/" in project.client().get(shared.removeprefix(project.url)).text


def test_redirects_to_https_and_to_the_first_page_keep_the_path(projects: Projects) -> None:
    for project in projects:
        client = project.client()
        client.url = project.nginx.plain_url + project.path
        assert client.get("/admin/").headers["Location"] == project.url + "/admin/"
        assert project.client().get("").headers["Location"] == project.url + "/"
        assert project.client().get("/").headers["Location"] == project.path + "/admin/"
        # Without nginx, on the application's own port.
        assert requests.get(project.server.url + "/health/live", timeout=15).status_code == 200
        assert project.client().get("/metrics").status_code == 404


def test_only_the_paths_of_the_projects_exist(projects: Projects) -> None:
    client = projects[0].nginx.client()
    for path in ("/", "/admin/", "/api/sites", "/.project/admin/", "/.project/api/sites", "/licencesx/", "/other/"):
        assert client.get(path).status_code == 404, path


@pytest.mark.parametrize("forged", ["/evil", "//evil.example", "/staging"])
def test_a_client_cannot_name_the_path_or_the_host(projects: Projects, forged: str) -> None:
    project = projects[0]
    headers = {"X-Forwarded-Prefix": forged, "X-Forwarded-Host": "evil.example", "X-Script-Name": forged}
    assert project.client().get("/", **headers).headers["Location"] == "/licences/admin/"
    assert project.client().get("/api/schema", **headers).json()["servers"] == [{"url": "/licences"}]
    page = project.client().get("/admin/login/", **headers)
    assert "evil" not in page.text
    assert {cookie.path for cookie in page.cookies} == {"/licences/"}


def test_a_client_cannot_name_the_path_by_a_header_with_underscores(projects: Projects) -> None:
    """Servers turn `SCRIPT_NAME: /evil` into a variable that Django would take for the path."""
    request = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nSCRIPT_NAME: /evil\r\nX_FORWARDED_PREFIX: /evil\r\n\r\n"
    with socket.create_connection(("127.0.0.1", projects[0].server.port), timeout=10) as connection:
        connection.sendall(request.replace("HTTP/1.1\r\n", "HTTP/1.1\r\nX-Forwarded-Proto: https\r\n").encode())
        assert b"evil" not in connection.recv(65536)


def test_an_allowed_origin_calls_the_api_below_the_path(projects: Projects) -> None:
    client = projects[0].client(Origin=ORIGIN)
    preflight = client.send("OPTIONS", "/api/sites", **{"Access-Control-Request-Method": "GET"})
    assert (preflight.status_code, preflight.headers["Access-Control-Allow-Origin"]) == (200, ORIGIN)
    assert client.get("/api/sites").headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Access-Control-Allow-Origin" not in client.get("/admin/login/").headers


def test_an_allowed_origin_can_read_that_the_server_refused_its_request_at_once(projects: Projects) -> None:
    """gunicorn's worker answers before the application sees the request."""
    for origin, is_allowed in {ORIGIN: True, "https://evil.example": False}.items():
        head = f"GET /api/sites HTTP/1.1\r\nHost: {HOST}\r\nOrigin: {origin}\r\nX-Long: {'x' * 70_000}"
        with socket.create_connection(("127.0.0.1", projects[0].server.port), timeout=10) as connection:
            connection.sendall(head.encode())
            answer = connection.recv(65536).decode()
        assert answer.startswith("HTTP/1.1 431 "), answer
        assert (f"Access-Control-Allow-Origin: {origin}\r\n" in answer) is is_allowed


def test_the_agent_of_a_site_calls_below_the_path(projects: Projects, tmp_path: Path) -> None:
    project = projects[0]
    site = register(project.sign_in(), project.server, name="Agent")
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "agent/src"),
        "SSL_CERT_FILE": str(project.nginx.certificate),
        "PORTCULLIS_URL": project.url,
        "PORTCULLIS_SITE_ID": site.site_id,
        "PORTCULLIS_SITE_KEY": site.key,
        "PORTCULLIS_STATE": str(tmp_path / "agent"),
    }
    for command in ("enrol", "beat"):
        done = subprocess.run(
            [sys.executable, "-m", "portcullis_agent", command],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), command


def test_a_site_waits_at_the_doorbell_below_the_path(projects: Projects) -> None:
    project = projects[0]
    api = project.sign_in()
    site = register(api, project.server, name="Doorbell")
    doorbell = RunningDoorbell(project.server, port=project.doorbell_port)
    doorbell.start()
    try:
        keys = {"X-Site-ID": site.site_id, "X-Site-Key": site.key}
        reply = project.client(**keys).post("/api/heartbeat", {"version": "1.0.0", "uptime_seconds": 60}).json()
        assert reply["doorbell"] == project.url + "/doorbell", json.dumps(reply)
        told = project.client(**keys).get("/doorbell?since=0")
        assert (told.status_code, "revision" in told.text) == (200, True)
    finally:
        doorbell.stop()


def test_errors_of_nginx_below_the_api_are_problems(projects: Projects) -> None:
    answer = projects[1].client().get("/doorbell?since=0")  # no doorbell runs there
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


def test_another_host_name_gets_no_certificate(projects: Projects) -> None:
    nginx = projects[0].nginx
    context = ssl.create_default_context(cafile=str(nginx.certificate))
    with (
        socket.create_connection(("127.0.0.1", nginx.port)) as plain,
        pytest.raises(ssl.SSLError, match="unrecognized"),
    ):
        context.wrap_socket(plain, server_hostname="evil.example")
