"""Who needs attention, the worst first, with since when and why; and that the list which it leads to agrees."""

import re
from collections import Counter
from html import unescape
from uuid import UUID

import pytest
from django.utils import timezone

import panel.dashboard.attention
from accounts.models import Admin
from audit.actors import COMMAND
from conftest import Register, RegisteredSite
from licensing.services import create_signing_key
from panel.dashboard.attention import KINDS_NOW, KINDS_SOON, MAX_NOW, MAX_SOON, attention_items
from panel.dashboard.tests.test_dashboard import page, text
from panel.dashboard.tests.test_health import jobs_ran
from panel.tests.estates import DAY, HOUR, Kind, create_sites, every_kind
from sites.attention import sites_needing_attention
from sites.models import SitePulse
from sites.services import lock_site

WELL = Kind("online", "unlocked", "long", is_active=True, is_gone=False, age="old")


def like(**facts: object) -> Kind:
    return Kind(**{**vars(WELL), **facts})


def lines(html: str) -> list[str]:
    (section,) = re.findall(r'aria-labelledby="attention">(.+?)</section>', html, re.DOTALL)
    return [text(row) for row in re.findall(r"<li[^>]*>(.+?)</li>", section, re.DOTALL)]


@pytest.mark.django_db
def test_a_site_is_named_for_the_worst_that_is_true_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for bound in ("MAX_NOW", "MAX_SOON"):
        monkeypatch.setattr(panel.dashboard.attention, bound, 1_000)
    kinds = create_sites(list(every_kind()))
    items = attention_items(at=timezone.now())
    found = {item.site.name: item.kind for item in (*items.now, *items.soon)}
    assert found == {kind.name: kind.attention_kind for kind in kinds.values() if kind.attention_kind}
    assert items.total == len(items.now)


@pytest.mark.django_db
def test_no_kind_crowds_out_the_others_and_the_worst_come_first() -> None:
    create_sites(list(every_kind()))
    items = attention_items(at=timezone.now())
    kinds = [item.kind for item in items.now]
    assert Counter(kinds) == {
        "offline": 2,
        "wrong_key": 2,
        "lock_overdue": 2,
        "lock_not_applied": 1,
        "expired_in_use": 1,
        "clone_suspected": 1,
        "late": 1,
    }
    assert kinds == sorted(kinds, key=list(KINDS_NOW).index)
    assert [item.kind for item in items.soon] == ["ending", "ending", "never_seen", "never_seen"]
    assert (len(items.now), len(items.soon)) == (MAX_NOW, MAX_SOON)


@pytest.mark.django_db
def test_one_kind_alone_may_fill_the_page_the_longest_first() -> None:
    ids = list(create_sites([like(status="offline")] * 14))
    for number, pk in enumerate(ids):
        due_at = timezone.now() - number * DAY - 2 * HOUR
        SitePulse.objects.filter(pk=pk).update(due_at=due_at, last_seen_at=due_at - HOUR)
    items = attention_items(at=timezone.now())
    assert [item.site.pk for item in items.now] == ids[:3:-1]
    assert items.total == 14


@pytest.mark.django_db
def test_the_number_is_that_of_the_list_of_sites_that_need_attention(anna: Admin) -> None:
    kinds = create_sites(list(every_kind())).values()
    expected = sum(kind.attention_kind in KINDS_NOW for kind in kinds)
    assert sites_needing_attention(at=timezone.now()).count() == expected
    assert f'href="/admin/sites/site/?view=attention">Show all {expected}</a>' in page(anna)
    assert set(KINDS_NOW) | set(KINDS_SOON) - {"too_often"} == {kind.attention_kind for kind in kinds} - {None}


def test_each_line_says_why_and_since_when(anna: Admin) -> None:
    kinds = [
        like(status="offline"),
        like(lock="pending"),
        like(lock="pending", status="offline"),
        like(lock="received", is_stuck=True),
        like(licence="expired"),
        like(status="late"),
        like(licence="days"),
        like(status="never_seen"),
        like(has_clone=True),
    ]
    create_sites(kinds)
    said = "\n".join(lines(page(anna)))
    for kind in kinds:
        said = said.replace(kind.name, "Roma")
    said = re.sub(r"(\d{4}-\d\d-\d\d )?\d\d:\d\d UTC", "THEN", said)
    assert set(said.splitlines()) == {
        "○ never seen Roma Registered, but no heartbeat yet. Is it installed? 40 days ago",
        "■ offline Roma Missed its heartbeat; last seen 1 day ago . 1 day ago",
        "■ expired, still in use Roma The licence has expired, but heartbeats still arrive. 5 days ago",
        "▲ ends soon Roma Licence ends on THEN . in 3 days",
        "▲ clone suspected Roma Two installations seem to use its key: compare them . 1 hour ago",
        "▲ late Roma Missed its heartbeat; will count as offline at THEN . 30 minutes ago",
        "◆ not told yet Roma Locked: unpaid invoice 118. Next heartbeat overdue since THEN . 2 days ago",
        "◆ told, not applied Roma Told of its lock THEN , but not applied : unpaid invoice 118. 1 hour ago",
        "◆ not told yet Roma locked at THEN , not told yet, due by THEN .",
    }


def test_a_name_and_a_reason_are_only_text(anna: Admin, register: Register) -> None:
    site = register(name="<b>Bold</b> & Söhne")
    site.call_home()
    lock_site(UUID(site.site_id), reason="<i>fraud</i>", by=COMMAND, at=timezone.now())
    html = page(anna)
    assert "<b>Bold" not in html
    assert "<i>fraud" not in html
    assert "&lt;i&gt;fraud&lt;/i&gt;" in html
    assert f'href="/admin/sites/site/{site.site_id}/change/">&lt;b&gt;Bold&lt;/b&gt; &amp; Söhne</a>' in html


def test_when_nothing_needs_attention_the_page_says_so(anna: Admin, roma: RegisteredSite) -> None:
    roma.call_home()
    create_signing_key(by=COMMAND, at=timezone.now())
    assert "No site needs attention, but" in unescape(page(anna)), "no job has run yet"
    jobs_ran(at=timezone.now())
    assert "All clear." in unescape(page(anna))
