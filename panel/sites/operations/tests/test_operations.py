"""Operations on one site or many: the page that confirms, the run, and the result."""

import re
import uuid
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import escape
from rest_framework.test import APIClient

from accounts.models import Admin
from audit.models import Event
from conftest import Register, RegisteredSite
from panel.tests.screen import LIST, Confirmation, FormReader, browser_of, shown_extension, stored
from sites.models import Site, SitePulse

pytestmark = pytest.mark.any_database

ENTRIES: dict[str, dict[str, str]] = {
    "lock": {"reason": "unpaid invoice 118"},
    "unlock": {"note": "paid"},
    "extend": {"note": "paid", **shown_extension(30)},
    "set_expiry": {
        "license_expires_at_0": "2020-01-01",
        "license_expires_at_1": "00:00:00",
        "reason": "ended by letter",
    },
    "deactivate": {"reason": "closed for the winter"},
    "activate": {"reason": "open again"},
    "deregister": {"reason": "gone", "typed_count": "2", "typed_name": "Trattoria Roma"},
    "restore": {"reason": "back again"},
    "confirm": {"note": "as it should be"},
    "dismiss_clone": {"note": "a test machine"},
    "add_tags": {"tags": "pilot, North"},
    "remove_tags": {"tags": "pilot"},
}
EVENTS = {
    "lock": "site.locked",
    "unlock": "site.unlocked",
    "extend": "site.extended",
    "set_expiry": "site.updated",
    "deactivate": "site.updated",
    "activate": "site.updated",
    "deregister": "site.deregistered",
    "restore": "site.restored",
    "confirm": "site.confirmed",
    "dismiss_clone": "site.clone_dismissed",
    "add_tags": "site.tags_changed",
    "remove_tags": "site.tags_changed",
}
PREPARATION = {"unlock": ["lock"], "activate": ["deactivate"], "restore": ["deregister"], "remove_tags": ["add_tags"]}


def prepare(anna: Admin, operation: str, *sites: RegisteredSite) -> None:
    """Bring the sites into a state in which the operation changes them."""
    if operation == "confirm":
        SitePulse.objects.update(held_revision=7)
    if operation == "dismiss_clone":
        SitePulse.objects.update(clone_suspected_at=timezone.now())
    for before in PREPARATION.get(operation, []):
        Confirmation(anna, before, sites).send(**ENTRIES[before])


def many(register: Register, number: int) -> list[RegisteredSite]:
    return [register(name=f"Site {each:02}") for each in range(number)]


def copies(number: int) -> None:
    """Add copies of the only site, faster than by registering."""
    template = Site.objects.get()
    sites = []
    for each in range(number):
        facts = {name.attname: getattr(template, name.attname) for name in Site._meta.concrete_fields}
        sites.append(Site(**facts | {"site_id": uuid.uuid4(), "name": f"Copy {each:03}"}))
    Site.objects.bulk_create(sites)
    SitePulse.objects.bulk_create(SitePulse(site=site) for site in sites)


@pytest.mark.parametrize("operation", ENTRIES)
def test_each_operation_on_two_sites_records_an_event_for_each_and_shows_the_results(
    operation: str, anna: Admin, register: Register
) -> None:
    sites = tuple(many(register, 2))
    prepare(anna, operation, *sites)
    before = Event.objects.count()
    confirmation = Confirmation(anna, operation, sites).send(**ENTRIES[operation])
    assert [kind for kind, _ in confirmation.results.values()] == ["done", "done"]
    events = Event.objects.order_by("sequence")[before:]
    assert [(event.action, event.actor_name, event.source) for event in events] == [
        (EVENTS[operation], "anna", "admin")
    ] * 2
    assert {event.reason for event in events} == {ENTRIES[operation].get("reason") or ENTRIES[operation].get("note")}


@pytest.mark.parametrize("operation", ENTRIES)
def test_a_form_sent_twice_runs_once_and_shows_the_same_results(
    operation: str, anna: Admin, register: Register
) -> None:
    sites = tuple(many(register, 2))
    prepare(anna, operation, *sites)
    confirmation = Confirmation(anna, operation, sites)
    first = confirmation.send(**ENTRIES[operation]).results
    rows = list(Site.objects.order_by("pk").values())
    events = Event.objects.count()
    assert confirmation.send(**ENTRIES[operation]).results == first
    assert list(Site.objects.order_by("pk").values()) == rows
    assert Event.objects.count() == events


