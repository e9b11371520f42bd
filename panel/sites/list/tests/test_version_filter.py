"""The filter by version offers the versions that most sites have, and takes any other."""

import re
from typing import Any

from django.test import Client

from accounts.models import Admin
from conftest import Register, RegisteredSite
from panel.dashboard.tests.test_dashboard import browser_of
from panel.sites.list.filters import MOST_VERSIONS
from sites.models import SitePulse

LIST = "/admin/sites/site/"


def offered(browser: Client, query: str = "") -> list[str]:
    answer: Any = browser.get(f"{LIST}?{query}")
    (versions,) = [spec for spec in answer.context["cl"].filter_specs if spec.parameter_name == "version"]
    return [value for value, _ in versions.lookup_choices]


def test_a_site_that_invents_versions_counts_once(vera: Admin, register: Register) -> None:
    napoli, milano = register(name="Napoli"), register(name="Milano")
    napoli.call_home(version="1.0.0")
    milano.call_home(version="2.0.0")
    for number in range(40):
        napoli.call_home(version=f"9.9.{number}")
    assert offered(browser_of(vera)) == ["9.9.39", "2.0.0"]


def test_the_versions_that_most_sites_have_are_offered_the_highest_first(vera: Admin, register: Register) -> None:
    for number in range(MOST_VERSIONS + 5):
        version = f"1.{number // 2 if number < 10 else number}"
        SitePulse.objects.filter(pk=register(name=f"Site {number}").site_id).update(version=version)
    found = offered(browser_of(vera))
    assert len(found) == MOST_VERSIONS
    assert found[-5:] == ["1.4", "1.3", "1.2", "1.1", "1.0"]


def test_another_version_can_be_typed_and_keeps_the_rest_of_the_query(vera: Admin, roma: RegisteredSite) -> None:
    roma.call_home(version="0.0.7")
    html = browser_of(vera).get(f"{LIST}?status=online&o=-4&q=roma").content.decode()
    (form,) = re.findall(r'<form method="get" class="other-value">(.+?)</form>', html, re.DOTALL)
    assert sorted(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)) == [
        ("o", "-4"),
        ("q", "roma"),
        ("status", "online"),
    ]
    assert 'name="version"' in form
    answer: Any = browser_of(vera).get(f"{LIST}?status=online&q=roma&version=0.0.7")
    assert [site.name for site in answer.context["cl"].result_list] == ["Trattoria Roma"]
    assert 'value="0.0.7"' in answer.content.decode()
