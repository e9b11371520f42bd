"""The page that extends licences shows the new ends before anything is changed."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.models import Admin
from audit.models import Event
from conftest import Clock, Register, RegisteredSite
from panel.tests.screen import Confirmation, stored
from sites.models import Site


def expected(confirmation: Confirmation) -> dict[str, str]:
    return {name: words for name, (_, words) in confirmation.expected_results.items()}


def test_the_buttons_of_one_site_name_the_new_end(anna: Admin, register: Register) -> None:
    site = register(license_expires_at="2040-01-01T00:00:00Z")
    page = re.sub(r"<[^>]*>", "", Confirmation(anna, "extend", (site,)).page)
    for words in ("+30 days → 2040-01-31 00:00 UTC", "+90 days → 2040-03-31", "+365 days → 2040-12-31"):
        assert words in page


def test_a_button_shows_the_new_end_and_changes_nothing(anna: Admin, register: Register) -> None:
    site = register(license_expires_at="2040-01-01T00:00:00Z")
    confirmation = Confirmation(anna, "extend", (site,)).send(preview="90")
    assert expected(confirmation) == {"Trattoria Roma": "2040-01-01 00:00 UTC → 2040-03-31 00:00 UTC"}
    assert "Not extended yet. Check the new date" in confirmation.page
    assert not Event.objects.filter(action="site.extended").exists()
    confirmation.send(days="90")
    assert f"{stored(site).license_expires_at:%Y-%m-%d}" == "2040-03-31"


def test_the_new_end_of_each_of_many_sites_is_shown(anna: Admin, register: Register) -> None:
    sites = tuple(
        register(name=f"Site {each:02}", license_expires_at=f"20{40 + each}-01-01T00:00:00Z") for each in range(12)
    )
    confirmation = Confirmation(anna, "extend", sites).send(preview="30")
    assert confirmation.errors == {}, "a preview needs no number typed"
    assert expected(confirmation)["Site 00"] == "2040-01-01 00:00 UTC → 2040-01-31 00:00 UTC"
    assert expected(confirmation)["Site 11"] == "2051-01-01 00:00 UTC → 2051-01-31 00:00 UTC"
    confirmation.send(days="30")
    assert list(confirmation.errors) == ["typed_count"]
    assert confirmation.send(days="30", typed_count="12").results["Site 11"][0] == "done"


def test_a_date_is_shown_for_each_site_and_refused_where_it_is_too_early(anna: Admin, register: Register) -> None:
    early = register(name="Early", license_expires_at="2030-01-01T00:00:00Z")
    late = register(name="Late", license_expires_at="2040-01-01T00:00:00Z")
    confirmation = Confirmation(anna, "extend", (early, late))
    confirmation.send(preview="", until_0="2035-01-01", until_1="00:00:00")
    assert confirmation.expected_results == {
        "Late": ("refused", "Already ends 2040-01-01 00:00 UTC"),
        "Early": ("will_change", "2030-01-01 00:00 UTC → 2035-01-01 00:00 UTC"),
    }
    assert f"{stored(early).license_expires_at:%Y}" == "2030"


def test_only_the_extension_that_was_shown_is_written(anna: Admin, register: Register) -> None:
    site = register(license_expires_at="2040-01-01T00:00:00Z")
    confirmation = Confirmation(anna, "extend", (site,))
    assert 'value="Extend licence"' not in confirmation.page
    for days, end in (("30", "2040-01-31"), ("3650", "2049-12-29")):
        confirmation.send(days=days)
        assert "Check the new date and send again." in confirmation.page
        assert expected(confirmation)["Trattoria Roma"].endswith(f"→ {end} 00:00 UTC")
        assert 'value="Extend licence"' in confirmation.page
        assert f"{stored(site).license_expires_at:%Y}" == "2040"
    confirmation.send(days="3650")
    assert f"{stored(site).license_expires_at:%Y}" == "2049"


@pytest.mark.parametrize("license_expires_at", ["2026-06-01T23:58:00Z", "2026-05-01T00:00:00Z"])
def test_an_end_that_would_differ_by_now_is_shown_again(
    license_expires_at: str, anna: Admin, register: Register, clock: Clock
) -> None:
    """A licence ends while its new end is shown, or a day does from which the days of an ended licence count."""
    clock.at = datetime(2026, 6, 1, 23, 55, tzinfo=UTC)
    site = register(license_expires_at="2026-06-01T23:58:00Z")
    Site.objects.filter(pk=site.site_id).update(license_expires_at=license_expires_at)
    before = stored(site).license_expires_at
    confirmation = Confirmation(anna, "extend", (site,)).send(preview="30")
    clock.move(minutes=10)
    confirmation.send(days="30")
    assert "Check the new date and send again." in confirmation.page
    assert stored(site).license_expires_at == before
    confirmation.send(days="30")
    assert f"{stored(site).license_expires_at:%Y-%m-%d %H:%M}" == "2026-07-02 00:05"


def test_a_licence_is_extended_twice_from_one_page(anna: Admin, register: Register) -> None:
    """As after the browser's Back button, with the form of the first time."""
    site = register(license_expires_at="2040-01-01T00:00:00Z")
    confirmation = Confirmation(anna, "extend", (site,))
    old_form = dict(confirmation.form)
    for end in ("2040-01-31", "2040-03-01"):
        confirmation.form = dict(old_form)
        confirmation.send(preview="30").send(days="30")
        assert f"{stored(site).license_expires_at:%Y-%m-%d}" == end


