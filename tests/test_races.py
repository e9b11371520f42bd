"""Sixteen at once on one site, through two gunicorn workers on PostgreSQL: nothing that was acknowledged is lost."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.running_server import Client, RunningServer, Site, register

pytestmark = pytest.mark.e2e

THREADS = 16
ROUNDS = 12


@pytest.fixture(scope="module")
def server(race_server: RunningServer) -> RunningServer:
    return race_server


def at_once(workers: list[Callable[[], None]]) -> None:
    """Run them together, from the same starting shot; the first failure of any fails the test."""
    shot, failures = threading.Barrier(len(workers)), []

    def run(worker: Callable[[], None]) -> None:
        try:
            shot.wait(10)
            worker()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    if failures:
        raise failures[0]


def all_events(api: Client, site: Site) -> list[dict[str, Any]]:
    """Oldest first."""
    events, path = [], f"/api/sites/{site.site_id}/events?page_size=200"
    while path:
        page = api.get(path).json()
        events += page["results"]
        path = (page["next"] or "").removeprefix(api.url)
    return events[::-1]


def test_no_acknowledged_change_is_lost_and_each_is_one_event(server: RunningServer) -> None:
    token = server.sign_in().headers
    api = Client(server, **token)
    site = register(api, server)
    mine = f"/api/sites/{site.site_id}"
    before = api.get(mine).json()
    acknowledged: Counter[str] = Counter()
    counting = threading.Lock()

    def operator(number: int) -> None:
        client, dice = Client(server, **token), random.Random(number)
        for step in range(ROUNDS):
            mark = f"{number}-{step}"
            what = dice.choice(["lock", "unlock", "rename", "owner", "extend", "heartbeat"])
            if what == "heartbeat":
                answer = site.call_home()
                assert answer.status_code == 200, answer.text
            elif what in ("lock", "unlock", "extend"):
                body = {"lock": {"reason": mark}, "unlock": {}, "extend": {"days": 1}}[what]
                answer = client.post(f"{mine}/{what}", body)
                assert answer.status_code == 200, answer.text
            else:
                field = {"rename": "name", "owner": "owner_name"}[what]
                answer = client.send("PATCH", mine, {field: mark})
                assert answer.status_code == 200, answer.text
                assert answer.json()["site_id"] == site.site_id
            if answer.status_code == 200:
                with counting:
                    acknowledged[what] += 1

    at_once([lambda number=number: operator(number) for number in range(THREADS)])  # type: ignore[misc]

    events = all_events(api, site)
    after = api.get(mine).json()
    happened = Counter(event["action"] for event in events)
    assert happened["locked"] + happened["lock_reason_changed"] == acknowledged["lock"]
    assert happened["updated"] == acknowledged["rename"] + acknowledged["owner"]
    assert happened["extended"] == acknowledged["extend"]
    assert happened["locked"] - happened["unlocked"] == int(after["is_locked"])
    replay(events, before, after)
    beats = api.get(f"{mine}/heartbeats?page_size=200").json()["results"]
    assert len(beats) == acknowledged["heartbeat"]


def replay(events: list[dict[str, Any]], before: dict[str, Any], after: dict[str, Any]) -> None:
    """Each event begins where the one before it ended, and the last one ends at what is stored."""
    state = dict(before)
    for event in events[1:]:
        for field, (old, new) in event["changes"].items():
            assert state[field] == old, (event, state[field])
            state[field] = new
    fields = ("name", "owner_name", "is_locked", "lock_reason", "license_expires_at")
    assert {field: state[field] for field in fields} == {field: after[field] for field in fields}


def test_a_lock_stays_whatever_else_is_saved_at_the_same_moment(server: RunningServer) -> None:
    token = server.sign_in().headers
    for turn in range(8):
        site = register(Client(server, **token), server)
        mine = f"/api/sites/{site.site_id}"

        def lock(mine: str = mine, turn: int = turn) -> None:
            assert Client(server, **token).post(f"{mine}/lock", {"reason": f"turn {turn}"}).status_code == 200

        def rename(mine: str = mine) -> None:
            body = {"name": "Renamed", "owner_name": "Other", "contact_email": "o@x.example", "is_locked": False}
            assert Client(server, **token).send("PUT", mine, body).status_code == 200

        def beat(site: Site = site) -> None:
            assert site.call_home().status_code == 200

        at_once([lock, rename, rename, beat, beat])
        stored = Client(server, **token).get(mine).json()
        assert (stored["is_locked"], stored["lock_reason"], stored["name"]) == (True, f"turn {turn}", "Renamed")


def test_a_registration_that_is_sent_sixteen_times_at_once_happens_once(server: RunningServer) -> None:
    token = server.sign_in().headers
    body = {"name": "Only once", "owner_name": "G", "contact_email": "once@x.example"}
    answers: list[int] = []

    def send() -> None:
        answer = Client(server, **token).post("/api/sites", body, **{"Idempotency-Key": "once"})
        answers.append(answer.status_code)

    at_once([send] * THREADS)
    assert set(answers) <= {201, 409}
    assert 201 in answers
    assert Client(server, **token).get("/api/sites?search=once@x.example").json()["count"] == 1


def test_a_retried_extension_extends_once(server: RunningServer) -> None:
    token = server.sign_in().headers
    api = Client(server, **token)
    site = register(api, server, license_expires_at="2030-01-01T00:00:00Z")

    def extend() -> None:
        path = f"/api/sites/{site.site_id}/extend"
        answer = Client(server, **token).post(path, {"days": 10}, **{"Idempotency-Key": "ten"})
        assert answer.status_code in (200, 409)

    at_once([extend] * THREADS)
    assert api.get(f"/api/sites/{site.site_id}").json()["license_expires_at"] == "2030-01-11T00:00:00Z"


def test_a_rotation_during_heartbeats_never_shuts_the_site_out(server: RunningServer) -> None:
    token = server.sign_in().headers
    api = Client(server, **token)
    site = register(api, server)
    path = f"/api/sites/{site.site_id}/rotate-key"
    for _ in range(4):
        new: list[str] = []

        def rotate(new: list[str] = new) -> None:
            new.append(Client(server, **token).post(path).json()["secret_key"])

        def beat(key: str = site.key) -> None:
            assert site.call_home(key=key).status_code == 200

        at_once([rotate, *[beat] * 5])
        site.key = new[0]
        assert site.call_home().status_code == 200


def test_two_uses_of_one_refresh_token_at_once_leave_no_family_alive(server: RunningServer) -> None:
    login = Client(server).post("/api/auth/login", {"username": "anna", "password": "correct horse battery staple"})
    refresh = login.json()["refresh"]
    answers = []

    def renew() -> None:
        answers.append(Client(server).post("/api/auth/refresh", {"refresh": refresh}))

    at_once([renew] * 8)
    won = [answer for answer in answers if answer.status_code == 200]
    assert len(won) == 1
    again = Client(server).post("/api/auth/refresh", {"refresh": won[0].json()["refresh"]})
    assert again.status_code == 401, "the token was in two hands"
