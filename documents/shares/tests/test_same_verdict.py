"""The page says of each state what the restaurant's local backend is told with its next heartbeat."""

import json
from datetime import timedelta
from itertools import product

import pytest
from django.test import Client

from conftest import Clock, RegisteredSite
from documents.shares.tests.conftest import Share
from sites.models import Site

STATES = list(product([True, False], [-1, 0, 1], [True, False]))


@pytest.mark.any_database
@pytest.mark.parametrize(("is_active", "seconds_left", "is_locked"), STATES)
def test_page_and_heartbeat_agree(
    is_active: bool,
    seconds_left: int,
    is_locked: bool,
    roma: RegisteredSite,
    share: Share,
    visitor: Client,
    clock: Clock,
) -> None:
    lock = {"is_locked": True, "lock_reason": "unpaid", "locked_at": clock.at} if is_locked else {}
    end = clock.at + timedelta(seconds=seconds_left)
    Site.objects.filter(pk=roma.site_id).update(is_active=is_active, license_expires_at=end, **lock)
    told = roma.call_home().json()
    path = share()
    shown = json.loads(visitor.get(path, headers={"Accept": "application/json"}).content)
    assert (shown["licensed"], shown["is_locked"], shown["lock_reason"]) == (
        told["licensed"],
        told["locked"],
        told["lock_reason"],
    )
    page = visitor.get(path).content.decode()
    assert ('class="state bad"' in page) is (is_locked or not told["licensed"])
