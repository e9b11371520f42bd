"""The filter by the week in which a licence ends shows what the dashboard's chart counts."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Admin
from conftest import Register
from panel.dashboard.counts import license_counts
from panel.tests.screen import LIST, browser_of
from panel.widgets.weeks import weeks_from
from sites.models import Site


def names(admin: Admin, week: str) -> set[str]:
    page = browser_of(admin).get(f"{LIST}?ends_in_week={week}")
    assert page.status_code == 200
    return {site.name for site in page.context["cl"].result_list}


def test_what_has_ended_is_not_shown_nor_what_is_inactive(anna: Admin, register: Register) -> None:
    at = timezone.now()
    (monday, next_monday), _ = weeks_from(at, number=2)
    register(name="Ended", license_expires_at=(at - timedelta(minutes=1)).isoformat())
    register(name="Ends", license_expires_at=next_monday.isoformat())
    register(name="Ends later", license_expires_at=(next_monday + timedelta(seconds=1)).isoformat())
    inactive = register(name="Inactive", license_expires_at=next_monday.isoformat())
    Site.objects.filter(pk=inactive.site_id).update(is_active=False)
    assert names(anna, monday.date().isoformat()) == {"Ends"}
    assert license_counts(at=at)["week-0"] == 1
    assert names(anna, next_monday.date().isoformat()) == {"Ends later"}


@pytest.mark.parametrize("week", ["2026-11-24", "yesterday", "9999-12-27"])
def test_what_is_no_monday_shows_no_list(anna: Admin, week: str) -> None:
    assert browser_of(anna).get(f"{LIST}?ends_in_week={week}").status_code == 302
