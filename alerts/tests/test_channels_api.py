"""`/api/alert-channels`: create, read, change, delete; secrets do not come back."""

import base64
import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Admin
from alerts.models import AlertChannel, Delivery
from alerts.tests.conftest import OpenIncident
from audit.models import Event
from conftest import SignIn
from sites.tests.conftest import assert_problem

PATH = "/api/alert-channels"
FIELDS = {
    *("id", "name", "kind", "address", "min_severity", "kinds", "is_enabled"),
    *("quiet_from", "quiet_until", "timezone"),
}
ROUTING_KEY = "R0123456789abcdefghijklmnopqrstu"
ADDRESSES = {
    "email": ("night@vendor.example", "night@vendor.example"),
    "slack": ("https://192.0.2.1/services/T000/B000/secretsecretsecret7Qa9", "https://192.0.2.1/…7Qa9"),
    "pagerduty": (ROUTING_KEY, "…rstu"),
    "webhook": ("http://192.0.2.1/alerts?token=hunter2", "http://192.0.2.1/alerts?…"),
}

pytestmark = pytest.mark.usefixtures("private_addresses")

Create = Callable[..., dict[str, Any]]


@pytest.fixture
def create(api: APIClient) -> Create:
    def create(kind: str = "email", **facts: Any) -> dict[str, Any]:
        answer = api.post(PATH, {"name": f"On call, {kind}", "kind": kind, "address": ADDRESSES[kind][0], **facts})
        assert answer.status_code == 201, answer.content
        body: dict[str, Any] = answer.json()
        return body

    return create


@pytest.mark.parametrize("kind", ADDRESSES)
def test_a_channel_has_exactly_the_promised_fields(api: APIClient, create: Create, kind: str) -> None:
    created = create(kind)
    if kind == "webhook":
        secret = created.pop("signing_secret")
        assert secret.startswith("whsec_")
        assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert created == {
        "id": created["id"],
        "name": f"On call, {kind}",
        "kind": kind,
        "address": ADDRESSES[kind][1],
        "min_severity": "info",
        "kinds": None,
        "is_enabled": True,
        "quiet_from": None,
        "quiet_until": None,
        "timezone": "UTC",
    }
    assert set(created) == FIELDS
    assert api.get(f"{PATH}/{created['id']}").json() == created
    assert api.get(PATH).json() == {"count": 1, "next": None, "previous": None, "results": [created]}


@pytest.mark.parametrize("kind", ["slack", "pagerduty", "webhook"])
def test_a_secret_is_nowhere_in_the_database_nor_in_the_events(create: Create, kind: str) -> None:
    created = create(kind)
    secrets = {ADDRESSES[kind][0].rpartition("/")[2].rpartition("=")[2], created.get("signing_secret", "")} - {""}
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM alerts_alertchannel")
        row = cursor.fetchone()
    stored = [bytes(value) if isinstance(value, memoryview) else str(value).encode() for value in row]
    stored.append(json.dumps(list(Event.objects.values_list("changes", "reason", "subject_name"))).encode())
    for secret in secrets:
        assert not [value for value in stored if secret.encode() in value]


def test_the_names_of_channels_are_unique(api: APIClient, create: Create) -> None:
    create(name="Night")
    body = {"name": "Night", "kind": "email", "address": "a@b.example"}
    assert_problem(api.post(PATH, body), 400, "invalid", "/name")
    other = create(name="Day")
    assert_problem(api.patch(f"{PATH}/{other['id']}", {"name": "Night"}), 400, "invalid", "/name")
    with pytest.raises(IntegrityError):
        AlertChannel.objects.filter(pk=other["id"]).update(name="Night")


