"""The doorbell's promises over HTTP, on each database, beside the server as shipped."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest
import requests

from tests.databases import prepared_postgresql
from tests.doorbell import RunningDoorbell, doorbell_of, wait_until
from tests.running_server import Client, RunningServer, Site, register

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=120)]

TOLD_WITHIN_SECONDS = 5  # on a busy machine; usually some milliseconds on PostgreSQL, and up to a second on SQLite


@pytest.fixture(scope="module")
def doorbell(server: RunningServer) -> Iterator[RunningDoorbell]:
    with doorbell_of(server, DOORBELL_WAITS_PER_ADDRESS="20", HEARTBEAT_FAILURES_PER_MINUTE="30") as running:
        yield running


@pytest.fixture(scope="module")
def api(server: RunningServer) -> Client:
    return server.sign_in()


@pytest.fixture
def site(api: Client, server: RunningServer) -> Site:
    return register(api, server)


def revision(api: Client, site: Site) -> int:
    return int(api.get(f"/api/sites/{site.site_id}").headers["ETag"].strip('"'))


def test_a_newer_revision_is_answered_at_once(doorbell: RunningDoorbell, site: Site) -> None:
    answer = doorbell.ask(site, 0)
    assert (answer.status_code, answer.json(), answer.headers["Content-Type"]) == (
        200,
        {"revision": 1},
        "application/json",
    )
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.elapsed.total_seconds() < TOLD_WITHIN_SECONDS


def test_a_wait_without_news_ends_in_time_with_204(doorbell: RunningDoorbell, site: Site) -> None:
    answer = doorbell.ask(site, 1, wait=1)
    assert (answer.status_code, answer.content) == (204, b"")
    assert "Content-Type" not in answer.headers
    assert 1 <= answer.elapsed.total_seconds() < 1 + TOLD_WITHIN_SECONDS
    assert doorbell.ask(site, 99, wait=1).status_code == 204  # after a restore of a backup a site may hold more


def test_each_change_rings(doorbell: RunningDoorbell, site: Site, api: Client) -> None:
    changes = [
        ("POST", "/lock", {"reason": "unpaid"}),
        ("POST", "/lock", {"reason": "another reason"}),
        ("POST", "/unlock", {}),
        ("POST", "/extend", {"days": 3}),
        ("PATCH", "", {"is_active": False}),
        ("DELETE", "", None),
    ]
    for number, (method, path, body) in enumerate(changes, start=1):
        waiting = doorbell.wait_for(site, number)
        time.sleep(0.2)
        assert api.send(method, f"/api/sites/{site.site_id}{path}", body).ok
        changed_at = time.monotonic()
        answer, answered_at = waiting.result(70)
        assert (answer.status_code, answer.json()) == (200, {"revision": number + 1})
        assert answered_at - changed_at < TOLD_WITHIN_SECONDS
    assert doorbell.ask(site, 0).status_code == 401  # it is deregistered now


def test_another_site_is_not_told(doorbell: RunningDoorbell, site: Site, api: Client, server: RunningServer) -> None:
    other = register(api, server)
    waiting = doorbell.wait_for(other, 1, wait=2)
    assert api.post(f"/api/sites/{site.site_id}/lock", {"reason": "unpaid"}).ok
    assert waiting.result(70)[0].status_code == 204


def test_the_answer_to_wrong_credentials_is_the_heartbeats(doorbell: RunningDoorbell, site: Site) -> None:
    heartbeat = site.call_home(key=site.key[:-1] + "x")
    unknown = Site(site.server, "00000000-0000-4000-8000-000000000000", site.key)
    answers = [
        doorbell.ask(site, 0, key=site.key[:-1] + "x"),
        doorbell.ask(unknown, 0),
        doorbell.ask(Site(site.server, "no-id", site.key), 0),
        requests.get(doorbell.url, params={"since": 0}, headers={"X-Site-ID": site.site_id}, timeout=10),
        requests.get(doorbell.url, timeout=10),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert {answer.content for answer in answers} == {heartbeat.content}
    assert {answer.headers["WWW-Authenticate"] for answer in answers} == {heartbeat.headers["WWW-Authenticate"]}


@pytest.mark.parametrize(
    "query",
    [
        "",
        "since=",
        "since=x",
        "since=-1",
        "since=1.0",
        "since=+1",
        "since=%C2%B2",
        "since=9007199254740992",
        "since=1&since=2",
        "since=1&wait=0",
        "since=1&wait=56",
        "since=1&wait=x",
        "since=1&other=2",
        "since=1&%FF=%FF",
        "&".join(f"x{number}=1" for number in range(200)),
    ],
)
def test_a_wrong_query_is_refused(doorbell: RunningDoorbell, site: Site, query: str) -> None:
    headers = {"X-Site-ID": site.site_id, "X-Site-Key": site.key}
    answer = requests.get(f"{doorbell.url}?{query}", headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["status"]) == (400, 400)
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("head", ["X-Long: " + "x" * 3_000, "\r\n".join(f"X-{number}: 1" for number in range(60))])
def test_a_large_head_is_refused(doorbell: RunningDoorbell, head: str) -> None:
    with socket.create_connection(("127.0.0.1", doorbell.port), timeout=10) as connection:
        connection.sendall(f"GET /doorbell?since=1 HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode())
        assert int(connection.recv(100).split()[1]) in {400, 431}


def test_other_methods_and_paths_are_problems(doorbell: RunningDoorbell) -> None:
    for method in ("POST", "PUT", "DELETE", "HEAD", "OPTIONS"):
        answer = requests.request(method, doorbell.url, timeout=10)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")
    answer = requests.get(f"{doorbell.url}/other", timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.headers["X-Request-ID"]
    named = requests.get(f"{doorbell.url}/", headers={"X-Request-ID": "mine-7"}, timeout=10)
    assert (named.status_code, named.headers["X-Request-ID"]) == (401, "mine-7")


def test_a_site_has_two_waits_at_a_time(doorbell: RunningDoorbell, site: Site) -> None:
    waiting = [doorbell.wait_for(site, 1, wait=3) for _ in range(2)]
    time.sleep(0.5)
    third = doorbell.ask(site, 1, wait=1)
    assert (third.status_code, third.json()["code"]) == (429, "too_many_waits")
    assert int(third.headers["Retry-After"]) >= 1
    assert [one.result(70)[0].status_code for one in waiting] == [204, 204]
    assert doorbell.ask(site, 1, wait=1).status_code == 204


def test_who_does_not_have_the_key_takes_no_place_of_a_site(doorbell: RunningDoorbell, site: Site) -> None:
    refused = [doorbell.wait_for(Site(site.server, site.site_id, "psk_wrong"), 1) for _ in range(4)]
    accepted = [doorbell.wait_for(site, 1, wait=1) for _ in range(2)]
    assert {one.result(70)[0].status_code for one in refused} == {401}
    assert {one.result(70)[0].status_code for one in accepted} == {204}


def test_a_site_that_leaves_gives_its_place_back(doorbell: RunningDoorbell, site: Site) -> None:
    head = f"GET /doorbell?since=1 HTTP/1.1\r\nHost: x\r\nX-Site-ID: {site.site_id}\r\nX-Site-Key: {site.key}\r\n\r\n"
    for _ in range(3):
        with ExitStack() as stack:
            for _ in range(2):
                connection = stack.enter_context(socket.create_connection(("127.0.0.1", doorbell.port)))
                connection.sendall(head.encode())
            wait_until(lambda: doorbell.ask(site, 1, wait=1).status_code == 429, 5)
        wait_until(lambda: doorbell.ask(site, 1, wait=1).status_code == 204, 5)


def test_the_waits_of_an_address_are_limited(
    doorbell: RunningDoorbell, api: Client, server: RunningServer, site: Site
) -> None:
    sites = [register(api, server) for _ in range(10)]
    waiting = [doorbell.wait_for(one, 1, wait=4) for one in sites for _ in range(2)]
    time.sleep(1)
    refused = doorbell.ask(site, 1, wait=1)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_waits")
    assert {one.result(70)[0].status_code for one in waiting} == {204}


def test_failures_are_limited_and_a_valid_wait_is_answered_all_the_same(doorbell: RunningDoorbell, site: Site) -> None:
    wrong = Site(site.server, site.site_id, "psk_wrong")
    statuses = []
    # The count begins anew with each minute, so that one may end within the first 31.
    while 429 not in statuses and len(statuses) < 70:
        statuses.append(doorbell.ask(wrong, 0).status_code)
    assert statuses[-1] == 429
    assert set(statuses) == {401, 429}
    assert doorbell.ask(site, 0).status_code == 200
    assert doorbell.ask(site, 1, wait=1).status_code == 204


def test_no_change_is_missed_while_a_wait_begins(doorbell: RunningDoorbell, site: Site, api: Client) -> None:
    """The change commits before, while and after the credentials are checked."""
    for number in range(1, 13):
        waiting = doorbell.wait_for(site, number, wait=10)
        time.sleep(0.002 * (number % 6))
        changed = api.post(f"/api/sites/{site.site_id}/lock", {"reason": f"reason {number}"})
        assert changed.ok
        answer, _ = waiting.result(70)
        assert (answer.status_code, answer.json()) == (200, {"revision": number + 1})


# --- When something fails -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own_server(
    tmp_path_factory: pytest.TempPathFactory, postgres_url: str
) -> Iterator[tuple[RunningServer, RunningDoorbell]]:
    """On a PostgreSQL database of its own."""
    folder = tmp_path_factory.mktemp("own")
    server = RunningServer(prepared_postgresql(postgres_url, folder), folder)
    server.start()
    try:
        with doorbell_of(server) as doorbell:
            yield server, doorbell
    finally:
        server.stop()


def test_changes_are_found_after_the_listening_connection_was_lost(
    own_server: tuple[RunningServer, RunningDoorbell],
) -> None:
    server, doorbell = own_server
    api = server.sign_in()
    sites = [register(api, server) for _ in range(5)]
    waiting = [doorbell.wait_for(one, 1) for one in sites]
    time.sleep(1)
    with psycopg.connect(server.database_url, autocommit=True) as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND query = 'LISTEN portcullis_site_changed'"
        ).fetchall()
    assert ended == [(True,)]
    for one in sites:
        assert api.post(f"/api/sites/{one.site_id}/lock", {"reason": "unpaid"}).ok
    for one in waiting:
        assert one.result(10)[0].json() == {"revision": 2}
    wait_until(doorbell.is_healthy, 5)


def test_a_doorbell_that_cannot_know_says_so_and_recovers(
    own_server: tuple[RunningServer, RunningDoorbell], postgres_url: str
) -> None:
    server, doorbell = own_server
    api = server.sign_in()
    site = register(api, server)
    name = server.database_url.rpartition("/")[2]
    waiting = doorbell.wait_for(site, 1, wait=7)
    time.sleep(0.5)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        try:
            began = time.monotonic()
            answer = doorbell.ask(site, 0)
            assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
            assert int(answer.headers["Retry-After"]) >= 1
            assert time.monotonic() - began < 5
            assert waiting.result(70)[0].status_code == 503
            assert requests.get(f"{doorbell.url}/health", timeout=5).status_code == 503
            time.sleep(2)
            assert requests.get(f"{doorbell.url}/health", timeout=5).status_code == 503, "also while no site waits"
        finally:
            connection.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")
    wait_until(doorbell.is_healthy, 10)
    assert doorbell.ask(site, 0).json() == {"revision": 1}
    waiting = doorbell.wait_for(site, 1)
    wait_until(lambda: api.post(f"/api/sites/{site.site_id}/lock", {"reason": "unpaid"}).ok, 10)
    assert waiting.result(10)[0].json() == {"revision": 2}


def test_half_open_connections_of_one_address_leave_others_waiting(
    own_server: tuple[RunningServer, RunningDoorbell],
) -> None:
    server, doorbell = own_server
    api = server.sign_in()
    site = register(api, server)
    waiting = doorbell.wait_for(site, 1)
    with ExitStack() as stack:
        for number in range(2_100):
            connection = socket.socket()
            stack.callback(connection.close)
            connection.bind(("127.0.0.77", 0))
            connection.settimeout(5)
            try:
                connection.connect(("127.0.0.1", doorbell.port))
                connection.sendall(b"GET /doorbell?since=1 HTTP/1.1\r\nHost: x\r\n")
            except OSError:
                assert number >= 2_000
        began = time.monotonic()
        assert api.post(f"/api/sites/{site.site_id}/lock", {"reason": "unpaid"}).ok
        assert waiting.result(70)[0].json() == {"revision": 2}
        assert time.monotonic() - began < TOLD_WITHIN_SECONDS
        assert doorbell.ask(site, 0).status_code == 200


def test_each_of_two_doorbells_is_told(own_server: tuple[RunningServer, RunningDoorbell]) -> None:
    server, first = own_server
    api = server.sign_in()
    site = register(api, server)
    with doorbell_of(server) as second:
        waiting = [each.wait_for(site, 1) for each in (first, second)]
        time.sleep(0.5)
        assert api.post(f"/api/sites/{site.site_id}/lock", {"reason": "unpaid"}).ok
        assert {one.result(10)[0].status_code for one in waiting} == {200}


def test_a_doorbell_that_stops_answers_all_within_seconds(own_server: tuple[RunningServer, RunningDoorbell]) -> None:
    server, _ = own_server
    api = server.sign_in()
    sites = [register(api, server) for _ in range(20)]
    with doorbell_of(server) as stopping:
        waiting = [stopping.wait_for(one, 1) for one in sites]
        time.sleep(1)
        began = time.monotonic()
        stopper = threading.Thread(target=stopping.stop)
        stopper.start()
        answers = [one.result(20) for one in waiting]
        stopper.join()
    assert {answer.status_code for answer, _ in answers} == {204}
    assert {answer.headers["Connection"] for answer, _ in answers} == {"close"}
    ends = sorted(at - began for _, at in answers)
    assert ends[-1] < 8
    assert ends[-1] - ends[0] > 1  # spread
    assert "Forcing close" not in stopping.log.read_text()
