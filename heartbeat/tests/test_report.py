"""The body of a heartbeat: no value is coerced, and unknown fields are ignored."""

import json
from typing import Any

import pytest

from conftest import RegisteredSite
from heartbeat.models import Heartbeat
from heartbeat.tests.calls import REPORT, call

pytestmark = pytest.mark.any_database


@pytest.mark.parametrize("version", ["1", "1.0.0", "v2 beta – Roma", "x" * 64, "版本"])
def test_a_printable_version_up_to_64_characters_is_stored(roma: RegisteredSite, version: str) -> None:
    assert roma.call_home(version=version).status_code == 200
    assert Heartbeat.objects.get().version == version


@pytest.mark.parametrize("uptime", [0, 1, 2**31, 2**53 - 1])
def test_an_uptime_from_0_to_2_53_minus_1_is_stored(roma: RegisteredSite, uptime: int) -> None:
    assert roma.call_home(uptime_seconds=uptime).status_code == 200
    assert Heartbeat.objects.get().uptime_seconds == uptime


@pytest.mark.parametrize(
    "version",
    ["", "x" * 65, "1.0\n", "1\x1b[31m", "1\u200b", "1\u2028", "1\u202e0", 1, 1.0, True, None, ["1"], {"v": "1"}],
    ids=repr,
)
def test_any_other_version_is_refused(roma: RegisteredSite, version: Any) -> None:
    answer = roma.call_home(version=version)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/version")
    assert not Heartbeat.objects.exists()


@pytest.mark.parametrize(
    "uptime",
    [-1, 2**53, 2**63, 2**64, 10**400, True, False, "60", "", 60.0, 60.5, 1e300, None, [60], {"seconds": 60}],
    ids=lambda uptime: repr(uptime)[:20],
)
def test_any_other_uptime_is_refused(roma: RegisteredSite, uptime: Any) -> None:
    answer = roma.call_home(uptime_seconds=uptime)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/uptime_seconds")
    assert not Heartbeat.objects.exists()


@pytest.mark.parametrize("missing", ["version", "uptime_seconds"])
def test_both_fields_are_required(roma: RegisteredSite, missing: str) -> None:
    answer = call(roma.site_id, roma.key, body={name: REPORT[name] for name in REPORT if name != missing})
    entries = answer.json()["errors"]
    assert (answer.status_code, [(entry["pointer"], entry["code"]) for entry in entries]) == (
        400,
        [(f"/{missing}", "required")],
    )


def test_every_wrong_field_has_a_pointer(roma: RegisteredSite) -> None:
    answer = roma.call_home(version=None, uptime_seconds="60")
    assert {entry["pointer"] for entry in answer.json()["errors"]} == {"/version", "/uptime_seconds"}
    assert (answer["Content-Type"], answer.json()["code"]) == ("application/problem+json", "invalid")


def test_unknown_fields_are_ignored(roma: RegisteredSite) -> None:
    unknown = {"disk_free": 10**12, "nested": {"a": [None]}, "licensed": True, "received_at": "1999-01-01T00:00:00Z"}
    assert roma.call_home(**unknown).status_code == 200
    assert Heartbeat.objects.get().received_at.year > 1999


def test_another_media_type_is_a_415(roma: RegisteredSite, client: Any) -> None:
    headers = {"X-Site-ID": roma.site_id, "X-Site-Key": roma.key}
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = client.post("/api/heartbeat", json.dumps(REPORT), content_type=content_type, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_a_query_parameter_is_refused(roma: RegisteredSite, client: Any) -> None:
    headers = {"X-Site-ID": roma.site_id, "X-Site-Key": roma.key}
    answer = client.post("/api/heartbeat?dry_run=1", REPORT, content_type="application/json", headers=headers)
    assert answer.status_code == 400