@pytest.mark.parametrize(
    ("facts", "pointer"),
    [
        ({"kind": "fax"}, "/kind"),
        ({"kind": None}, "/kind"),
        ({"name": ""}, "/name"),
        ({"name": 5}, "/name"),
        ({"name": "x" * 101}, "/name"),
        ({"address": ""}, "/address"),
        ({"address": "not an address"}, "/address"),
        ({"address": None}, "/address"),
        ({"min_severity": "high"}, "/min_severity"),
        ({"kinds": []}, "/kinds"),
        ({"kinds": ["fire"]}, "/kinds"),
        ({"kinds": ["site_offline", "site_offline"]}, "/kinds"),
        ({"kinds": "site_offline"}, "/kinds"),
        ({"is_enabled": "yes"}, "/is_enabled"),
        ({"quiet_from": "22:00"}, "/quiet_until"),
        ({"quiet_until": "22:00"}, "/quiet_from"),
        ({"quiet_from": "22:00", "quiet_until": "22:00"}, "/quiet_until"),
        ({"quiet_from": "24:00", "quiet_until": "06:00"}, "/quiet_from"),
        ({"quiet_from": "9:00", "quiet_until": "06:00"}, "/quiet_from"),
        ({"quiet_from": 9, "quiet_until": "06:00"}, "/quiet_from"),
        ({"timezone": "Rome"}, "/timezone"),
    ],
)
def test_a_wrong_value_is_refused(api: APIClient, facts: dict[str, Any], pointer: str) -> None:
    body = {"name": "Night", "kind": "email", "address": "a@b.example", **facts}
    assert_problem(api.post(PATH, body), 400, "invalid", pointer)
    assert not AlertChannel.objects.exists()


def test_a_private_address_is_refused(api: APIClient, settings: Any) -> None:
    settings.ALERT_ALLOW_PRIVATE_ADDRESSES = False
    for kind, address in (("webhook", "http://127.0.0.1:9/"), ("slack", "https://169.254.169.254/latest")):
        answer = api.post(PATH, {"name": "Night", "kind": kind, "address": address})
        assert_problem(answer, 400, "invalid", "/address")


def test_a_host_that_cannot_be_resolved_now_is_checked_when_it_is_connected_to(api: APIClient, settings: Any) -> None:
    settings.ALERT_ALLOW_PRIVATE_ADDRESSES = False
    answer = api.post(PATH, {"name": "Night", "kind": "webhook", "address": "https://unknown.invalid/x"})
    assert answer.status_code == 201


def test_a_change_leaves_the_rest_as_it_is_and_is_an_event(api: APIClient, create: Create) -> None:
    channel = create("slack", quiet_from="22:00", quiet_until="06:30", timezone="Europe/Rome")
    changed = api.patch(
        f"{PATH}/{channel['id']}", {"min_severity": "critical", "kinds": ["license_ended", "site_offline"]}
    )
    assert changed.status_code == 200
    assert changed.json() == {**channel, "min_severity": "critical", "kinds": ["site_offline", "license_ended"]}
    event = Event.objects.get(action="alert_channel.changed")
    assert event.changes == {"min_severity": ["info", "critical"], "kinds": [None, ["site_offline", "license_ended"]]}
    assert api.patch(f"{PATH}/{channel['id']}", {"min_severity": "critical"}).status_code == 200
    assert Event.objects.filter(action="alert_channel.changed").count() == 1


def test_a_new_address_is_an_event_without_the_address(api: APIClient, create: Create) -> None:
    channel = create("webhook")
    address = "http://192.0.2.1/alerts?token=another"
    assert api.patch(f"{PATH}/{channel['id']}", {"address": address}).json()["address"] == channel["address"]
    event = Event.objects.get(action="alert_channel.changed")
    assert event.changes == {"address": [channel["address"], channel["address"]]}


def test_the_kind_of_a_channel_stays(api: APIClient, create: Create) -> None:
    channel = create()
    assert api.patch(f"{PATH}/{channel['id']}", {"kind": "webhook"}).json()["kind"] == "email"


def test_quiet_hours_are_taken_away_together(api: APIClient, create: Create) -> None:
    channel = create(quiet_from="22:00", quiet_until="06:30")
    path = f"{PATH}/{channel['id']}"
    assert_problem(api.patch(path, {"quiet_from": None}), 400, "invalid", "/quiet_from")
    assert api.patch(path, {"quiet_from": None, "quiet_until": None}).json()["quiet_until"] is None


