"""What was done to several sites can be undone for ten minutes, in one step, if they were not changed since."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Admin
from accounts.roles import Role
from audit.models import Event
from conftest import PASSWORD, Clock, Register, RegisteredSite
from panel.sites.operations.registry import OPERATIONS
from panel.sites.results.inverses import INVERSES
from panel.sites.results.tests.operated import ENTRIES, beat, operate, three
from panel.tests.screen import shown_extension, stored
from sites.models import Site

pytestmark = pytest.mark.any_database

STATE = ("is_active", "is_locked", "lock_reason", "license_expires_at", "deregistered_at")
BEFORE = {"unlock": "lock", "activate": "deactivate", "restore": "deregister"}
UNDO_ACTIONS = {
    "lock": "site.unlocked",
    "unlock": "site.locked",
    "extend": "site.updated",
    "set_expiry": "site.updated",
    "deactivate": "site.updated",
    "activate": "site.updated",
    "deregister": "site.restored",
    "restore": "site.deregistered",
}


@pytest.fixture
def carla(db: None) -> Admin:
    return Admin.objects.create_user("carla", "carla@vendor.example", PASSWORD, role=Role.SYSADMIN)


def states() -> list[tuple[Any, ...]]:
    """When a site was deregistered does not come back, only that it was."""
    rows = Site.objects.order_by("name").values_list(*STATE)
    return [(*facts, deregistered_at is None) for *facts, deregistered_at in rows]


def entries(operation: str) -> dict[str, str]:
    return shown_extension(30) if operation == "extend" else ENTRIES[operation]


def undo_events() -> list[Event]:
    return list(Event.objects.filter(reason__startswith="Undo of").order_by("sequence"))


@pytest.mark.parametrize("operation", INVERSES)
def test_each_site_goes_back_to_what_it_was_with_one_event(
    anna: Admin, register: Register, clock: Clock, operation: str
) -> None:
    sites = three(register)
    if before := BEFORE.get(operation):
        operate(anna, before, sites, **entries(before))
    were = states()
    result = operate(anna, operation, sites, **entries(operation))
    assert states() != were
    clock.move(minutes=2)
    assert "3 sites go back to what they were before." in result.undo_page
    result.undo()
    assert states() == were
    events = undo_events()
    label = OPERATIONS[operation].label
    assert {event.reason for event in events} == {f"Undo of “{label}” at 2026-06-01 12:00:00 UTC"}
    assert [event.action for event in events] == [UNDO_ACTIONS[operation]] * 3
    assert {event.actor_name for event in events} == {"anna"}
    assert "Undone for 3 of 3 sites by anna at 12:02 UTC." in result.text
    assert "Undo…" not in result.text


def test_every_operation_has_an_undo_or_needs_none() -> None:
    assert set(OPERATIONS) - set(INVERSES) == {"confirm", "dismiss_clone", "add_tags", "remove_tags"}


@pytest.mark.parametrize("operation", ["add_tags", "dismiss_clone"])
def test_what_cannot_be_undone_offers_nothing(anna: Admin, register: Register, operation: str) -> None:
    result = operate(anna, operation, three(register), **({"tags": "x"} if operation == "add_tags" else {"note": "x"}))
    assert "Undo…" not in result.text
    assert result.browser.get(result.undo_path).status_code == 404
    assert result.browser.post(result.undo_path).status_code == 404


def test_a_lock_comes_back_with_its_former_reason(anna: Admin, api: APIClient, register: Register) -> None:
    sites = three(register)
    for site, reason in zip(sites, ("unpaid", "fraud", "closed"), strict=True):
        api.post(f"{site.path}/lock", {"reason": reason})
    result = operate(anna, "unlock", sites)
    assert "Site 1 Giulia Will be locked for “fraud” again; told at its first heartbeat" in result.undo_page
    result.undo()
    assert [stored(site).lock_reason for site in sites] == ["unpaid", "fraud", "closed"]
    assert result.rows["Site 1"] == "Locked for “fraud” again. Not told yet: at its first heartbeat"


def test_a_reason_that_was_replaced_comes_back(anna: Admin, api: APIClient, register: Register) -> None:
    sites = three(register)
    api.post(f"{sites[0].path}/lock", {"reason": "fraud"})
    api.post(f"{sites[1].path}/lock", {"reason": "unpaid"})
    result = operate(anna, "lock", sites).undo()
    assert [stored(site).lock_reason for site in sites] == ["fraud", "unpaid", None]
    assert list(result.rows) == ["Site 0", "Site 2"], "Site 1 was not changed"
    assert undo_events()[0].action == "site.lock_reason_changed"


def test_what_somebody_has_changed_since_is_left_as_it_is(
    anna: Admin, carla: Admin, api: APIClient, register: Register, clock: Clock
) -> None:
    """By any change of an admin, also one of another field, and by one that was taken back."""
    sites = three(register)
    result = operate(carla, "lock", sites)
    clock.move(minutes=1)
    api.patch(sites[0].path, {"name": "Site A"})
    for _ in range(2):
        api.post(f"{sites[1].path}/lock", {"reason": "fraud"})
    page = result.undo_page
    assert "1 site goes back to what it was before. 2 were changed since and are left as they are." in page
    assert "Site A Giulia Changed since by anna at 12:01 UTC: left as it is" in page
    result.undo()
    assert [stored(site).lock_reason for site in sites] == ["unpaid", "fraud", None]
    assert "Undone for 1 of 3 sites by carla at 12:01 UTC, 2 left as they are." in result.text
    assert result.rows["Site 1"] == "Changed since by anna at 12:01 UTC: left as it is"
    assert list(result.rows)[-1] == "Site 2"


def test_heartbeats_change_nothing_that_matters(anna: Admin, register: Register) -> None:
    sites = three(register)
    result = operate(anna, "lock", sites)
    for site in sites:
        beat(site, 2, "locked")
    result.undo()
    assert [stored(site).is_locked for site in sites] == [False] * 3
    assert ". Applied 0, not delivered yet 3." in result.text
    beat(sites[0], 3, "ok")
    assert ". Applied 1, not delivered yet 2." in result.text


def test_after_ten_minutes_the_button_is_gone_and_the_server_refuses(
    anna: Admin, register: Register, clock: Clock
) -> None:
    sites = three(register)
    result = operate(anna, "lock", sites)
    clock.move(minutes=9, seconds=59)
    assert "Undo…" in result.text
    clock.move(seconds=1)
    assert "Undo…" not in result.text
    for answer in (
        result.browser.get(result.undo_path, follow=True),
        result.browser.post(result.undo_path, follow=True),
    ):
        assert "It can be undone within ten minutes only. Nothing was done." in answer.content.decode()
    assert [stored(site).is_locked for site in sites] == [True] * 3


def test_an_operation_that_changed_no_site_has_no_undo(anna: Admin, api: APIClient, register: Register) -> None:
    sites = three(register)
    for site in sites:
        api.post(f"{site.path}/lock", {"reason": "unpaid"})
    result = operate(anna, "lock", sites)
    assert "Undo…" not in result.text
    for method in (result.browser.get, result.browser.post):
        page = method(result.undo_path, follow=True).content.decode()
        assert "It changed no site, so there is nothing to undo." in page
    assert "Undone" not in result.text


def test_a_second_click_and_a_second_person_undo_nothing_more(anna: Admin, carla: Admin, register: Register) -> None:
    sites = three(register)
    result = operate(anna, "lock", sites)
    result.undo()
    operate(anna, "lock", sites, reason="fraud")
    result.undo()
    result.seen_by(carla).undo()
    assert [stored(site).lock_reason for site in sites] == ["fraud"] * 3
    assert len(undo_events()) == 3
    assert "Undone for 3 of 3 sites by anna" in result.seen_by(carla).text


def test_an_undo_that_was_interrupted_is_completed(
    anna: Admin, carla: Admin, register: Register, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the server had died after the first site."""
    sites = three(register)
    result = operate(anna, "lock", sites)
    died = MemoryError("the server dies")
    usual = INVERSES["lock"].run

    def dies(site_id: Any, *args: Any, **how: Any) -> Site:
        if str(site_id) != sites[0].site_id:
            raise died
        return usual(site_id, *args, **how)

    with monkeypatch.context() as patch:
        patch.setitem(INVERSES, "lock", INVERSES["lock"].__class__(**{**vars(INVERSES["lock"]), "run": dies}))  # type: ignore[arg-type]
        patch.setattr("idempotency.services.release", lambda *args: None)
        with pytest.raises(MemoryError):
            result.undo()
    assert "The undo is in progress." in result.text
    result.undo()
    assert [stored(site).is_locked for site in sites] == [False, True, True]
    clock.move(minutes=3)
    assert "The undo was interrupted" in result.text
    assert "Undo…" in result.text
    result.seen_by(carla).undo()
    assert [stored(site).is_locked for site in sites] == [False] * 3
    assert len(undo_events()) == 3
    assert "Undone for 2 of 3 sites by carla at 12:03 UTC, 1 undone already." in result.text


