"""Locks that the sites will be told of in time are one line for each time that somebody locked sites."""

import re
from datetime import timedelta

import pytest

from accounts.models import Admin
from conftest import Clock, Register, SignIn
from panel.dashboard import waiting_locks
from panel.dashboard.tests.test_attention import lines
from panel.dashboard.tests.test_dashboard import page
from panel.tests.screen import browser_of
from sites.attention import sites_needing_attention
from sites.models import SitePulse


def said(anna: Admin) -> list[str]:
    return [re.sub(r"(\d{4}-\d\d-\d\d )?\d\d:\d\d UTC", "THEN", line) for line in lines(page(anna))]


def test_sites_that_somebody_just_locked_are_one_line_and_no_alarm(
    anna: Admin, register: Register, signed_in: SignIn
) -> None:
    sites = [register(name=f"Site {number}") for number in range(3)]
    for site in sites:
        site.call_home()
        signed_in(anna).post(f"{site.path}/lock", {"reason": "unpaid"})
    assert said(anna) == [
        "◆ not told yet 3 sites locked by anna at THEN ; 3 not told yet , the last one due by THEN . unpaid"
    ]
    sites[0].call_home()
    sites[1].call_home()
    assert said(anna) == ["◆ not told yet 3 sites locked by anna at THEN ; 1 not told yet , due by THEN . unpaid"]
    listed = browser_of(anna).get("/admin/sites/site/?told_of_lock=no").content.decode()
    assert ("Site 2" in listed, "Site 1" in listed) == (True, False)
    sites[2].call_home()
    assert said(anna) == []


def test_a_lock_becomes_an_alarm_when_the_heartbeat_is_missed(
    anna: Admin, register: Register, signed_in: SignIn, clock: Clock
) -> None:
    sites = [register(name=f"Site {number}") for number in range(2)]
    for site in sites:
        site.call_home()
        signed_in(anna).post(f"{site.path}/lock", {"reason": "unpaid"})
    assert not sites_needing_attention(at=clock()).exists()
    clock.move(hours=5)
    sites[0].call_home()
    clock.move(hours=2)
    assert [site.name for site in sites_needing_attention(at=clock())] == ["Site 1"]
    assert said(anna) == ["◆ not told yet Site 1 Locked: unpaid. Next heartbeat overdue since THEN . 7 hours ago"]


def test_each_admin_each_reason_and_each_time_has_a_line(
    anna: Admin, ben: Admin, register: Register, signed_in: SignIn, clock: Clock
) -> None:
    one, two, three, four = (register(name=name) for name in ("One", "Two", "Three", "Four"))
    for site in (one, two, three, four):
        site.call_home()
    signed_in(anna).post(f"{one.path}/lock", {"reason": "unpaid"})
    clock.move(seconds=1)
    signed_in(ben).post(f"{two.path}/lock", {"reason": "unpaid"})
    clock.move(seconds=1)
    signed_in(anna).post(f"{three.path}/lock", {"reason": "fraud"})
    clock.move(minutes=3)
    signed_in(anna).post(f"{four.path}/lock", {"reason": "unpaid"})
    assert said(anna) == [
        "◆ not told yet Four locked by anna at THEN , not told yet, due by THEN . unpaid",
        "◆ not told yet Three locked by anna at THEN , not told yet, due by THEN . fraud",
        "◆ not told yet Two locked by ben at THEN , not told yet, due by THEN . unpaid",
        "◆ not told yet One locked by anna at THEN , not told yet, due by THEN . unpaid",
    ]
    two.call_home()
    assert not any("ben" in line for line in said(anna))
    assert len(said(anna)) == 3


def test_a_site_that_never_called_is_not_waited_for(anna: Admin, register: Register, signed_in: SignIn) -> None:
    signed_in(anna).post(f"{register(name='Lamm').path}/lock", {"reason": "unpaid"})
    assert said(anna) == []


def test_an_overdue_lock_is_counted_apart(anna: Admin, register: Register, signed_in: SignIn, clock: Clock) -> None:
    early, late = register(name="Early"), register(name="Late")
    early.call_home()
    clock.move(hours=4)
    late.call_home()
    for site in (early, late):
        signed_in(anna).post(f"{site.path}/lock", {"reason": "unpaid"})
    clock.move(hours=3)
    assert said(anna)[1:] == [
        "◆ not told yet 2 sites locked by anna at THEN ; 1 not told yet , due by THEN ; 1 overdue. unpaid"
    ]


def test_a_lock_that_is_told_late_in_any_case_is_shown_until_then(
    anna: Admin, register: Register, signed_in: SignIn, clock: Clock
) -> None:
    site = register(name="Ahead")
    site.call_home()
    signed_in(anna).post(f"{site.path}/lock", {"reason": "unpaid"})
    SitePulse.objects.filter(pk=site.site_id).update(due_at=clock() + timedelta(days=2))
    clock.move(hours=13)
    assert said(anna) == ["◆ not told yet Ahead locked by anna at THEN , not told yet, due by THEN . unpaid"]


def test_a_line_that_may_have_more_says_so_and_more_lines_are_linked(
    anna: Admin, register: Register, signed_in: SignIn, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sites = [register(name=f"Site {number}") for number in range(4)]
    for site in sites:
        site.call_home()
        signed_in(anna).post(f"{site.path}/lock", {"reason": "unpaid"})
    monkeypatch.setattr(waiting_locks, "MAX_LOCKS", 2)
    assert said(anna)[0].startswith("◆ not told yet 4+ sites locked by anna at THEN ; 4+ not told yet")
    monkeypatch.setattr(waiting_locks, "MAX_LOCKS", 100)
    monkeypatch.setattr(waiting_locks, "MOST_BETWEEN", timedelta(seconds=-1))
    monkeypatch.setattr(waiting_locks, "MAX_GROUPS", 3)
    assert said(anna)[3:] == ["◆ not told yet 1 more like these"]


def test_a_reason_that_somebody_else_has_changed_is_not_said_to_be_theirs(
    anna: Admin, ben: Admin, register: Register, signed_in: SignIn
) -> None:
    site = register(name="Lamm")
    site.call_home()
    signed_in(anna).post(f"{site.path}/lock", {"reason": "unpaid"})
    signed_in(ben).post(f"{site.path}/lock", {"reason": "fraud"})
    assert said(anna) == ["◆ not told yet Lamm locked by anna at THEN , not told yet, due by THEN ."]
