"""Who needs attention, the worst first, with since when and why; and that the list which it leads to agrees."""

import re
from collections import Counter
from html import unescape

import pytest
from django.utils import timezone

import panel.dashboard.attention
from accounts.models import Admin
from conftest import Register, RegisteredSite
from panel.dashboard.attention import NOW, SHOWN, SHOWN_SOON, SOON, attention
from panel.dashboard.tests.test_dashboard import page, text
from panel.tests.estates import DAY, HOUR, Kind, every_kind, stand_up
from sites.models import Site, SitePulse

WELL = Kind("online", "open", "long", is_active=True, is_gone=False, age="old")


def like(**facts: object) -> Kind:
    return Kind(**{**vars(WELL), **facts})


def lines(html: str) -> list[str]:
    (section,) = re.findall(r'aria-labelledby="attention">(.+?)</section>', html, re.DOTALL)
    return [text(row) for row in re.findall(r"<li>(.+?)</li>", section, re.DOTALL)]


@pytest.mark.django_db
def test_a_site_is_named_for_the_worst_that_is_true_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for bound in ("SHOWN", "SHOWN_SOON"):
        monkeypatch.setattr(panel.dashboard.attention, bound, 1_000)
    kinds = stand_up(list(every_kind()))
    report = attention(at=timezone.now())
    found = {worry.site.name: worry.kind for worry in (*report.now, *report.soon)}
    assert found == {kind.name: kind.worry for kind in kinds.values() if kind.worry}
    assert report.total == len(report.now)


@pytest.mark.django_db
def test_no_kind_crowds_out_the_others_and_the_worst_come_first() -> None:
    stand_up(list(every_kind()))
    report = attention(at=timezone.now())
    kinds = [worry.kind for worry in report.now]
    assert Counter(kinds) == {"offline": 3, "untold": 3, "unpaid": 2, "late": 2}
    assert kinds == sorted(kinds, key=list(NOW).index)
    assert [worry.kind for worry in report.soon] == ["ending", "ending", "never_seen", "never_seen"]
    assert (len(report.now), len(report.soon)) == (SHOWN, SHOWN_SOON)


@pytest.mark.django_db
def test_one_kind_alone_may_fill_the_page_the_longest_first() -> None:
    ids = list(stand_up([like(status="offline")] * 14))
    for number, pk in enumerate(ids):
        due_at = timezone.now() - number * DAY - 2 * HOUR
        SitePulse.objects.filter(pk=pk).update(due_at=due_at, last_seen_at=due_at - HOUR)
    report = attention(at=timezone.now())
    assert [worry.site.pk for worry in report.now] == ids[:3:-1]
    assert report.total == 14


@pytest.mark.django_db
def test_the_number_is_that_of_the_list_of_sites_that_need_attention(anna: Admin) -> None:
    kinds = stand_up(list(every_kind())).values()
    expected = sum(kind.worry in NOW for kind in kinds)
    assert Site.objects.needs_attention(at=timezone.now()).count() == expected
    assert f'href="/admin/sites/site/?view=attention">All {expected} in the list' in page(anna)
    assert set(NOW) | set(SOON) == {kind.worry for kind in kinds} - {None}


def test_each_line_says_why_and_since_when(anna: Admin) -> None:
    kinds = [
        like(status="offline"),
        like(lock="untold"),
        like(lock="untold", status="offline"),
        like(licence="expired"),
        like(status="late"),
        like(licence="days"),
        like(status="never_seen"),
    ]
    stand_up(kinds)
    said = "\n".join(lines(page(anna)))
    for kind in kinds:
        said = said.replace(kind.name, "Roma")
    said = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "THEN", said)
    assert set(said.splitlines()) == {
        "○ never seen Roma Registered, and never called: is it installed? 40 days ago",
        "■ offline Roma Should have called, and did not; last heard 1 day ago . 1 day ago",
        "■ still calling Roma The licence ended, and the site calls on: it is still in use. 5 days ago",
        "▲ ends soon Roma The licence ends on THEN . in 2 days",
        "▲ late Roma Should have called; offline from THEN on. 30 minutes ago",
        "◆ not told yet Roma Locked: unpaid invoice 118. It does not know: silent since THEN . 2 days ago",
        "◆ not told yet Roma Locked: unpaid invoice 118. It will be told by THEN . 2 days ago",
    }


def test_a_name_and_a_reason_are_only_text(anna: Admin, register: Register) -> None:
    site = register(name="<b>Bold</b> & Söhne")
    site.call_home()
    Site.objects.filter(pk=site.site_id).update(is_locked=True, lock_reason="<i>fraud</i>", locked_at=timezone.now())
    html = page(anna)
    assert "<b>Bold" not in html
    assert "<i>fraud" not in html
    assert "&lt;i&gt;fraud&lt;/i&gt;" in html
    assert f'href="/admin/sites/site/{site.site_id}/change/">&lt;b&gt;Bold&lt;/b&gt; &amp; Söhne</a>' in html


def test_when_nothing_needs_attention_the_page_says_so(anna: Admin, roma: RegisteredSite) -> None:
    roma.call_home()
    assert "Nothing needs you now." in unescape(page(anna))
