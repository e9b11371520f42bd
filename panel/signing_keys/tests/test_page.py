"""The page of the signing keys."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Admin
from audit.actors import COMMAND
from conftest import Clock, Register
from heartbeat.tests.agents import SimulatedAgent
from licensing.models import SigningKey
from licensing.services import activate_signing_key, create_signing_key, retire_signing_key
from panel.dashboard.tests.test_dashboard import browser_of, text
from sites.services import deregister_site

PATH = "/admin/signing-keys/"
pytestmark = [pytest.mark.any_database, pytest.mark.django_db]


def create(clock: Clock) -> SigningKey:
    return create_signing_key(by=COMMAND, at=clock())


def entries(admin: Admin) -> list[str]:
    """What the page says of each key, in its order; to a new session, because the clock moves by days."""
    html = browser_of(admin).get(PATH).content.decode().partition('<ul class="sign-ins')[2].partition("</ul>")[0]
    return [
        text(entry).replace("\xa0", " ").replace(" ,", ",").replace(" .", ".")
        for entry in re.findall(r"<li>(.+?)</li>", html, re.DOTALL)
    ]


def test_without_a_key_the_page_says_what_to_run(anna: Admin) -> None:
    page = browser_of(anna).get(PATH).content.decode()
    assert "There is no signing key" in page
    assert "manage.py create_signing_key" in page


def test_the_chain_is_shown_oldest_first_with_its_times(anna: Admin, clock: Clock) -> None:
    first, second = create(clock), create(clock)
    clock.move(days=3)
    one, two = entries(anna)
    assert one.startswith(f"{first.kid} ● signing Signs since 2026-06-01 12:00 UTC, 3 days ago.")
    assert "The first key, which nobody endorsed" in one
    assert two.startswith(f"{second.kid} ○ published May sign from 2026-06-08 12:00 UTC on, in 4 days.")
    assert f"Endorsed by {first.kid}" in two
    assert "Private half: sealed in the database." in two
    clock.move(days=4)
    assert "May sign since 2026-06-08 12:00 UTC." in entries(anna)[1]
    activate_signing_key(second.kid, by=COMMAND, at=clock())
    clock.move(days=1)
    retired = entries(anna)[0]
    assert "Retired 1 day ago. Leaves the public set in 29 days, on 2026-07-08 13:00 UTC" in retired
    assert "Private half: deleted." in retired
    clock.move(days=29, hours=1)
    assert "Left the public set on 2026-07-08 13:00 UTC." in entries(anna)[0]


def test_each_key_says_how_many_agents_have_called_since_it_was_published(
    anna: Admin, register: Register, clock: Clock
) -> None:
    create(clock)
    early, late, gone, old_client = (register(name=name) for name in ("Early", "Late", "Gone", "Old client"))
    for site in (early, late, gone):
        SimulatedAgent(site).beat()
    clock.move(hours=1)
    create(clock)
    SimulatedAgent(late).beat()
    SimulatedAgent(gone).beat()
    old_client.call_home()
    deregister_site(gone.site_id, by=COMMAND, at=clock())
    withdrawn = create(clock)
    retire_signing_key(withdrawn.kid, by=COMMAND, at=clock())
    first, second, third = entries(anna)
    assert "2 of 2 agents have called since it was published." in first
    assert "1 of 2 agents have called since it was published." in second
    assert "agents have called" not in third


def test_a_withdrawn_key_says_so(anna: Admin, clock: Clock) -> None:
    create(clock)
    retire_signing_key(create(clock).kid, by=COMMAND, at=clock())
    assert "Withdrawn just now, before it signed." in entries(anna)[1]


def test_a_private_half_that_cannot_be_read_is_shown(anna: Admin, clock: Clock, settings: Any) -> None:
    create(clock)
    settings.LEASE_KEY_SECRETS = ["0123456789abcdef" * 3]
    assert "Private half: cannot be read. The private half cannot be read: has LEASE_KEY_SECRET" in entries(anna)[0]


def test_only_a_sysadmin_may_look_and_nobody_can_send_anything(anna: Admin, ben: Admin, vera: Admin) -> None:
    assert browser_of(anna).post(PATH).status_code == 405
    for admin in (ben, vera):
        assert browser_of(admin).get(PATH).status_code == 403
    assert Client().get(PATH).status_code == 302


def test_the_page_costs_the_same_whatever_the_number_of_keys(anna: Admin, clock: Clock) -> None:
    browser = browser_of(anna)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(PATH).status_code == 200
        return len(queries)

    before = cost()
    for _ in range(5):
        create(clock)
    assert cost() == before


def test_the_dashboard_says_whether_a_key_signs(anna: Admin, ben: Admin, clock: Clock) -> None:
    def shown(admin: Admin) -> str:
        return text(browser_of(admin).get("/admin/").content.decode()).replace("\xa0", " ")

    assert "Signing key ■ missing Heartbeats are answered without a lease. Show the keys" in shown(anna)
    create(clock)
    clock.move(days=2)
    assert "Signing key ● signs Since 2 days ago . Show the keys" in shown(anna)
    assert "Show the keys" not in shown(ben)
