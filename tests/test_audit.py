"""`make audit` says whether a locked package is known to be vulnerable, or that nobody could be asked."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from scripts import audit
from scripts.with_services import free_port

pytestmark = [pytest.mark.any_database, pytest.mark.slow]

FLAW = {
    "id": "GHSA-0000-0000-0000",
    "summary": "An invented flaw",
    "affected": [
        {
            "package": {"name": "django", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.0"}]}],
        }
    ],
}


@contextmanager
def advisory_service(*, status: int = 200, vulnerable: str = "") -> Iterator[str]:
    """The part of OSV's API that pip-audit uses."""

    class Service(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = {"vulns": [FLAW]} if question["package"]["name"] == vulnerable else {}
            body = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", free_port()), Service) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()


@pytest.fixture(autouse=True)
def one_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"django==5.2.19 --hash=sha256:{'0' * 64}\n")
    monkeypatch.setattr(audit, "LOCK", lock)


def ask(url: str) -> int:
    return audit.main(["--vulnerability-service", "osv", "--osv-url", url])


def test_packages_without_known_vulnerabilities_pass(capsys: pytest.CaptureFixture[str]) -> None:
    with advisory_service() as url:
        assert ask(url) == 0
    assert capsys.readouterr() == ("None of 1 packages is known to be vulnerable, says pypi.\n", "")


def test_a_vulnerable_package_is_named_with_the_version_that_fixes_it(capsys: pytest.CaptureFixture[str]) -> None:
    with advisory_service(vulnerable="django") as url:
        assert ask(url) == 1
    assert capsys.readouterr() == ("django 5.2.19: GHSA-0000-0000-0000, fixed in 99.0\n", "")


def test_without_an_advisory_service_nothing_is_claimed(capsys: pytest.CaptureFixture[str]) -> None:
    with advisory_service(status=503) as url:
        assert ask(url) == 2
    assert capsys.readouterr() == ("", "Nothing is known: neither PyPI nor OSV answers for every package from here.\n")