@pytest.mark.parametrize("operation", ENTRIES)
def test_the_same_operation_from_two_pages_runs_once(operation: str, anna: Admin, register: Register) -> None:
    sites = tuple(many(register, 2))
    prepare(anna, operation, *sites)
    pages = [Confirmation(anna, operation, sites) for _ in range(2)]
    pages[0].send(**ENTRIES[operation])
    rows = list(Site.objects.order_by("pk").values())
    events = Event.objects.count()
    assert {kind for kind, _ in pages[1].send(**ENTRIES[operation]).results.values()} <= {"unchanged", "refused"}
    assert list(Site.objects.order_by("pk").values()) == rows
    assert Event.objects.count() == events


@pytest.mark.parametrize("operation", ENTRIES)
def test_an_operation_on_one_site_leads_to_its_page_with_a_message(
    operation: str, anna: Admin, roma: RegisteredSite
) -> None:
    prepare(anna, operation, roma)
    confirmation = Confirmation(anna, operation, (roma,))
    for _ in range(2):
        confirmation.send(**ENTRIES[operation])
        assert confirmation.answer.redirect_chain[-1][0] == f"{LIST}{roma.site_id}/change/"
        assert "Trattoria Roma" in confirmation.messages


@pytest.mark.parametrize("operation", ["lock", "deactivate", "deregister"])
def test_a_destructive_operation_needs_a_reason(operation: str, anna: Admin, roma: RegisteredSite) -> None:
    before = Site.objects.values().get()
    confirmation = Confirmation(anna, operation, (roma,)).send(reason="  ", typed_name="Trattoria Roma")
    assert list(confirmation.errors) == ["reason"]
    assert "Please fix the fields below." in confirmation.page
    assert Site.objects.values().get() == before


@pytest.mark.parametrize(
    ("typed", "needed"),
    [("2031-01-01", False), ("2029-01-01", True), ("2020-01-01", True)],
)
def test_an_earlier_licence_end_needs_a_reason(typed: str, needed: bool, anna: Admin, register: Register) -> None:
    early = register(name="Early", license_expires_at="2028-01-01T00:00:00Z")
    late = register(name="Late", license_expires_at="2030-01-01T00:00:00Z")
    entries = {"license_expires_at_0": typed, "license_expires_at_1": "00:00:00"}
    confirmation = Confirmation(anna, "set_expiry", (early, late))
    confirmation.send(**entries)
    if needed:
        assert "Late" in confirmation.errors["reason"][0]
        assert not Event.objects.filter(action="site.updated").exists()
        confirmation.send(**entries, reason="agreed")
    assert f"{stored(late).license_expires_at:%Y-%m-%d}" == typed


@pytest.mark.parametrize(("typed", "is_red"), [("2020-01-01", True), ("2029-01-01", False)])
def test_only_an_expiry_date_that_has_passed_is_red(typed: str, is_red: bool, anna: Admin, register: Register) -> None:
    site = register(license_expires_at="2030-01-01T00:00:00Z")
    confirmation = Confirmation(anna, "set_expiry", (site,))
    assert "destructive" not in confirmation.page
    confirmation.send(license_expires_at_0=typed, license_expires_at_1="00:00:00")
    assert ("destructive" in confirmation.page) is is_red


def test_locking_is_red_unless_all_sites_are_locked_already(anna: Admin, register: Register, api: APIClient) -> None:
    locked, other = many(register, 2)
    api.post(f"{locked.path}/lock", {"reason": "unpaid"})
    assert "destructive" not in Confirmation(anna, "lock", (locked,)).page
    assert "destructive" in Confirmation(anna, "lock", (locked, other)).page


def test_one_site_is_shown_without_counts_and_gets_one_message(anna: Admin, roma: RegisteredSite) -> None:
    confirmation = Confirmation(anna, "lock", (roma,))
    assert "online now" not in confirmation.page
    answer = browser_of(anna).post(
        f"{LIST}operate/lock/", {**FormReader(confirmation.page).fields, "reason": "unpaid"}, follow=True
    )
    assert [str(message) for message in answer.context["messages"]] == [
        "Trattoria Roma: Locked; told at its first heartbeat."
    ]


