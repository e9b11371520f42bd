"""Two servers with one PostgreSQL and one Redis: what one knows the other knows, and either may die at any time."""

import os
import secrets
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.databases import prepared_postgresql
from tests.failover import signal_all
from tests.load import BROKEN, Load, lost, running_load, stored
from tests.nginx import SETTINGS_BEHIND_NGINX, NginxInFront
from tests.panel_session import PanelSession
from tests.running_server import ADMIN, PASSWORD, Client, RunningServer, Site, register
from tests.test_faults import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=30)]

NGINX_LEAVES_OUT_SECONDS = 6  # its fail_timeout, and one
WRONG_KEYS_A_MINUTE, WRONG_PASSWORDS = 8, 4
Pair = tuple[RunningServer, RunningServer]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[Pair]:
    folders = [tmp_path_factory.mktemp(name) for name in ("one", "two")]
    url = prepared_postgresql(postgres_url, folders[0])
    settings = {
        **SETTINGS_BEHIND_NGINX,
        "HTTPS_ONLY": "false",  # some tests call a server itself
        "SECRET_KEY": secrets.token_urlsafe(50),
        "SITE_KEY_PEPPER": secrets.token_urlsafe(50),
        "HEARTBEATS_PER_MINUTE": "5000",
        "HEARTBEAT_FAILURES_PER_MINUTE": str(WRONG_KEYS_A_MINUTE),
        "LOGIN_FAILURES_PER_PAIR": str(WRONG_PASSWORDS),
    }
    # A number of its own: other tests count in the same Redis.
    redis_url = os.environ["TEST_REDIS_URL"].rpartition("/")[0] + "/7"
    servers = [RunningServer(url, folder, redis_url=redis_url, settings=settings) for folder in folders]
    with ExitStack() as stack:
        for server in servers:
            server.start()
            stack.callback(server.stop)
        yield servers[0], servers[1]


@pytest.fixture(scope="module")
def nginx(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NginxInFront]:
    with NginxInFront([server.port for server in pair], tmp_path_factory.mktemp("nginx")) as running:
        yield running


@pytest.fixture(scope="module")
def api(pair: Pair) -> Client:
    return pair[0].sign_in()


def at(server: RunningServer, client: Client) -> Client:
    """The same client, at this server."""
    return Client(server, **client.headers)


def test_a_lock_a_rotation_and_a_new_site_hold_on_the_other_server(pair: Pair, api: Client) -> None:
    one, two = pair
    site = register(api, one)
    there = Site(two, site.site_id, site.key)
    assert there.call_home().json()["locked"] is False
    assert at(two, api).post(f"/api/sites/{site.site_id}/lock", {"reason": "unpaid"}).status_code == 200
    assert site.call_home().json()["locked"] is True
    assert api.post(f"/api/sites/{site.site_id}/rotate-key", {"overlap_hours": 0}).status_code == 200
    assert there.call_home().status_code == 401


def test_an_access_token_that_was_revoked_on_one_server_is_refused_on_the_other(pair: Pair) -> None:
    one, two = pair
    tokens = Client(one).post("/api/auth/login", {"username": ADMIN, "password": PASSWORD}).json()
    bearer = {"Authorization": f"Bearer {tokens['access']}"}
    assert Client(two, **bearer).get("/api/auth/me").status_code == 200
    assert Client(one).post("/api/auth/refresh", {"refresh": tokens["refresh"]}).status_code == 200
    assert Client(two).post("/api/auth/refresh", {"refresh": tokens["refresh"]}).status_code == 401
    assert Client(one, **bearer).get("/api/auth/me").status_code == 401


def test_a_session_of_the_panel_is_one_on_both_servers(pair: Pair) -> None:
    one, two = pair
    person = PanelSession(one)
    assert person.send("GET", "/admin/", server=two).status_code == 200
    assert person.submit("/admin/logout/", server=two).status_code == 200
    assert person.send("GET", "/admin/", server=one).status_code == 302


def test_an_idempotency_key_is_used_once_on_both_servers(pair: Pair, api: Client) -> None:
    site = register(api, pair[0])
    path, key = f"/api/sites/{site.site_id}/extend", {"Idempotency-Key": secrets.token_hex(8)}
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: at(pair[n % 2], api).post(path, {"days": 30}, **key), range(8)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    again = [at(server, api).post(path, {"days": 30}, **key) for server in pair]
    assert [answer.status_code for answer in again] == [200, 200]
    assert again[0].json() == again[1].json()
    events = api.get(f"/api/sites/{site.site_id}/events").json()["results"]
    assert [event["action"] for event in events] == ["extended", "registered"]


def test_limits_count_what_both_servers_saw(pair: Pair, api: Client) -> None:
    site = register(api, pair[0])
    body = {"version": "1.0.0", "uptime_seconds": 60}
    expected = [401] * WRONG_KEYS_A_MINUTE + [429] * (16 - WRONG_KEYS_A_MINUTE)
    # The minute that is counted may end during one of the attempts.
    for address in ({"X-Forwarded-For": "198.51.100.7"}, {"X-Forwarded-For": "198.51.100.8"}):
        wrong = {"X-Site-ID": site.site_id, "X-Site-Key": "psk_wrong", **address}
        statuses = [Client(pair[n % 2], **wrong).post("/api/heartbeat", body).status_code for n in range(16)]
        if statuses == expected:
            break
    assert statuses == expected
    guess = {"username": "nobody", "password": "wrong"}
    statuses = [Client(pair[n % 2], **address).post("/api/auth/login", guess).status_code for n in range(8)]
    assert statuses == [401] * WRONG_PASSWORDS + [429] * (8 - WRONG_PASSWORDS)


def kill(server: RunningServer) -> None:
    """Its first process and all workers at once, as if the machine lost its power."""
    assert server.process is not None
    signal_all(server.process.pid, signal.SIGKILL)
    server.process.wait()


def heartbeats_answered(server: RunningServer) -> int:
    return sum(entry.get("path") == "/api/heartbeat" for entry in server.log_entries())


def start_again(server: RunningServer) -> None:
    """Until nginx, which leaves a server out for a while after a failure, sends it requests again."""
    server.start()
    time.sleep(NGINX_LEAVES_OUT_SECONDS)
    before = heartbeats_answered(server)
    eventually(lambda: heartbeats_answered(server) > before, seconds=30)


def test_either_server_may_die_at_any_time(pair: Pair, nginx: NginxInFront) -> None:
    one, two = pair
    with running_load(nginx.sign_in(), nginx, nginx.client) as load:
        load.until_acknowledged(80)
        kill(one)
        load.until_acknowledged(80)
        start_again(one)
        kill(two)
        load.until_acknowledged(80)
    assert_nothing_lost_or_repeated(load, one.database_url)


def assert_nothing_lost_or_repeated(load: Load, database_url: str) -> None:
    assert lost(database_url, load) == []
    assert [write for write, times in stored(database_url, load).items() if times > 1] == []
    assert set(load.failed_reads) <= {BROKEN}, "a read is repeated at the other server, unless its response had begun"
    # Writes that had been sent to the server that died are not sent again; others waited too long for one that was starting.
    assert load.refusals[502] + load.refusals[BROKEN] > 0
    assert set(load.refusals) <= {502, 504, BROKEN}
