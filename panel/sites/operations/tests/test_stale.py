"""Operations that are confirmed on a stale page: a change that the page has not shown is never overwritten."""

import pytest
from rest_framework.test import APIClient

from accounts.models import Admin
from audit.models import Event
from conftest import Register, RegisteredSite
from panel.tests.screen import Confirmation, shown_extension, stored

pytestmark = pytest.mark.any_database


@pytest.fixture
def lina(register: Register) -> RegisteredSite:
    """A second site: the result of an operation on two sites is a page that names each."""
    return register(name="Lina")


@pytest.fixture
def pair(roma: RegisteredSite, lina: RegisteredSite) -> tuple[RegisteredSite, RegisteredSite]:
    return roma, lina


Pair = tuple[RegisteredSite, RegisteredSite]


def lock(api: APIClient, site: RegisteredSite, reason: str) -> None:
    assert api.post(f"{site.path}/lock", {"reason": reason}).status_code == 200


def unlock(api: APIClient, site: RegisteredSite) -> None:
    assert api.post(f"{site.path}/unlock").status_code == 200


def test_a_site_whose_lock_reason_has_changed_is_not_unlocked(ben: Admin, api: APIClient, pair: Pair) -> None:
    for site in pair:
        lock(api, site, "unpaid")
    confirmation = Confirmation(ben, "unlock", pair)
    lock(api, pair[0], "fraud")
    results = confirmation.send(note="paid").results
    assert results["Lina"] == ("done", "Unlocked; told at its first heartbeat")
    kind, words = results["Trattoria Roma"]
    assert kind == "refused"
    assert "“unpaid” on your page, “fraud” now" in words
    assert (stored(pair[0]).is_locked, stored(pair[1]).is_locked) == (True, False)


def test_a_site_locked_again_for_the_same_reason_is_not_unlocked(ben: Admin, api: APIClient, pair: Pair) -> None:
    for site in pair:
        lock(api, site, "unpaid")
    confirmation = Confirmation(ben, "unlock", pair)
    unlock(api, pair[0])
    lock(api, pair[0], "unpaid")
    kind, words = confirmation.send().results["Trattoria Roma"]
    assert kind == "refused"
    assert "Locked at" in words
    assert stored(pair[0]).is_locked


def test_a_site_locked_after_the_page_was_opened_is_not_unlocked(ben: Admin, api: APIClient, pair: Pair) -> None:
    confirmation = Confirmation(ben, "unlock", pair)
    lock(api, pair[0], "fraud")
    assert confirmation.send().results == {
        "Trattoria Roma": ("refused", confirmation.results["Trattoria Roma"][1]),
        "Lina": ("unchanged", "Nothing to do"),
    }
    assert "none on your page, “fraud” now" in confirmation.results["Trattoria Roma"][1]
    assert stored(pair[0]).is_locked


def test_a_heartbeat_does_not_make_a_page_stale(anna: Admin, api: APIClient, pair: Pair) -> None:
    for operation, entries in (
        ("lock", {"reason": "unpaid"}),
        ("unlock", {}),
        ("extend", shown_extension(1)),
        ("deactivate", {"reason": "x"}),
        ("activate", {}),
        ("deregister", {"reason": "x", "typed_count": "2"}),
    ):
        confirmation = Confirmation(anna, operation, pair)
        for site in pair:
            assert site.call_home().status_code == 200
        assert {kind for kind, _ in confirmation.send(**entries).results.values()} == {"done"}, operation


def test_a_change_of_another_field_does_not_make_a_page_stale(ben: Admin, api: APIClient, pair: Pair) -> None:
    for site in pair:
        lock(api, site, "unpaid")
    confirmation = Confirmation(ben, "unlock", pair)
    api.patch(pair[0].path, {"owner_name": "Somebody else"})
    assert confirmation.send().results["Trattoria Roma"] == ("done", "Unlocked; told at its first heartbeat")


def test_a_stale_lock_runs_and_says_what_it_replaced(ben: Admin, api: APIClient, pair: Pair) -> None:
    confirmation = Confirmation(ben, "lock", pair)
    lock(api, pair[0], "fraud")
    kind, words = confirmation.send(reason="unpaid").results["Trattoria Roma"]
    assert kind == "done"
    assert "your reason replaces “fraud”" in words
    assert "none on your page, “fraud” just before" in words
    assert stored(pair[0]).lock_reason == "unpaid"
    assert Event.objects.get(action="site.lock_reason_changed").changes == {"lock_reason": ["fraud", "unpaid"]}


def test_a_lock_on_a_site_unlocked_since_says_so(ben: Admin, api: APIClient, pair: Pair) -> None:
    lock(api, pair[0], "unpaid")
    confirmation = Confirmation(ben, "lock", pair)
    unlock(api, pair[0])
    kind, words = confirmation.send(reason="fraud").results["Trattoria Roma"]
    assert kind == "done"
    assert "“unpaid” on your page, none just before" in words
    assert stored(pair[0]).is_locked


def test_a_lock_form_sent_again_keeps_a_newer_reason(ben: Admin, api: APIClient, pair: Pair) -> None:
    confirmation = Confirmation(ben, "lock", pair).send(reason="unpaid")
    lock(api, pair[0], "fraud")
    confirmation.send(reason="unpaid")
    assert stored(pair[0]).lock_reason == "fraud"