def test_the_page_counts_states_and_previews_each_site(anna: Admin, api: APIClient, register: Register) -> None:
    at_home, locked, ended, gone = (register(name=name) for name in ("At home", "Locked", "Ended", "Gone"))
    at_home.call_home()
    api.post(f"{locked.path}/lock", {"reason": "fraud"})
    api.patch(ended.path, {"license_expires_at": "2020-01-01T00:00:00Z"})
    api.delete(gone.path)
    confirmation = Confirmation(anna, "unlock", (at_home, locked, ended, gone))
    counts = " ".join(re.sub("<[^>]*>", "", count) for count in confirmation.answer.context["state_counts"])
    for words in ("1 online now", "2 never seen", "1 locked already", "1 expired", "1 deregistered"):
        assert words in counts
    assert confirmation.expected_results == {
        "Gone": ("refused", "Deregistered: restore it first"),
        "At home": ("unchanged", "Not locked: nothing to do"),
        "Ended": ("unchanged", "Not locked: nothing to do"),
        "Locked": ("will_change", "Will be unlocked"),
    }
    assert "fraud" in confirmation.page
    assert confirmation.send().results == {
        "Gone": ("refused", "Deregistered: restore it first"),
        "At home": ("unchanged", "Nothing to do"),
        "Ended": ("unchanged", "Nothing to do"),
        "Locked": ("done", "Unlocked; told at its first heartbeat"),
    }


def summary(page: str) -> str:
    """How many of the previewed sites will be refused, will not change and will change."""
    (paragraph,) = re.findall(r'<p class="notice">\s*(<strong>\d.*?)</p>', page, re.DOTALL)
    return " ".join(re.sub("<[^>]*>", " ", paragraph).split())


def test_the_page_counts_the_sites_that_will_not_change(anna: Admin, api: APIClient, register: Register) -> None:
    sites = locked, _, gone = tuple(many(register, 3))
    api.delete(gone.path)
    assert summary(Confirmation(anna, "unlock", sites).page) == (
        "1 will be refused. 2 will not change. Nothing will change."
    )
    api.post(f"{locked.path}/lock", {"reason": "unpaid"})
    assert summary(Confirmation(anna, "unlock", sites).page) == "1 will be refused. 1 will not change. 1 will change."


def test_sites_that_cannot_be_extended_are_named_before_the_others_are_extended(
    anna: Admin, register: Register
) -> None:
    early = register(name="Early", license_expires_at="2030-01-01T00:00:00Z")
    late = register(name="Late", license_expires_at="2040-01-01T00:00:00Z")
    until = {"until_0": "2035-01-01", "until_1": "00:00:00"}
    confirmation = Confirmation(anna, "extend", (early, late)).send(preview="", **until)
    assert confirmation.expected_results["Late"] == ("refused", "Already ends 2040-01-01 00:00 UTC")
    assert summary(confirmation.page) == "1 will be refused. 1 will change."
    assert stored(early).license_expires_at.year == 2030
    confirmation.send(**until)
    assert confirmation.results["Early"][0] == "done"
    assert confirmation.results["Late"][0] == "refused"
    assert (stored(early).license_expires_at.year, stored(late).license_expires_at.year) == (2035, 2040)


def test_a_date_that_extends_no_licence_is_refused_beside_its_field(anna: Admin, register: Register) -> None:
    site = register(license_expires_at="2040-01-01T00:00:00Z")
    confirmation = Confirmation(anna, "extend", (site,)).send(preview="", until_0="2035-01-01", until_1="00:00:00")
    assert confirmation.errors == {"until": ["Must be later than the current end, 2040-01-01 00:00 UTC."]}
    assert 'value="2035-01-01"' in confirmation.page, "what was typed stays"


@pytest.mark.parametrize("typed", ["", "10", "12", "eleven", "1 1"])
def test_more_than_ten_sites_need_their_number_typed(typed: str, anna: Admin, register: Register) -> None:
    sites = tuple(many(register, 11))
    confirmation = Confirmation(anna, "lock", sites)
    assert "Type 11 to confirm" in confirmation.page
    confirmation.send(reason="unpaid", typed_count=typed)
    assert list(confirmation.errors) == ["typed_count"]
    assert not Site.objects.filter(is_locked=True).exists()
    confirmation.send(reason="unpaid", typed_count="11")
    assert Site.objects.filter(is_locked=True).count() == 11


def test_ten_sites_need_no_number(anna: Admin, register: Register) -> None:
    confirmation = Confirmation(anna, "lock", tuple(many(register, 10)))
    assert "to confirm" not in confirmation.page
    confirmation.send(reason="unpaid")
    assert Site.objects.filter(is_locked=True).count() == 10


def test_the_typed_number_must_be_that_of_the_submitted_sites(anna: Admin, register: Register) -> None:
    sites = many(register, 12)
    confirmation = Confirmation(anna, "lock", tuple(sites[:11]))
    confirmation.form["site"].append(sites[11].site_id)
    confirmation.send(reason="unpaid", typed_count="11")
    assert list(confirmation.errors) == ["typed_count"]
    assert not Site.objects.filter(is_locked=True).exists()


