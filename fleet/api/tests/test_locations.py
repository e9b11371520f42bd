"""Locations: sites as the fleet sees them."""

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from conftest import Register, RegisteredSite
from fleet.heartbeats.tests.calls import a_device
from sites.models import Site

pytestmark = pytest.mark.django_db

NEW = {"name": "Roma Termini", "owner_name": "Giulia", "contact_email": "giulia@roma.example"}


@pytest.fixture
def chain(api: APIClient) -> dict[str, Any]:
    body: dict[str, Any] = api.post("/api/organizations", {"name": "Conti Trattorie"}).json()
    return body


def test_a_location_is_a_site_of_an_organization(api: APIClient, chain: dict[str, Any]) -> None:
    answer = api.post("/api/locations", {**NEW, "organization_id": chain["id"]})
    body = answer.json()
    assert (answer.status_code, body["id"], body["organization_id"]) == (201, body["site_id"], chain["id"])
    assert body["secret_key"].startswith("psk_")
    assert answer["Location"] == f"/api/locations/{body['id']}"
    assert Site.objects.get().organization_id == uuid.UUID(chain["id"])
    assert api.get(f"/api/sites/{body['id']}").json()["organization_id"] == chain["id"]


def test_a_repeated_registration_is_answered_once(api: APIClient) -> None:
    answers = [api.post("/api/locations", NEW, headers={"Idempotency-Key": "k"}).json() for _ in range(2)]
    assert answers[0]["id"] == answers[1]["id"]
    assert answers[1]["secret_key"] is None


def test_an_unknown_organization_is_refused(api: APIClient) -> None:
    answer = api.post("/api/locations", {**NEW, "organization_id": str(uuid.uuid4())})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/organization_id")


def test_a_location_moves_to_another_organization(api: APIClient, roma: RegisteredSite, chain: dict[str, Any]) -> None:
    path = f"/api/locations/{roma.site_id}"
    tag = api.get(path)["ETag"]
    assert api.patch(path, {"organization_id": chain["id"]}, headers={"If-Match": tag}).status_code == 200
    assert api.patch(path, {"organization_id": None}, headers={"If-Match": tag}).status_code == 412
    assert api.get("/api/locations", {"organization_id": chain["id"]}).json()["count"] == 1
    assert api.get("/api/locations", {"organization_id": "none"}).json()["count"] == 0
    a_device(roma)
    a_device(roma, "till-2")
    counted = api.get(f"/api/organizations/{chain['id']}").json()
    assert (counted["locations"], counted["devices"]) == (1, 2)
    assert api.get("/api/devices", {"organization_id": chain["id"]}).json()["count"] == 2
    assert api.get("/api/devices", {"organization_id": "none"}).json()["count"] == 0


def test_lists_take_the_same_statements_for_any_number(api: APIClient, register: Register) -> None:
    for path in ("/api/locations", "/api/devices", "/api/organizations"):
        numbers = []
        for amount in (1, 12):
            for number in range(amount):
                site = register(name=f"Site {amount} {number} {path}")
                a_device(site)
                assert api.post("/api/organizations", {"name": f"Chain {amount} {number} {path}"}).status_code == 201
            with CaptureQueriesContext(connection) as captured:
                assert api.get(path).status_code == 200
            numbers.append(len(captured))
        assert numbers[0] == numbers[1]
