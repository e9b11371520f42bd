"""The result of an operation on many sites offers the operation that undoes it."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Admin
from conftest import Register, RegisteredSite
from panel.sites.operations.registry import ALL, OPERATIONS
from panel.tests.screen import Confirmation, FormReader
from sites.models import Site

pytestmark = pytest.mark.any_database

ENTRIES = {
    "lock": {"reason": "unpaid"},
    "deactivate": {"reason": "closed"},
    "deregister": {"reason": "gone", "typed_count": "3"},
}
WORDS = {"lock": "Unlock these 3", "deactivate": "Activate these 3", "deregister": "Restore these 3"}


@pytest.fixture
def three(register: Register) -> tuple[RegisteredSite, ...]:
    return tuple(register(name=f"Site {number}") for number in range(3))


def follow(confirmation: Confirmation) -> Any:
    """Press the button of the result page that offers the opposite."""
    opposite = confirmation.answer.context["opposite"]
    return confirmation.browser.post(opposite["url"], {"site": confirmation.answer.context["undoable_ids"]})


def names(page: Any) -> list[str]:
    return [preview.site.name for preview in page.context["previews"]]


def test_each_opposite_leads_back() -> None:
    pairs = {operation.name: operation.opposite for operation in ALL if operation.opposite}
    assert {opposite: name for name, opposite in pairs.items()} == pairs
    assert pairs.keys() == {"lock", "unlock", "activate", "deactivate", "deregister", "restore"}


@pytest.mark.parametrize("name", ENTRIES)
def test_the_opposite_is_confirmed_for_the_same_sites_and_not_run_before(
    anna: Admin, three: tuple[RegisteredSite, ...], name: str
) -> None:
    result = Confirmation(anna, name, three).send(**ENTRIES[name])
    assert WORDS[name] in result.page
    assert sorted(FormReader(result.page).fields["site"]) == sorted(site.site_id for site in three)
    revisions = set(Site.objects.values_list("pk", "revision"))
    asked = follow(result)
    assert names(asked) == ["Site 0", "Site 1", "Site 2"]
    assert asked.context["operation"] is OPERATIONS[OPERATIONS[name].opposite]
    assert set(Site.objects.values_list("pk", "revision")) == revisions


def test_only_sites_that_were_changed_are_undone(
    anna: Admin, api: APIClient, three: tuple[RegisteredSite, ...]
) -> None:
    api.post(f"{three[0].path}/lock", {"reason": "unpaid"})
    api.post(f"{three[1].path}/lock", {"reason": "fraud"})
    result = Confirmation(anna, "lock", three).send(reason="unpaid")
    assert {name: kind for name, (kind, _) in result.results.items()} == {
        "Site 0": "unchanged",
        "Site 1": "done",
        "Site 2": "done",
    }
    assert "Unlock this site" in result.page
    assert names(follow(result)) == ["Site 2"], "Site 1 was locked before, for another reason"


def test_nothing_is_offered_where_nothing_was_changed(anna: Admin, three: tuple[RegisteredSite, ...]) -> None:
    result = Confirmation(anna, "activate", three).send(reason="open")
    assert "Deactivate" not in result.page
