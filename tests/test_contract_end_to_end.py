"""The contract as a client lives it: through real gunicorn, on both databases, in both slash forms and both prefixes."""

import itertools
import json
import re
import shutil
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.running_server import ROOT, Client, RunningServer, register

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=70)]

FORMS = list(itertools.product(["/api", "/api/v1"], ["", "/"]))


@pytest.mark.parametrize(("prefix", "slash"), FORMS)
def test_a_site_lives_through_everything(server: RunningServer, prefix: str, slash: str) -> None:
    api = server.sign_in()

    def at(path: str) -> str:
        return f"{prefix}/sites{path}{slash}"

    heartbeat = f"{prefix}/heartbeat{slash}"
    site = register(api, server, at(""), timezone="Europe/Rome")
    mine = f"/{site.site_id}"
    assert api.get(at(mine)).json()["status"] == "never_seen"

    reply = site.call_home(heartbeat)
    assert (reply.status_code, reply.json()["licensed"], reply.json()["locked"]) == (200, True, False)
    assert api.get(at(mine)).json()["status"] == "online"

    assert api.post(at(f"{mine}/lock"), {"reason": "unpaid invoice 118"}).json()["is_locked"] is True
    assert site.call_home(heartbeat).json()["lock_reason"] == "unpaid invoice 118"
    assert api.post(at(f"{mine}/unlock")).json()["is_locked"] is False
    assert site.call_home(heartbeat).json()["locked"] is False

    ended = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    assert api.send("PATCH", at(mine), {"license_expires_at": ended}).json()["licensed"] is False
    assert site.call_home(heartbeat).json()["licensed"] is False
    assert api.post(at(f"{mine}/extend"), {"days": 30}).json()["licensed"] is True
    assert site.call_home(heartbeat).json()["licensed"] is True

    rotated = api.post(at(f"{mine}/rotate-key")).json()
    assert site.call_home(heartbeat).status_code == 200, "the old key works during the overlap"
    assert site.call_home(heartbeat, rotated["secret_key"]).status_code == 200
    assert site.call_home(heartbeat, rotated["secret_key"]).status_code == 200
    assert site.call_home(heartbeat).status_code == 401, "the new key was used twice"

    events = [event["action"] for event in api.get(at(f"{mine}/events")).json()["results"]]
    assert events == ["key_retired", "key_rotated", "extended", "updated", "unlocked", "locked", "registered"]
    assert len(api.get(at(f"{mine}/heartbeats")).json()["results"]) == 8

    assert api.send("DELETE", at(mine)).status_code == 204
    assert api.get(at(mine)).status_code == 404
    assert site.call_home(heartbeat, rotated["secret_key"]).status_code == 401


def test_every_get_answers_the_same_in_all_forms(server: RunningServer) -> None:
    api = server.sign_in()
    site = register(api, server)
    for path in ("/sites", f"/sites/{site.site_id}", f"/sites/{site.site_id}/events", "/auth/me", "/schema", "/nope"):
        answers = [api.get(f"{prefix}{path}{slash}") for prefix, slash in FORMS]
        assert len({answer.status_code for answer in answers}) == 1, path
        bodies = {answer.text.replace("/api/v1/", "/api/") for answer in answers}
        assert len(bodies) == 1, path


@pytest.mark.parametrize("path", ["/health", "/health/", "/health/live", "/docs", "/docs/", "/redoc", "/redoc/"])
def test_service_endpoints_answer_without_a_redirect(server: RunningServer, path: str) -> None:
    assert Client(server).get(path).status_code == 200


def test_the_root_leads_to_the_admin_site(server: RunningServer) -> None:
    assert Client(server).get("/").headers["Location"] == "/admin/"