def test_a_disabled_channel_gives_up_what_waits(api: APIClient, create: Create, open_incident: OpenIncident) -> None:
    channel = create()
    open_incident()
    assert Delivery.objects.waiting().count() == 1
    api.patch(f"{PATH}/{channel['id']}", {"is_enabled": False})
    (delivery,) = api.get(f"{PATH}/{channel['id']}/deliveries").json()["results"]
    assert (delivery["state"], delivery["detail"]) == ("failed", "The channel was disabled.")
    again = f"{PATH}/{channel['id']}/deliveries/{delivery['id']}/retry"
    assert_problem(api.post(again), 409, "channel_disabled")
    api.patch(f"{PATH}/{channel['id']}", {"is_enabled": True})
    assert api.post(again).json()["state"] == "waiting"
    assert_problem(api.post(again), 409, "delivery_not_failed")
    assert Event.objects.filter(action="alert_channel.sent_again").count() == 1


def test_a_deleted_channel_is_gone_with_its_deliveries(
    api: APIClient, create: Create, open_incident: OpenIncident
) -> None:
    channel = create()
    open_incident()
    assert api.delete(f"{PATH}/{channel['id']}").status_code == 204
    assert_problem(api.delete(f"{PATH}/{channel['id']}"), 404, "channel_not_found")
    assert not Delivery.objects.exists()
    assert Event.objects.filter(action="alert_channel.deleted", subject_name=channel["name"]).count() == 1


def test_an_admins_own_notices_are_no_channel_here(api: APIClient, anna: Admin) -> None:
    own = AlertChannel.objects.create(name="anna", kind="email", owner=anna, created_at=timezone.now())
    assert api.get(PATH).json()["count"] == 0
    for answer in (
        api.get(f"{PATH}/{own.pk}"),
        api.patch(f"{PATH}/{own.pk}", {"is_enabled": False}),
        api.delete(f"{PATH}/{own.pk}"),
        api.post(f"{PATH}/{own.pk}/test"),
        api.get(f"{PATH}/{own.pk}/deliveries"),
    ):
        assert_problem(answer, 404, "channel_not_found")


@pytest.mark.parametrize("channel_id", ["x", "4460c8c1-a1f1-401b-adb0-89eeeb95d59b"])
def test_an_unknown_channel_is_not_found(api: APIClient, channel_id: str) -> None:
    path = f"{PATH}/{channel_id}"
    for answer in (
        api.get(path),
        api.patch(path, {}),
        api.delete(path),
        api.post(f"{path}/test"),
        api.get(f"{path}/deliveries"),
        api.post(f"{path}/deliveries/{uuid.uuid4()}/retry"),
    ):
        assert_problem(answer, 404, "channel_not_found")


def test_an_unknown_delivery_is_not_found(api: APIClient, create: Create) -> None:
    path = f"{PATH}/{create()['id']}/deliveries"
    for delivery in ("x", uuid.uuid4()):
        assert_problem(api.post(f"{path}/{delivery}/retry"), 404, "delivery_not_found")


@pytest.mark.parametrize("who", ["ben", "vera"])
def test_only_sysadmins_see_channels(
    create: Create, signed_in: SignIn, request: pytest.FixtureRequest, who: str
) -> None:
    path = f"{PATH}/{create()['id']}"
    client = signed_in(request.getfixturevalue(who))
    for answer in (
        client.get(PATH),
        client.post(PATH, {"name": "x", "kind": "email", "address": "a@b.example"}),
        client.get(path),
        client.patch(path, {}),
        client.delete(path),
        client.post(f"{path}/test"),
        client.get(f"{path}/deliveries"),
        client.post(f"{path}/deliveries/{uuid.uuid4()}/retry"),
    ):
        assert_problem(answer, 403, "permission_denied")


def test_the_deliveries_are_listed_newest_first_at_a_constant_cost(
    api: APIClient, create: Create, open_incident: OpenIncident
) -> None:
    channel = create()
    path = f"{PATH}/{channel['id']}/deliveries"
    ids = [str(open_incident(subject="0").id)]
    with CaptureQueriesContext(connection) as one:
        api.get(path)
    ids += [
        str(open_incident(subject=str(number), at=timezone.now() + timedelta(seconds=number)).id) for number in (1, 2)
    ]
    with CaptureQueriesContext(connection) as three:
        listed = api.get(path).json()["results"]
    assert [one["incident_id"] for one in listed] == ids[::-1]
    assert set(listed[0]) == {
        *("id", "type", "incident_id", "state", "attempts", "status", "detail", "created_at", "next_attempt_at"),
        "ended_at",
    }
    assert len(one) == len(three)