@pytest.mark.parametrize("typed", ["", "1", "Trattoria", "Trattoria Roma 2"])
def test_deregistering_needs_the_name_of_the_site_typed(typed: str, anna: Admin, roma: RegisteredSite) -> None:
    confirmation = Confirmation(anna, "deregister", (roma,)).send(reason="gone", typed_name=typed)
    assert confirmation.errors == {"typed_name": ["Type “Trattoria Roma” to confirm."]}
    assert stored(roma).deregistered_at is None
    confirmation.send(reason="gone", typed_name=" trattoria  roma")
    assert stored(roma).deregistered_at is not None


def test_deregistering_two_sites_needs_their_number_typed(anna: Admin, register: Register) -> None:
    confirmation = Confirmation(anna, "deregister", tuple(many(register, 2))).send(reason="gone")
    assert list(confirmation.errors) == ["typed_count"]
    assert not Site.objects.exclude(deregistered_at=None).exists()
    confirmation.send(reason="gone", typed_count="2")
    assert Site.objects.exclude(deregistered_at=None).count() == 2


def test_a_site_that_was_renamed_since_the_page_was_opened_needs_its_new_name(
    anna: Admin, roma: RegisteredSite, api: APIClient
) -> None:
    confirmation = Confirmation(anna, "deregister", (roma,))
    api.patch(roma.path, {"name": "Osteria Roma"})
    confirmation.send(reason="gone", typed_name="Trattoria Roma")
    assert list(confirmation.errors) == ["typed_name"]
    assert stored(roma).deregistered_at is None


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        ([], "Select at least one site"),
        (["nonsense", "\x00", "0b6f4c1e"], "Select at least one site"),
        ([str(uuid.uuid4())], "Select at least one site"),
        ([str(uuid.uuid4()) for _ in range(401)], "at most 400 sites"),
    ],
)
@pytest.mark.parametrize("confirmed", [{}, {"confirmed": "yes", "reason": "x"}])
def test_a_selection_without_sites_is_answered_with_a_sentence(
    ids: list[str], words: str, confirmed: dict[str, str], anna: Admin, roma: RegisteredSite
) -> None:
    answer = browser_of(anna).post(f"{LIST}operate/lock/", {"site": ids, **confirmed}, follow=True)
    text = " ".join(str(message) for message in answer.context["messages"])
    assert answer.status_code == 200
    assert words in text
    assert "Nothing was done" in text
    assert not stored(roma).is_locked


def test_ids_of_no_sites_are_left_out_and_counted(anna: Admin, roma: RegisteredSite) -> None:
    page = browser_of(anna).post(f"{LIST}operate/lock/", {"site": [roma.site_id, "x", str(uuid.uuid4())]})
    assert "2 of the selected ids are not sites" in page.content.decode()


@pytest.mark.parametrize("ids", [["nonsense"], ["\x00"], []])
def test_an_action_on_invalid_ids_is_refused(ids: list[str], anna: Admin, roma: RegisteredSite) -> None:
    answer = browser_of(anna).post(LIST, {"action": "lock", "index": "0", "_selected_action": ids}, follow=True)
    assert answer.status_code == 200
    assert list(answer.context["messages"])


def test_an_action_can_select_all_sites_up_to_the_limit(anna: Admin, roma: RegisteredSite) -> None:
    copies(399)
    browser = browser_of(anna)
    everything = {"action": "lock", "select_across": "1", "index": "0", "_selected_action": [roma.site_id]}
    page = browser.post(LIST, everything).content
    assert b"Lock 400 sites" in page
    assert len(page) < 300_000
    copies_before = Site.objects.get(pk=roma.site_id)
    copies_before.pk = uuid.uuid4()
    copies_before.save(force_insert=True)
    SitePulse.objects.create(site=copies_before)
    answer = browser.post(LIST, everything, follow=True)
    assert "at most 400 sites" in str(next(iter(answer.context["messages"])))


def test_the_pages_need_as_many_queries_for_few_sites_as_for_many(anna: Admin, roma: RegisteredSite) -> None:
    def cost(sites: list[str]) -> tuple[int, int]:
        browser = browser_of(anna)
        with CaptureQueriesContext(connection) as page_queries:
            page = browser.post(f"{LIST}operate/lock/", {"site": sites})
        assert page.status_code == 200
        answer = browser.post(
            f"{LIST}operate/lock/",
            {"site": sites, "confirmed": "yes", "reason": str(uuid.uuid4()), "typed_count": str(len(sites))},
        )
        with CaptureQueriesContext(connection) as result_queries:
            assert browser.get(answer.headers["Location"]).status_code == 200
        return len(page_queries), len(result_queries)

    copies(59)
    ids = [str(pk) for pk in Site.objects.values_list("pk", flat=True)]
    cost(ids[:2])
    assert cost(ids[:2]) == cost(ids)