@pytest.mark.parametrize(
    ("status", "method", "path", "body"),
    [
        (400, "POST", "/api/sites", {"name": 5}),
        (401, "GET", "/api/sites", None),
        (404, "GET", "/api/nope", None),
        (404, "GET", "/api/sites/not-an-id", None),
        (404, "GET", "/api/sites/00000000-0000-4000-8000-000000000000", None),
        (405, "PUT", "/api/auth/login", {}),
        (413, "POST", "/api/sites", {"name": "x" * 70_000}),
    ],
)
def test_each_failure_is_a_problem(server: RunningServer, status: int, method: str, path: str, body: object) -> None:
    client = Client(server) if status == 401 else server.sign_in()
    answer = client.send(method, path, body, **{"X-Request-ID": "mine-1"})
    problem = answer.json()
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert (problem["status"], answer.headers["X-Request-ID"]) == (status, "mine-1")
    assert {"type", "title", "detail", "code"} <= problem.keys()


def test_a_body_of_ten_megabytes_is_refused_and_the_server_lives(server: RunningServer) -> None:
    api = server.sign_in()
    answer = api.session.post(
        f"{server.url}/api/sites", data=b"x" * 10_000_000, headers={"Content-Type": "application/json"}, timeout=15
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert api.get("/api/sites").status_code == 200


def test_a_body_in_chunks_is_read_and_limited(server: RunningServer) -> None:
    api = server.sign_in()
    headers = api.headers | {"Content-Type": "application/json"}

    def post(*chunks: bytes) -> int:
        answer = api.session.post(f"{server.url}/api/sites", data=iter(chunks), headers=headers, timeout=15)
        return answer.status_code

    assert post(b'{"name": "Chunk", "owner_', b'name": "G", "contact_email": "g@x.example"}') == 201
    assert post(*[b" " * 10_000] * 10) == 413


def test_the_request_id_stands_in_every_log_line_of_its_request(server: RunningServer) -> None:
    Client(server).get("/api/sites", **{"X-Request-ID": "find-me"})
    mine = [entry["logger"] for entry in server.log_entries() if entry["request_id"] == "find-me"]
    assert sorted(mine) == ["django.request", "portcullis.access"]


def test_the_headers_protect_pages_and_answers(server: RunningServer) -> None:
    for path in ("/admin/login/", "/api/sites", "/docs"):
        headers = Client(server).get(path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"], path
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "same-origin"
    cookies = Client(server).get("/admin/login/").headers["Set-Cookie"]
    assert "Secure" in cookies
    assert "HttpOnly" in cookies


def test_commands_follow_the_same_rules(server: RunningServer) -> None:
    made = server.manage("register_site", "--name=Osteria", "--owner-name=G", "--contact-email=g@x.example", "--json")
    site = json.loads(made.stdout)
    assert server.manage("lock_site", site["site_id"], "--reason=unpaid", "--json").returncode == 0
    api = server.sign_in()
    event = api.get(f"/api/sites/{site['site_id']}/events").json()["results"][0]
    assert (event["action"], event["source"], event["actor"]) == ("locked", "command", None)
    refused = server.manage("lock_site", "not-an-id", "--reason=unpaid")
    assert (refused.returncode, refused.stderr.strip()) == (1, "CommandError: There is no such site")
    assert server.manage("lock_site", site["site_id"]).returncode == 2


@pytest.mark.parametrize(
    "request_line", ["GET /api/sites?search=" + "x" * 9_000 + " HTTP/1.1", "GET /api/sites HTTP/9.9", "nonsense"]
)
def test_what_the_server_itself_refuses_is_a_problem_too(server: RunningServer, request_line: str) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(f"{request_line}\r\nHost: 127.0.0.1\r\n\r\n".encode())
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
    assert b"Content-Type: application/problem+json" in head
    assert b"X-Request-ID: " in head
    assert 400 <= json.loads(body)["status"] < 506


def test_a_server_without_collected_files_shows_its_pages_all_the_same(
    tmp_path: Path, new_sqlite: Callable[[Path], str]
) -> None:
    bare = tmp_path / "tree"
    unwanted = shutil.ignore_patterns(".git", ".venv", "var", "staticfiles", "__pycache__")
    shutil.copytree(ROOT, bare, ignore=unwanted)
    server = RunningServer(new_sqlite(tmp_path), tmp_path, root=bare)
    server.start()
    try:
        page = Client(server).get("/admin/login/")
        assert page.status_code == 200
        for path in re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text):
            assert Client(server).get(path).status_code == 200, path
    finally:
        server.stop()
