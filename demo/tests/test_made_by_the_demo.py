"""The demo's commands touch nothing that the demo did not make, whatever its address."""

import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.access_requests.tests.asking import asked
from accounts.models import AccessRequest
from audit.actors import COMMAND
from conftest import RegisteredSite
from demo.services import (
    DEMO_DOMAIN,
    NotADemoSite,
    backdate_demo_sites,
    delete_demo_access_requests,
    demo_sites,
    remove_demo_site,
)
from heartbeat.models import AgentRun, Heartbeat
from sites.models import Site
from sites.services import add_tags
from sites.status import SiteStatus

BODY = {"name": "Roma", "owner_name": "Giulia", "contact_email": f"giulia@{DEMO_DOMAIN}"}


def register(api: APIClient, request_id: str, **facts: str) -> RegisteredSite:
    answer = api.post("/api/sites", {**BODY, **facts}, headers={"X-Request-ID": request_id})
    return RegisteredSite(answer.data["site_id"], answer.data["secret_key"])


@pytest.fixture
def by_hand(api: APIClient) -> RegisteredSite:
    """A site that a person registered with an address in the demo's domain."""
    return register(api, "ticket-4711")


@pytest.fixture
def by_the_demo(api: APIClient) -> RegisteredSite:
    return register(api, "portcullis-demo-roma")


def test_a_site_registered_by_hand_is_none_of_the_demo(by_hand: RegisteredSite, by_the_demo: RegisteredSite) -> None:
    assert [str(site.pk) for site in demo_sites()] == [by_the_demo.site_id]


def test_a_site_registered_by_hand_is_not_removed(by_hand: RegisteredSite) -> None:
    with pytest.raises(NotADemoSite):
        remove_demo_site(uuid.UUID(by_hand.site_id), at=timezone.now())
    assert by_hand.call_home().status_code == 200


def test_a_site_registered_by_hand_is_not_moved_into_the_past(by_hand: RegisteredSite) -> None:
    by_hand.call_home()
    before = Heartbeat.objects.values().get()
    with pytest.raises(NotADemoSite):
        backdate_demo_sites({uuid.UUID(by_hand.site_id): SiteStatus.OFFLINE}, at=timezone.now())
    assert Heartbeat.objects.values().get() == before


def test_a_site_of_the_demo_that_got_the_address_of_a_person_is_theirs(
    api: APIClient, by_the_demo: RegisteredSite
) -> None:
    api.patch(by_the_demo.path, {"contact_email": "giulia@roma.example"})
    assert not demo_sites().exists()


def test_a_site_of_the_demo_is_removed_with_its_heartbeats(by_the_demo: RegisteredSite, api: APIClient) -> None:
    by_the_demo.call_home()
    assert api.post(f"{by_the_demo.path}/share", {}).status_code == 201
    form = {"file": SimpleUploadedFile("note.txt", b"Call before ten."), "kind": "other"}
    assert api.post(f"{by_the_demo.path}/upload", form, format="multipart").status_code == 201
    add_tags(uuid.UUID(by_the_demo.site_id), tags=["pilot"], by=COMMAND, at=timezone.now())
    removal = remove_demo_site(uuid.UUID(by_the_demo.site_id), at=timezone.now())
    assert (removal.keys, removal.heartbeats) == (1, 1)
    assert not Site.objects.exists()


def test_the_runs_of_an_agent_are_moved_with_its_heartbeats_and_removed_with_its_site(
    by_the_demo: RegisteredSite,
) -> None:
    site_id, instance = uuid.UUID(by_the_demo.site_id), str(uuid.uuid4())
    for boot in (str(uuid.uuid4()), str(uuid.uuid4())):
        for sequence in (1, 2):
            run = {"instance_id": instance, "boot_id": boot, "sequence": sequence}
            assert by_the_demo.call_home(**run).status_code == 200
    backdate_demo_sites({site_id: SiteStatus.OFFLINE}, at=timezone.now())
    newest_first = list(Heartbeat.objects.of_site(site_id).newest_first().values_list("received_at", flat=True))
    runs = AgentRun.objects.of_site(site_id).newest_first()
    assert [(run.last_seen_at, run.first_seen_at) for run in runs] == [
        (newest_first[0], newest_first[1]),
        (newest_first[2], newest_first[3]),
    ]
    remove_demo_site(site_id, at=timezone.now())
    assert not AgentRun.objects.exists()


def test_the_demos_request_for_access_is_deleted_and_others_stay(db: None) -> None:
    asked(f"nora@{DEMO_DOMAIN}")
    other = asked("nora@vendor.example")
    assert delete_demo_access_requests() == 1
    assert AccessRequest.objects.get() == other
