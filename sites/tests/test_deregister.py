"""Letting a site go, and taking it back."""

import uuid
from datetime import UTC, datetime

import pytest
from rest_framework.test import APIClient

from audit.actors import COMMAND
from audit.models import Event
from conftest import Register, RegisteredSite
from sites.errors import SiteNotDeregistered, SiteNotFound
from sites.events import SITE
from sites.models import Site, SiteKey
from sites.services import restore_site
from sites.tests.conftest import SITE_ENDPOINTS, UNKNOWN_ID, Endpoint, actions, assert_problem, newest_event

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def restore(site_id: str) -> Site:
    return restore_site(uuid.UUID(site_id), by=COMMAND, at=NOW, reason="came back")


def test_deregistering_answers_204_with_nothing(api: APIClient, roma: RegisteredSite) -> None:
    answer = api.delete(roma.path)
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("endpoint", SITE_ENDPOINTS, ids=str)
def test_a_deregistered_site_is_unknown_everywhere(api: APIClient, roma: RegisteredSite, endpoint: Endpoint) -> None:
    api.delete(roma.path)
    gone = endpoint.ask(api, roma.path)
    assert_problem(gone, 404, "site_not_found")
    assert actions() == ["registered", "deregistered"]
    unknown = endpoint.ask(api, f"/api/sites/{UNKNOWN_ID}")
    assert unknown.content == gone.content


def test_a_deregistered_site_is_in_no_list(api: APIClient, roma: RegisteredSite) -> None:
    api.delete(roma.path)
    for query in ({}, {"is_active": "true"}, {"status": "never_seen"}, {"licensed": "true"}):
        assert api.get("/api/sites", query).json()["count"] == 0


def test_a_deregistered_sites_keys_are_refused(api: APIClient, roma: RegisteredSite) -> None:
    new = api.post(f"{roma.path}/rotate-key").json()["secret_key"]
    api.delete(roma.path)
    for key in (roma.key, new):
        assert_problem(roma.call_home(key), 401, "invalid_site_credentials")


def test_its_history_and_its_row_are_kept(api: APIClient, roma: RegisteredSite) -> None:
    api.delete(roma.path)
    assert Site.objects.deregistered().count() == SiteKey.objects.count() == 1
    event = newest_event()
    assert (event.action, event.actor_name, event.subject_id) == ("site.deregistered", "anna", roma.site_id)
    assert Event.objects.of(SITE, roma.site_id).count() == 2


def test_a_restored_site_is_as_it_was_keys_included(api: APIClient, roma: RegisteredSite) -> None:
    roma.call_home()
    api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    before = api.get(roma.path).json()
    api.delete(roma.path)
    restore(roma.site_id)
    after = api.get(roma.path).json()
    assert {**after, "updated_at": before["updated_at"]} == before
    told = roma.call_home()
    assert (told.status_code, told.json()["lock_reason"]) == (200, "unpaid")
    listed = api.get(f"{roma.path}/events").json()["results"]
    assert [event["action"] for event in listed] == ["restored", "deregistered", "locked", "registered"]
    assert (listed[0]["source"], listed[0]["reason"]) == ("command", "came back")


def test_a_tag_from_before_does_not_match_a_restored_site(api: APIClient, roma: RegisteredSite) -> None:
    tag = api.get(roma.path).headers["ETag"]
    api.delete(roma.path)
    restore(roma.site_id)
    answer = api.patch(roma.path, {"name": "Roma"}, headers={"If-Match": tag})
    assert_problem(answer, 412, "site_changed_meanwhile")


def test_only_a_deregistered_site_can_be_restored(roma: RegisteredSite) -> None:
    with pytest.raises(SiteNotDeregistered):
        restore(roma.site_id)
    with pytest.raises(SiteNotFound):
        restore(UNKNOWN_ID)
    assert actions() == ["registered"]


def test_another_site_is_not_touched(api: APIClient, register: Register, roma: RegisteredSite) -> None:
    other = register(name="Other")
    api.delete(roma.path)
    assert other.call_home().status_code == 200
    assert [site["name"] for site in api.get("/api/sites").json()["results"]] == ["Other"]
