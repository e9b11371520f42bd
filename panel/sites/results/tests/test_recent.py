"""An operation on several sites is found again for a day, by all who may see its result."""

import re
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Admin
from conftest import Clock, Register
from idempotency.models import IdempotentRequest
from panel.sites.results.tests.operated import operate, three
from panel.tests.screen import LIST, browser_of

pytestmark = pytest.mark.any_database

PATH = f"{LIST}operations/"


def listed(admin: Admin) -> list[str]:
    html = browser_of(admin).get(PATH).content.decode()
    rows = re.findall(r'<tr><th scope="row">(.+?)</tr>', html, re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", row)).split()) for row in rows]


def test_own_operations_and_those_of_others_are_listed_the_newest_first(
    anna: Admin, ben: Admin, register: Register, clock: Clock
) -> None:
    sites = three(register)
    result = operate(ben, "lock", sites)
    clock.move(minutes=1)
    operate(anna, "unlock", sites[:2])
    assert listed(anna) == listed(ben)
    assert listed(ben) == [
        "Unlock 2 sites anna 2026-06-01 12:01 UTC done",
        "Lock 3 sites ben 2026-06-01 12:00 UTC done",
    ]
    page = browser_of(anna).get(PATH).content.decode()
    assert f'href="{result.path}"' in page
    assert "Sent 2026-06-01 12:00 UTC by ben." in result.seen_by(anna).text


def test_only_what_the_role_may_do_is_listed(anna: Admin, ben: Admin, vera: Admin, register: Register) -> None:
    sites = three(register)
    operate(anna, "deactivate", sites)
    operate(anna, "lock", sites)
    assert [line.split()[0] for line in listed(anna)] == ["Lock", "Deactivate"]
    assert [line.split()[0] for line in listed(ben)] == ["Lock"]
    assert browser_of(vera).get(PATH).status_code == 403


def test_operations_on_one_site_and_those_of_yesterday_are_not_listed(
    anna: Admin, register: Register, clock: Clock
) -> None:
    sites = three(register)
    operate(anna, "lock", sites[:2])
    assert len(listed(anna)) == 1
    clock.move(hours=25)
    operate(anna, "lock", sites[:1])
    assert listed(anna) == []
    assert "No operations in the last 24 hours." in browser_of(anna).get(PATH).content.decode()


def test_the_state_is_named(anna: Admin, register: Register, clock: Clock) -> None:
    sites = three(register)
    operate(anna, "lock", sites).undo()
    assert [line.split()[-1] for line in listed(anna)] == ["undone"]
    IdempotentRequest.objects.filter(path__endswith="/lock").update(status=None, body=None)
    assert [line.split()[-1] for line in listed(anna)] == ["progress"]
    clock.move(minutes=3)
    assert [line.split()[-1] for line in listed(anna)] == ["interrupted"]


def test_the_answers_of_the_api_are_no_operations(anna: Admin, register: Register, api: object) -> None:
    IdempotentRequest.objects.create(
        admin=anna, path="/api/sites", key="k", body_digest="x", created_at="2099-01-01T00:00Z", status=200, body={}
    )
    assert listed(anna) == []


def test_the_page_needs_as_many_queries_for_few_operations_as_for_many(anna: Admin, register: Register) -> None:
    def cost() -> int:
        browser = browser_of(anna)
        with CaptureQueriesContext(connection) as queries:
            browser.get(PATH)
        return len(queries)

    sites = three(register)
    operate(anna, "lock", sites)
    first = cost()
    for reason in "abc":
        operate(anna, "lock", sites, reason=reason)
    assert cost() == first
    assert len(listed(anna)) == 4
    assert "Recent operations" in browser_of(anna).get(LIST).content.decode()
