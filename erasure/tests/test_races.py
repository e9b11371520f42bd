"""Two sysadmins at the same moment: one of the two things happens, whole."""

import threading
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts.models import Admin
from audit.models import Event
from audit.services import add_checkpoint
from common.errors import DomainError
from conftest import RegisteredSite
from erasure.models import ErasureRequest
from erasure.services import confirm_erasure, request_erasure, withdraw_erasure
from erasure.tests.customers import add_sysadmin, by
from sites.events import SITES
from sites.exports import record_export
from sites.models import Site, SiteNote
from sites.services import add_note, restore_site

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
ROUNDS = 6


@pytest.fixture
def dave(db: None) -> Admin:
    return add_sysadmin("dave")


def requested(site: RegisteredSite, api: Any, admin: Admin) -> uuid.UUID:
    site_id = uuid.UUID(site.site_id)
    Site.objects.filter(pk=site_id).update(deregistered_at=timezone.now())
    request_erasure(site_id, reason="ticket 12", by=by(admin), at=timezone.now())
    return site_id


def at_once(*calls: Callable[[], Any]) -> list[str]:
    """Run them in threads of their own; what each ended with: "done" or the code of its error."""
    ready, results = threading.Barrier(len(calls)), [""] * len(calls)

    def run(number: int) -> None:
        try:
            ready.wait(10)
            calls[number]()
            results[number] = "done"
        except DomainError as error:
            results[number] = error.code
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[number]) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


def actions_of(site_id: uuid.UUID) -> list[str]:
    return [event.short_action for event in Event.objects.of("site", site_id).order_by("sequence")]


def is_erased(site_id: uuid.UUID) -> bool:
    return Site.objects.filter(pk=site_id, erased_at__isnull=False).exists()


def test_of_two_confirmations_one_erases(register: Any, api: Any, anna: Admin, carla: Admin, dave: Admin) -> None:
    for _ in range(ROUNDS):
        site_id = requested(register(), api, anna)
        confirmations = [
            partial(confirm_erasure, site_id, by=by(person), at=timezone.now()) for person in (carla, dave)
        ]
        assert sorted(at_once(*confirmations)) == ["done", "site_erased"]
        assert actions_of(site_id).count("erased") == 1
    call_command("verify_audit", verbosity=0)


def test_of_two_requests_one_is_made(register: Any, api: Any, anna: Admin, carla: Admin) -> None:
    for _ in range(ROUNDS):
        site_id = uuid.UUID(register().site_id)
        Site.objects.filter(pk=site_id).update(deregistered_at=timezone.now())
        requests = [
            partial(request_erasure, site_id, reason="ticket 12", by=by(person), at=timezone.now())
            for person in (anna, carla)
        ]
        assert sorted(at_once(*requests)) == ["done", "erasure_already_requested"]


def test_it_is_withdrawn_or_confirmed(register: Any, api: Any, anna: Admin, carla: Admin) -> None:
    for _ in range(ROUNDS):
        site_id = requested(register(), api, anna)
        withdrawn, confirmed = at_once(
            partial(withdraw_erasure, site_id, by=by(anna), at=timezone.now()),
            partial(confirm_erasure, site_id, by=by(carla), at=timezone.now()),
        )
        assert (withdrawn, confirmed) in (("done", "erasure_not_requested"), ("site_erased", "done"))
        assert is_erased(site_id) is (confirmed == "done")
        assert ErasureRequest.objects.filter(site=site_id).exists() is (confirmed == "done")


def test_it_is_restored_or_erased(register: Any, api: Any, anna: Admin, carla: Admin) -> None:
    for _ in range(ROUNDS):
        site_id = requested(register(), api, anna)
        restored, confirmed = at_once(
            partial(restore_site, site_id, by=by(anna), at=timezone.now()),
            partial(confirm_erasure, site_id, by=by(carla), at=timezone.now()),
        )
        assert (restored, confirmed) in (("done", "site_not_deregistered"), ("site_erased", "done"))
        assert is_erased(site_id) is (confirmed == "done")
        assert Site.objects.get(pk=site_id).owner_name == ("[erased]" if confirmed == "done" else "Giulia")


def test_a_note_is_added_before_an_erasure_or_not_at_all(register: Any, api: Any, anna: Admin, carla: Admin) -> None:
    for _ in range(ROUNDS):
        site_id = requested(register(), api, anna)
        noted, confirmed = at_once(
            partial(add_note, site_id, text="moved to Palermo", by=by(anna), at=timezone.now()),
            partial(confirm_erasure, site_id, by=by(carla), at=timezone.now()),
        )
        assert (noted, confirmed) in (("done", "done"), ("site_erased", "done"))
        assert not SiteNote.objects.filter(site=site_id).exists()


def test_two_sites_of_one_owner_are_erased_at_once(
    register: Any, api: Any, anna: Admin, carla: Admin, dave: Admin
) -> None:
    """Both erasures empty the same event of an export."""
    for _ in range(ROUNDS):
        sites = [requested(register(), api, anna) for _ in range(2)]
        record_export(2, by=by(anna), at=timezone.now(), filters="q=giulia@roma.example")
        confirmations = [
            partial(confirm_erasure, site_id, by=by(person), at=timezone.now())
            for site_id, person in zip(sites, (carla, dave), strict=True)
        ]
        assert at_once(*confirmations) == ["done", "done"]
    assert not Event.objects.of(SITES.type, SITES.id).with_contents().exists()
    call_command("verify_audit", verbosity=0)


def test_while_a_history_is_deleted_the_audit_gets_its_checkpoint(
    register: Any, api: Any, anna: Admin, carla: Admin
) -> None:
    """A long deletion must not make it wait, and others behind it."""
    site = register()
    site.call_home()
    site_id = requested(site, api, anna)
    made: list[Any] = []

    def add_checkpoint_first(execute: Any, sql: str, *rest: Any) -> Any:
        if not made and sql.startswith('DELETE FROM "heartbeat_heartbeat"'):
            made.extend(at_once(partial(add_checkpoint, at=timezone.now())))
        return execute(sql, *rest)

    with connection.execute_wrapper(add_checkpoint_first):
        confirm_erasure(site_id, by=by(carla), at=timezone.now())
    assert made == ["done"]
    newest = Event.objects.newest_first().first()
    assert newest
    assert newest.changes["erased_heartbeats"] == [1, 0]