def test_a_lock_form_sent_again_after_an_unlock_does_nothing(ben: Admin, api: APIClient, pair: Pair) -> None:
    confirmation = Confirmation(ben, "lock", pair).send(reason="unpaid")
    unlock(api, pair[0])
    assert confirmation.send(reason="unpaid").results["Trattoria Roma"] == (
        "done",
        "Locked; told at its first heartbeat",
    )
    assert not stored(pair[0]).is_locked


def test_two_extensions_from_two_pages_are_not_added_up(anna: Admin, ben: Admin, register: Register) -> None:
    ends = "2030-01-01T00:00:00Z"
    pair = register(name="One", license_expires_at=ends), register(name="Two", license_expires_at=ends)
    pages = Confirmation(anna, "extend", pair), Confirmation(ben, "extend", pair)
    pages[0].send(**shown_extension(30))
    kind, words = pages[1].send(**shown_extension(30)).results["One"]
    assert kind == "refused"
    assert "2030-01-01 00:00 UTC on your page, 2030-01-31 00:00 UTC now" in words
    assert f"{stored(pair[0]).license_expires_at:%Y-%m-%d}" == "2030-01-31"


def test_a_licence_end_that_has_changed_is_not_overwritten(anna: Admin, api: APIClient, register: Register) -> None:
    ends = "2030-01-01T00:00:00Z"
    pair = register(name="One", license_expires_at=ends), register(name="Two", license_expires_at=ends)
    confirmation = Confirmation(anna, "set_expiry", pair)
    api.post(f"{pair[0].path}/extend", {"days": 365})
    entries = {"license_expires_at_0": "2030-06-01", "license_expires_at_1": "00:00:00", "reason": "agreed"}
    results = confirmation.send(**entries).results
    assert (results["One"][0], results["Two"][0]) == ("refused", "done")
    assert f"{stored(pair[0]).license_expires_at:%Y-%m-%d}" == "2031-01-01"


@pytest.mark.parametrize(("operation", "is_active"), [("deactivate", True), ("activate", False)])
def test_a_site_previewed_as_unchanged_is_not_changed(
    operation: str, is_active: bool, anna: Admin, api: APIClient, pair: Pair
) -> None:
    api.patch(pair[0].path, {"is_active": not is_active})
    confirmation = Confirmation(anna, operation, pair)
    assert confirmation.expected_results["Trattoria Roma"][0] == "unchanged"
    api.patch(pair[0].path, {"is_active": is_active})
    assert confirmation.send(reason="x").results["Trattoria Roma"][0] == "refused"
    assert stored(pair[0]).is_active is is_active


@pytest.mark.parametrize("change", [{"license_expires_at": "2040-01-01T00:00:00Z"}, {"name": "Roma, under new owners"}])
def test_a_site_changed_since_the_page_was_opened_is_not_deregistered(
    change: dict[str, str], anna: Admin, api: APIClient, pair: Pair
) -> None:
    confirmation = Confirmation(anna, "deregister", pair)
    api.patch(pair[0].path, change)
    kinds = [kind for kind, _ in confirmation.send(reason="gone", typed_count="2").results.values()]
    assert kinds == ["refused", "done"]
    assert stored(pair[0]).deregistered_at is None


def test_a_site_deregistered_since_the_page_was_opened_is_refused(anna: Admin, api: APIClient, pair: Pair) -> None:
    confirmation = Confirmation(anna, "lock", pair)
    api.delete(pair[0].path)
    results = confirmation.send(reason="unpaid").results
    assert results["Trattoria Roma"] == ("refused", "Deregistered: restore it first")
    assert results["Lina"][0] == "done"


def test_a_site_deregistered_again_is_not_restored(anna: Admin, api: APIClient, pair: Pair) -> None:
    for site in pair:
        api.delete(site.path)
    confirmation = Confirmation(anna, "restore", pair)
    Confirmation(anna, "restore", pair[:1]).send()
    api.delete(pair[0].path)
    results = confirmation.send().results
    assert (results["Trattoria Roma"][0], results["Lina"][0]) == ("refused", "done")
    assert stored(pair[0]).deregistered_at is not None


@pytest.mark.parametrize(
    "shown",
    [
        "",
        "null",
        "[]",
        '["unpaid"]',
        "[1, 2]",
        "{}",
        '["unpaid", "yesterday"]',
        "[" * 5000,
        '["\\u0000", null]',
        '["\\ud800", null]',
        '["unpaid", "0001-01-01T00:00:00Z"]',
        '["unpaid", "9999-12-31T23:59:59Z"]',
    ],
)
@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
def test_a_form_without_readable_shown_values_unlocks_nothing(
    shown: str, zone: str, ben: Admin, api: APIClient, roma: RegisteredSite
) -> None:
    lock(api, roma, "unpaid")
    confirmation = Confirmation(ben, "unlock", (roma,))
    confirmation.browser.cookies["zone"] = zone
    confirmation.form[f"shown-{roma.site_id}"] = [shown]
    confirmation.send()
    assert "Refused: Trattoria Roma was not unlocked." in confirmation.messages
    assert stored(roma).is_locked
