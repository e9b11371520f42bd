"""A site key that was shown once cannot be found again: not in the database, not in a dump, not in a log."""

import subprocess
from pathlib import Path

import pytest

from scripts.with_services import postgresql_bin
from tests.running_server import PASSWORD, Client, RunningServer, register

pytestmark = pytest.mark.e2e


def database_content(server: RunningServer) -> bytes:
    """All bytes of it, as a thief of the disk or of a backup would have them."""
    if server.database_url.startswith("sqlite"):
        return b"".join(path.read_bytes() for path in server.folder.glob("portcullis.sqlite3*"))
    dump = [postgresql_bin() / "pg_dump", "--inserts", server.database_url]
    return subprocess.run(dump, capture_output=True, check=True).stdout


def test_a_key_leaves_no_trace(server: RunningServer) -> None:
    api = server.sign_in()
    site = register(api, server, "/api/sites", name="Secretive")
    retried = {"Idempotency-Key": "secret-1"}
    body = {"name": "Twice", "owner_name": "G", "contact_email": "g@x.example"}
    keys = [site.key, api.post("/api/sites", body, **retried).json()["secret_key"]]
    assert api.post("/api/sites", body, **retried).json()["secret_key"] is None
    keys.append(api.post(f"/api/sites/{site.site_id}/rotate-key").json()["secret_key"])
    for key in keys:
        site.call_home(key=key)
    # Mistakes that people make: the key where it does not belong.
    noisy = Client(server, **{"X-Request-ID": site.key, "User-Agent": site.key})
    noisy.post("/api/heartbeat", {"version": "1.0.0", "uptime_seconds": -1}, **{"X-Site-ID": site.key})
    noisy.get(f"/api/sites/{site.key}")
    noisy.get(f"/api/sites?search={site.key}")
    api.get(f"/api/sites?search={site.key}")

    content, log = database_content(server), server.log.read_bytes()
    assert b"Secretive" in content, "the right database"
    for key in keys:
        assert key.encode() not in content
        assert key.encode() not in log
        # Nor the random part alone, were it stored without its prefix.
        assert key[4:47].encode() not in content + log
    assert PASSWORD.encode() not in content + log
    token = api.headers["Authorization"].removeprefix("Bearer ")
    assert token.encode() not in content + log


def test_what_the_api_shows_of_a_key_is_its_hint(server: RunningServer) -> None:
    api = server.sign_in()
    site = register(api, server)
    for path in ("", "/events", "/heartbeats"):
        answer = api.get(f"/api/sites/{site.site_id}{path}").text
        assert site.key not in answer
        assert "digest" not in answer
    assert api.get(f"/api/sites/{site.site_id}").json()["key_hint"] == "…" + site.key[-4:]


def test_the_server_says_in_one_sentence_which_setting_is_missing(tmp_path: Path) -> None:
    server = RunningServer(f"sqlite:///{tmp_path / 'db.sqlite3'}", tmp_path, settings={"SECRET_KEY": "short"})
    with pytest.raises(AssertionError, match="SECRET_KEY is too weak"):
        server.start()
    assert server.process is not None
    assert server.process.wait(10) != 0
    assert "Traceback" not in server.log.read_text()
