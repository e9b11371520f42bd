"""Roll-outs over the API."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import Admin
from audit.models import Event
from conftest import Clock, SignIn
from fleet.firmware.models import Firmware
from fleet.rollouts.models import Rollout
from fleet.rollouts.tests.estate import NIGHT, Estate

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(clock: Clock) -> Clock:
    clock.at = NIGHT
    return clock


@pytest.fixture
def created(api: APIClient, estate: Estate, clock: Clock) -> dict[str, Any]:
    estate.devices(estate.site(), 2)
    answer = api.post("/api/rollouts", {"firmware_id": str(estate.new.pk), "name": "June"})
    assert answer.status_code == 201, answer.json()
    body: dict[str, Any] = answer.json()
    return body


def path_of(rollout: dict[str, Any], what: str = "") -> str:
    return f"/api/rollouts/{rollout['id']}{what}"


def test_a_created_rollout_is_a_draft_with_the_usual_waves(created: dict[str, Any], estate: Estate) -> None:
    assert (created["state"], created["name"], created["pause_reason"]) == ("draft", "June", None)
    assert created["firmware"] == {"id": str(estate.new.pk), "product": "till", "version": "2.0.0"}
    assert [wave["percent"] for wave in created["waves"]] == [None, 5, 25, 100]
    assert created["waves"][1]["devices"] == dict.fromkeys(
        ("waiting", "in_flight", "succeeded", "failed", "skipped"), 0
    )
    assert Event.objects.get(action="rollout.created").changes["waves"] == [None, ["pilot", 5, 25, 100]]


def test_from_the_start_to_the_way_back(api: APIClient, created: dict[str, Any], estate: Estate) -> None:
    def post(what: str, body: Any = None) -> dict[str, Any]:
        answer = api.post(path_of(created, f"/{what}"), body or {})
        assert answer.status_code == 200, answer.json()
        found: dict[str, Any] = answer.json()
        assert answer["ETag"] == api.get(path_of(created))["ETag"]
        assert found == api.get(path_of(created)).json()
        return found

    started = post("start")
    assert (started["state"], started["started_at"]) == ("running", "2026-06-02T01:00:00Z")
    assert started["pilot_location_id"] == str(Rollout.objects.get().pilot_site_id)
    estate.tick()
    paused = post("pause", {"reason": "A party tonight."})
    assert (paused["state"], paused["pause_reason"]) == ("paused", "A party tonight.")
    assert paused["waves"][0]["devices"]["in_flight"] == 1
    assert post("resume")["state"] == "running"
    aborted = post("abort")
    assert (aborted["state"], aborted["finished_at"]) == ("aborted", "2026-06-02T01:00:00Z")
    assert aborted["waves"][0]["devices"]["skipped"] == 1
    back = post("roll-back")
    assert (back["state"], back["finished_at"]) == ("rolling_back", None)
    listed = api.get(path_of(created, "/devices")).json()["results"]
    assert [row["state"] for row in listed] in (["skipped", "in_flight"], ["in_flight", "skipped"])
    only = api.get(path_of(created, "/devices?state=skipped&wave=0&direction=forward")).json()["results"]
    assert [row["reason"] for row in only] == ["The roll-out was aborted."]


@pytest.mark.parametrize(
    ("state", "refused"),
    [
        ("draft", ["pause", "resume", "roll-back"]),
        ("running", ["start", "resume"]),
        ("finished", ["start", "pause", "resume", "abort"]),
    ],
)
def test_what_the_state_does_not_allow_is_a_conflict(
    api: APIClient, created: dict[str, Any], state: str, refused: list[str]
) -> None:
    times = {"draft": {}, "running": {"started_at": NIGHT}, "finished": {"started_at": NIGHT, "finished_at": NIGHT}}
    Rollout.objects.update(state=state, **times[state])
    for what in refused:
        answer = api.post(path_of(created, f"/{what}"), {"reason": "so"})
        assert (answer.status_code, answer.json()["code"]) == (409, "rollout_in_other_state"), what


def test_a_rollout_that_was_changed_since_is_refused(api: APIClient, created: dict[str, Any]) -> None:
    answer = api.post(path_of(created, "/start"), {}, headers={"If-Match": '"7"'})
    assert (answer.status_code, answer.json()["code"]) == (412, "rollout_changed_meanwhile")
    assert api.post(path_of(created, "/start"), {}, headers={"If-Match": '"1"'}).status_code == 200


def test_nothing_that_matches_and_a_withdrawn_firmware_are_conflicts(
    api: APIClient, estate: Estate, created: dict[str, Any]
) -> None:
    body = {"firmware_id": str(estate.new.pk), "name": "none", "selection": {"role": "camera"}}
    none = api.post("/api/rollouts", body).json()
    answer = api.post(path_of(none, "/start"), {})
    assert (answer.status_code, answer.json()["code"]) == (409, "rollout_selects_nothing")
    Firmware.objects.update(withdrawn_at=NIGHT)
    for path, sent in [("/api/rollouts", body), (path_of(created, "/start"), {})]:
        answer = api.post(path, sent)
        assert (answer.status_code, answer.json()["code"]) == (409, "firmware_withdrawn")


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"firmware_id": "x"},
        {"selection": {"location_ids": []}},
        {"waves": []},
        {"waves": [{"percent": 5}]},
        {"waves": [{"percent": 50}, {"percent": 50}, {"percent": 100}]},
        {"waves": [{"percent": 100}, {"percent": None}]},
        {"waves": [{"percent": None}]},
        {"waves": [{"percent": 100, "deadline_minutes": 46}]},
        {"waves": [{"percent": 100, "max_failures": "5"}]},
        {"pilot_location_id": "9d0a2f3e-0000-4000-8000-000000000000"},
        {"waves": [{"percent": 100}], "pilot_location_id": "9d0a2f3e-0000-4000-8000-000000000000"},
    ],
)
def test_wrong_input_is_refused(api: APIClient, estate: Estate, wrong: dict[str, Any]) -> None:
    for path in ("/api/rollouts", "/api/rollouts/dry-run"):
        answer = api.post(path, {"firmware_id": str(estate.new.pk), "name": "June", **wrong})
        assert answer.status_code == 400, answer.json()
    assert not Rollout.objects.exists()


def test_who_is_not_known_is_not_found(api: APIClient, estate: Estate) -> None:
    for path in ("/api/rollouts/x", "/api/rollouts/9d0a2f3e-0000-4000-8000-000000000000"):
        for answer in (api.get(path), api.get(f"{path}/devices"), api.post(f"{path}/start", {})):
            assert (answer.status_code, answer.json()["code"]) == (404, "rollout_not_found")


def test_support_and_viewers_read_and_only_sysadmins_write(
    created: dict[str, Any], estate: Estate, signed_in: SignIn, ben: Admin, vera: Admin
) -> None:
    body = {"firmware_id": str(estate.new.pk), "name": "June"}
    for admin in (ben, vera):
        client = signed_in(admin)
        for path in ("/api/rollouts", path_of(created), path_of(created, "/devices")):
            assert client.get(path).status_code == 200
        writes = ["/api/rollouts", "/api/rollouts/dry-run"]
        writes += [path_of(created, f"/{what}") for what in ("start", "pause", "resume", "abort", "roll-back")]
        assert {client.post(path, body).status_code for path in writes} == {403}
    assert {APIClient().get("/api/rollouts").status_code, APIClient().post("/api/rollouts", body).status_code} == {401}


def test_the_list_has_filters_and_the_same_statements_for_any_number(
    api: APIClient, created: dict[str, Any], estate: Estate
) -> None:
    with CaptureQueriesContext(connection) as few:
        assert api.get("/api/rollouts").json()["count"] == 1
    for number in range(10):
        estate.start(name=f"{number}")
    with CaptureQueriesContext(connection) as many:
        listed = api.get("/api/rollouts").json()
    assert (listed["count"], len(few)) == (11, len(many))
    assert [each["id"] for each in api.get("/api/rollouts?state=draft").json()["results"]] == [created["id"]]
    assert api.get(f"/api/rollouts?firmware_id={estate.old.pk}").json()["count"] == 0


def test_a_dry_run_says_who_and_when_and_writes_nothing(
    api: APIClient, estate: Estate, clock: Clock, anna: Admin
) -> None:
    roma, nepal = estate.site("Roma"), estate.site("Kathmandu", "Asia/Kathmandu")
    estate.devices(roma, 6)
    estate.device(nepal)
    estate.device(nepal, "new", version="2.0.0")
    body = {
        "firmware_id": str(estate.new.pk),
        "name": "June",
        "waves": [{"percent": None, "observation_minutes": 60}, {"percent": 100}],
        "pilot_location_id": str(roma.pk),
    }
    events = Event.objects.count()
    answer = api.post("/api/rollouts/dry-run", body)
    assert answer.status_code == 200
    plan = answer.json()
    assert (plan["devices"], plan["up_to_date"], plan["not_online"], plan["in_other_rollouts"]) == (8, 1, 0, 0)
    pilot, everything = plan["waves"]
    # Of 40 minutes each, four fit into the three hours of a night.
    assert (pilot["devices"], pilot["starts_at"], pilot["ends_at"]) == (
        6,
        "2026-06-02T01:00:00Z",
        "2026-06-03T02:20:00Z",
    )
    assert (everything["devices"], everything["starts_at"]) == (1, "2026-06-03T03:20:00Z")
    site = everything["first_locations"][0]
    assert (site["location_id"], site["opens_at_local"]) == (str(nepal.pk), "2026-06-04T03:00+05:45")
    assert (Rollout.objects.count(), Event.objects.count()) == (0, events)
    # The roll-out does what the dry run said.
    started = api.post("/api/rollouts", {**body, "pilot_location_id": None}).json()
    again = api.post("/api/rollouts/dry-run", {**body, "pilot_location_id": None}).json()
    assert api.post(path_of(started, "/start"), {}).json()["pilot_location_id"] == again["pilot_location_id"]
