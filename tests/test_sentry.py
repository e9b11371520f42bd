"""What Sentry gets: where a fault happened, and nothing of what the client sent or of what the database holds."""

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from tests.databases import prepared_postgresql
from tests.running_server import Client, RunningServer, register
from tests.test_faults import eventually

pytestmark = pytest.mark.e2e

# A row with one of these values breaks a constraint that no service knows, and PostgreSQL's error quotes the whole row.
EMAIL, VERSION, USERNAME = "giulia.privata@roma.example", "9.9.9-private", "mallory-private"
CONSTRAINTS = {
    "sites_site": f"contact_email <> '{EMAIL}'",
    "heartbeat_heartbeat": f"version <> '{VERSION}'",
    "accounts_signinattempt": f"username <> '{USERNAME}'",
}
PASSWORD, COOKIE, QUERY = "private-password-1", "private-cookie-2", "private-query-3"


class Sentry(ThreadingHTTPServer):
    """Takes envelopes as Sentry does."""

    def __init__(self) -> None:
        self.envelopes: list[str] = []
        super().__init__(("127.0.0.1", 0), Envelopes)

    @property
    def dsn(self) -> str:
        return f"http://public@127.0.0.1:{self.server_address[1]}/1"

    @property
    def events(self) -> list[dict[str, Any]]:
        """The last line of each envelope; the lines before are headers."""
        return [json.loads(envelope.splitlines()[-1]) for envelope in self.envelopes]


class Envelopes(BaseHTTPRequestHandler):
    server: Sentry

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.envelopes.append(body.decode())
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def sentry() -> Iterator[Sentry]:
    with Sentry() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def server(sentry: Sentry, postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder: Path = tmp_path_factory.mktemp("sentry")
    url = prepared_postgresql(postgres_url, folder)
    settings = {"SENTRY_DSN": sentry.dsn, "SENTRY_ENVIRONMENT": "tests", "WEB_CONCURRENCY": "1"}
    running = RunningServer(url, folder, settings=settings)
    running.start()
    yield running
    running.stop()


def break_the_tables(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for table, rule in CONSTRAINTS.items():
            connection.execute(f"ALTER TABLE {table} ADD CONSTRAINT test_only CHECK ({rule}) NOT VALID")


def says_what_was_raised_where(event: dict[str, Any]) -> bool:
    raised = event["exception"]["values"][-1]
    modules = [frame["module"] for frame in raised["stacktrace"]["frames"]]
    is_ours = any(module.startswith(("sites.", "heartbeat.", "accounts.")) for module in modules)
    return is_ours and (raised["type"], event["environment"]) == ("IntegrityError", "tests")


def test_a_fault_is_reported_without_what_the_client_sent(server: RunningServer, sentry: Sentry) -> None:
    api = server.sign_in()
    site = register(api, server, owner_name="Giulia Privata")
    break_the_tables(server.database_url)
    headers = {"Cookie": f"sessionid={COOKIE}", "X-Site-Key": site.key, "Referer": f"http://127.0.0.1/?{QUERY}"}

    changed = api.send(
        "PATCH", f"/api/sites/{site.site_id}", {"contact_email": EMAIL}, **headers, **{"X-Request-ID": "one"}
    )
    beat = Client(server, **headers, **{"X-Site-ID": site.site_id, "X-Request-ID": "two"}).post(
        "/api/heartbeat", {"version": VERSION, "uptime_seconds": 60}
    )
    form = requests.Session()
    form.get(f"{server.url}/admin/login/")
    token = next(value for name, value in form.cookies.items() if "csrf" in name)
    signed_in = form.post(
        f"{server.url}/admin/login/?next=/{QUERY}",
        {"username": USERNAME, "password": PASSWORD, "csrfmiddlewaretoken": token},
        headers={"X-Request-ID": "three", "X-Site-Key": site.key, "Referer": server.url},
        cookies={**form.cookies.get_dict(), "other": COOKIE},
        timeout=10,
    )
    assert [changed.status_code, beat.status_code, signed_in.status_code] == [500, 500, 500]

    eventually(lambda: len(sentry.envelopes) >= 3)
    assert [event["tags"]["request_id"] for event in sentry.events] == ["one", "two", "three"]
    assert all(map(says_what_was_raised_where, sentry.events))
    sent = "\n".join(sentry.envelopes)
    secrets = [
        PASSWORD,
        COOKIE,
        QUERY,
        EMAIL,
        VERSION,
        USERNAME,
        token,
        site.key,
        site.site_id,
        "Privata",
        "giulia",
        "psk_",
    ]
    secrets += [
        api.headers["Authorization"].split()[1],
        "Bearer",
        "csrf",
        "sessionid",
        "X-Site-Key",
        "127.0.0.1/",
        "anna",
    ]
    secrets += [server.environment[name] for name in ("SECRET_KEY", "SITE_KEY_PEPPER", "DATABASE_URL")]
    assert [secret for secret in secrets if secret.lower() in sent.lower()] == []
    logged = server.log.read_text()
    assert "Failing row contains" in logged  # the secrets were in the error's text


def test_an_error_without_a_traceback_is_not_reported(server: RunningServer, sentry: Sentry) -> None:
    before = len(sentry.envelopes)
    with psycopg.connect(server.database_url) as connection:
        connection.execute("LOCK TABLE sites_site")
        answer = server.sign_in().get("/api/sites", **{"X-Request-ID": "away"})
    assert answer.status_code == 503
    assert [entry for entry in server.log_entries() if entry["level"] == "ERROR" and entry["request_id"] == "away"]
    assert len(sentry.envelopes) == before
