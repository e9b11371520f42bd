"""The guide of a new installation: each step is ticked once it is done, and the guide goes when it is no longer needed."""

import re
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Admin
from accounts.tests.factors import app_of
from conftest import Clock, Register, RegisteredSite
from heartbeat.models import Heartbeat
from panel.dashboard.first_steps import SHOWN_FOR, first_steps, is_new
from panel.dashboard.tests.test_dashboard import page, text
from sites.models import SitePulse

REGISTER, HAND_OVER, HEARTBEAT, FACTOR, COLLEAGUE = (
    "Register the first restaurant",
    "Hand over the id and the key",
    "See the first heartbeat",
    "Set up your second factor",
    "Add a colleague",
)


def steps(admin: Admin) -> dict[str, bool]:
    """By its label whether each step is done; empty if there is no guide."""
    items = re.findall(
        r"<li( class=\"done\")?>\s*<span class=\"mark\".*?</span>\s*(.+?)\s*</li>", page(admin), re.DOTALL
    )
    labels = (REGISTER, HAND_OVER, HEARTBEAT, FACTOR, COLLEAGUE)
    return {label: bool(done) for done, words in items for label in labels if label in text(words)}


def test_at_first_nothing_is_done(anna: Admin) -> None:
    assert steps(anna) == dict.fromkeys((REGISTER, HAND_OVER, HEARTBEAT, FACTOR, COLLEAGUE), False)


def test_each_step_is_ticked_once_it_is_done(anna: Admin, register: Register, request: pytest.FixtureRequest) -> None:
    site = register()
    assert [label for label, done in steps(anna).items() if done] == [REGISTER]
    site.call_home()
    assert [label for label, done in steps(anna).items() if done] == [REGISTER, HAND_OVER, HEARTBEAT]
    request.getfixturevalue("vera")
    assert [label for label, done in steps(anna).items() if not done] == [FACTOR]
    app_of(anna)
    assert steps(anna) == {}


def test_a_wrong_key_is_named(anna: Admin, roma: RegisteredSite) -> None:
    SitePulse.objects.filter(site_id=roma.site_id).update(last_refused_at=timezone.now())
    assert [label for label, done in steps(anna).items() if done] == [REGISTER, HAND_OVER]
    assert "A heartbeat was refused. Is the key right?" in text(page(anna))


def test_a_call_of_a_deregistered_site_ticks_nothing(anna: Admin, api: APIClient, register: Register) -> None:
    register()
    former = register()
    SitePulse.objects.filter(site_id=former.site_id).update(last_refused_at=timezone.now())
    api.delete(former.path)
    assert [label for label, done in steps(anna).items() if done] == [REGISTER]


@pytest.mark.parametrize("stored", [True, False], ids=["heartbeats", "no heartbeats"])
def test_the_guide_goes_a_week_after_the_first_registration(
    stored: bool, anna: Admin, register: Register, clock: Clock
) -> None:
    """For good, even if all old heartbeats have been pruned and new ones arrive."""
    site = register()
    if stored:
        site.call_home()
    clock.move(days=6, hours=23, minutes=59)
    assert steps(anna)
    clock.move(minutes=1)
    assert steps(anna) == {}
    Heartbeat.objects.all().delete()
    register().call_home()
    assert steps(anna) == {}


def test_it_costs_at_most_four_statements_and_none_once_there_is_an_old_heartbeat(
    anna: Admin, roma: RegisteredSite, django_assert_num_queries: Any
) -> None:
    at = timezone.now()
    with django_assert_num_queries(4):
        first_steps(anna, site_count=1, has_heartbeat=False)
    with django_assert_num_queries(1):
        assert is_new(oldest_heartbeat_at=at, at=at)
    with django_assert_num_queries(0):
        assert not is_new(oldest_heartbeat_at=at - SHOWN_FOR, at=at)


def test_a_step_links_only_to_what_the_viewer_may_do(anna: Admin, vera: Admin) -> None:
    for admin, label, url in ((anna, REGISTER, "/admin/sites/site/add/"), (vera, FACTOR, "/admin/account/")):
        assert f'<a href="{url}">{label}</a>' in page(admin)
    assert COLLEAGUE not in steps(vera)
    assert f">{REGISTER}</a>" not in page(vera)


def test_what_is_done_is_not_linked(anna: Admin, roma: RegisteredSite) -> None:
    assert f">{REGISTER}</a>" not in page(anna)
    assert f"{REGISTER} (done)" in text(page(anna))