def test_an_end_that_counts_from_now_is_shown_without_the_time_of_day(anna: Admin, register: Register) -> None:
    site = register(license_expires_at="2020-01-01T00:00:00Z")
    page = re.sub(r"<[^>]*>", "", Confirmation(anna, "extend", (site,)).page)
    confirmation = Confirmation(anna, "extend", (site,)).send(preview="30")
    confirmation.send(days="30")
    end = f"{stored(site).license_expires_at:%Y-%m-%d}"
    assert re.search(rf"\+30 days → {end}\n", page)
    confirmation = Confirmation(anna, "extend", (register(license_expires_at="2020-01-01T00:00:00Z"),))
    words = expected(confirmation.send(preview="30"))["Trattoria Roma"]
    assert words == f"Expired 2020-01-01 00:00 UTC → {end}"


def test_a_page_on_which_nothing_will_change_does_not_ask_to_extend(anna: Admin, register: Register, api: Any) -> None:
    site = register()
    api.delete(site.path)
    confirmation = Confirmation(anna, "extend", (site,)).send(preview="30")
    assert expected(confirmation) == {"Trattoria Roma": "Deregistered: restore it first"}
    assert "Not extended yet" not in confirmation.page


def test_other_operations_have_no_preview(anna: Admin, roma: RegisteredSite) -> None:
    Confirmation(anna, "lock", (roma,)).send(preview="", reason="unpaid")
    assert stored(roma).is_locked


def test_wrong_entries_are_refused_beside_their_fields(anna: Admin, roma: RegisteredSite) -> None:
    for preview, days in (("", "x"), ("", "0"), ("x", ""), ("-5", "")):
        confirmation = Confirmation(anna, "extend", (roma,)).send(preview=preview, days=days)
        assert list(confirmation.errors) == ["days"]
    assert "Enter days or a date" in Confirmation(anna, "extend", (roma,)).send(preview="").page


def test_a_new_expiry_date_is_shown_with_the_question_for_a_reason(anna: Admin, register: Register) -> None:
    site = register(license_expires_at="2040-01-01T00:00:00Z")
    entries = {"license_expires_at_0": "2030-01-01", "license_expires_at_1": "00:00:00"}
    confirmation = Confirmation(anna, "set_expiry", (site,)).send(**entries)
    assert list(confirmation.errors) == ["reason"]
    assert expected(confirmation) == {"Trattoria Roma": "2040-01-01 00:00 UTC → 2030-01-01 00:00 UTC"}