def test_a_result_belongs_to_one_operation_and_is_seen_by_all_who_may_run_that(
    anna: Admin, ben: Admin, vera: Admin, register: Register
) -> None:
    confirmation = Confirmation(anna, "lock", tuple(many(register, 2))).send(reason="unpaid")
    result = confirmation.answer.redirect_chain[-1][0]
    for person, status in ((anna, 200), (ben, 200), (vera, 403)):
        assert browser_of(person).get(result).status_code == status
    assert browser_of(anna).get(result.replace("lock", "unlock")).status_code == 404


def test_a_form_sent_again_with_other_entries_does_nothing(anna: Admin, register: Register) -> None:
    sites = tuple(many(register, 2))
    confirmation = Confirmation(anna, "lock", sites).send(reason="unpaid")
    confirmation.send(reason="fraud")
    assert "with other entries" in confirmation.messages
    assert {site.lock_reason for site in Site.objects.all()} == {"unpaid"}


def test_refused_sites_can_be_retried(anna: Admin, api: APIClient, register: Register) -> None:
    sites = tuple(many(register, 2))
    confirmation = Confirmation(anna, "extend", sites)
    api.post(f"{sites[1].path}/extend", {"days": 5})
    confirmation.send(**shown_extension(30))
    again: Any = confirmation.browser.post(confirmation.path, {"site": confirmation.answer.context["refused_ids"]})
    assert [preview.site.name for preview in again.context["previews"]] == ["Site 01"]


def test_control_characters_and_too_long_reasons_are_refused_beside_the_field(
    anna: Admin, roma: RegisteredSite
) -> None:
    for reason in ("x\x07\x1b[31m", "x" * 501):
        assert list(Confirmation(anna, "lock", (roma,)).send(reason=reason).errors) == ["reason"]
    assert not stored(roma).is_locked


@pytest.mark.slow
def test_four_hundred_sites_fit_into_one_form(anna: Admin, roma: RegisteredSite) -> None:
    copies(399)
    sites = tuple(RegisteredSite(str(pk), "") for pk in Site.objects.values_list("pk", flat=True))
    confirmation = Confirmation(anna, "deregister", sites).send(reason="all gone", typed_count="400")
    assert {kind for kind, _ in confirmation.results.values()} == {"done"}
    assert len(confirmation.answer.content) < 300_000


@pytest.mark.slow
def test_the_longest_lock_reasons_of_four_hundred_sites_fit_into_one_form(anna: Admin, roma: RegisteredSite) -> None:
    copies(399)
    Site.objects.update(is_locked=True, lock_reason="🍝" * 500, locked_at=timezone.now())
    sites = tuple(RegisteredSite(str(pk), "") for pk in Site.objects.values_list("pk", flat=True))
    confirmation = Confirmation(anna, "unlock", sites)
    form = urlencode({**confirmation.form, "typed_count": "400"}, doseq=True)
    # As a browser encodes it, which takes more bytes than the test client's multipart form.
    confirmation.browser.post(confirmation.path, form, content_type="application/x-www-form-urlencoded")
    assert not Site.objects.filter(is_locked=True).exists()


FILTERED = f"{LIST}?status=never_seen&q=Site"


def test_the_links_back_keep_the_filters_of_the_list(anna: Admin, register: Register) -> None:
    """By the URLs of the form and of the result, as a browser follows them."""
    browser = browser_of(anna)
    selected = {"_selected_action": [site.site_id for site in many(register, 2)], "action": "lock"}
    page = browser.post(FILTERED, selected)
    assert page.context["cancel_url"] == FILTERED
    sent = {**FormReader(page.content.decode()).fields, "reason": "unpaid"}
    result = browser.post(page.context["form_url"], sent, follow=True)
    assert [row.result["kind"] for row in result.context["rows"]] == ["done", "done"]
    assert f'href="{escape(FILTERED)}">Back to the list' in result.content.decode()


def test_forged_filters_never_lead_to_another_host(anna: Admin, roma: RegisteredSite) -> None:
    browser = browser_of(anna)
    page = browser.get(f"{LIST}operate/lock/?site={roma.site_id}&_changelist_filters=//evil.example/%3Fnext%3D%22%3E")
    assert page.status_code == 200
    assert page.context["cancel_url"].startswith(LIST)
    assert page.context["form_url"].startswith(LIST)