@pytest.mark.parametrize(
    ("operation", "allowed"), [("lock", True), ("unlock", True), ("extend", False), ("deactivate", False)]
)
def test_only_those_who_may_do_the_opposite_are_offered_it(
    anna: Admin, ben: Admin, register: Register, operation: str, allowed: bool
) -> None:
    sites = three(register)
    if before := BEFORE.get(operation):
        operate(anna, before, sites, **entries(before))
    result = operate(anna, operation, sites, **entries(operation)).seen_by(ben)
    answer = result.browser.get(result.undo_path)
    assert (answer.status_code == 200) is allowed
    if result.answer.status_code == 200:
        assert ("Undo…" in result.text) is allowed
    were = states()
    assert (result.browser.post(result.undo_path).status_code == 403) is not allowed
    assert (states() != were) is allowed


def test_more_than_ten_sites_need_a_confirmation_of_the_person(
    anna: Admin, register: Register, clock: Clock, settings: Any
) -> None:
    sites: tuple[RegisteredSite, ...] = tuple(register(name=f"Site {each:02}") for each in range(11))
    result = operate(anna, "lock", sites, reason="unpaid", typed_count="11")
    settings.CONFIRMED_FOR = settings.CONFIRMED_FOR / 600
    clock.move(minutes=5)
    answer = result.browser.post(result.undo_path)
    assert "Confirm that it is you" in answer.content.decode()
    assert Site.objects.filter(is_locked=True).count() == 11
    again = result.browser.post(result.undo_path, {"confirmation-password": PASSWORD})
    assert again.status_code == 302
    assert Site.objects.filter(is_locked=True).count() == 0
