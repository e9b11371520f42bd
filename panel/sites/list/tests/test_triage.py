"""The order of triage, and what needs attention: whatever the estate, as a person would sort and pick it by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.conf import settings as project
from django.db import transaction
from django.db.models import Q
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panel.sites.list import triage_postgresql
from panel.sites.list.triage import find_triage_page, in_triage_order
from sites.attention import Attention, attention_conditions, pulses_needing_attention, sites_needing_attention
from sites.listing.query import SiteQuery
from sites.models import Site, SitePulse
from sites.querysets import containing

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
GRACE = project.HEARTBEAT_GRACE
TICK = timedelta(microseconds=1)
# Each edge, and one step to each side of it.
DUE = [None, -3 * GRACE, -2 * GRACE, -GRACE - TICK, -GRACE, -GRACE + TICK, -TICK, timedelta(0), TICK, GRACE]
ENDS = [-GRACE, timedelta(0), TICK, timedelta(days=30), timedelta(days=30) + TICK, timedelta(days=300)]


@dataclass(frozen=True)
class Drawn:
    number: int
    name: str
    is_active: bool
    is_locked: bool
    is_gone: bool
    ends_in: timedelta
    due_in: timedelta | None
    reply_locked: bool | None
    has_clone: bool

    @property
    def pk(self) -> UUID:
        return UUID(int=self.number)

    @property
    def version(self) -> str | None:
        return None if self.due_in is None else ["1.9.0", "2.0.0"][self.number % 2]

    @property
    def pays(self) -> bool:
        return self.is_active and self.ends_in > timedelta(0)

    @property
    def rank(self) -> int:
        if self.is_gone:
            return 6
        if self.is_locked or not self.pays:
            return 2 if self.is_locked else 3
        if self.due_in is None:
            return 4
        if self.due_in >= timedelta(0):
            return 5
        return 1 if self.due_in >= -GRACE else 0

    @property
    def place(self) -> tuple[object, ...]:
        """Two of one rank have both the first or both the second of the keys in the middle."""
        is_overdue = self.rank <= 1
        return self.rank, self.due_in if is_overdue else None, None if is_overdue else self.name, self.number

    @property
    def reason(self) -> str | None:
        if self.is_gone:
            return None
        if self.is_locked:
            is_late = self.due_in is not None and self.due_in < timedelta(0)
            return "lock_overdue" if is_late and not self.reply_locked else None
        if not self.pays:
            return "expired_in_use" if self.is_active and self.due_in is not None and self.due_in >= -GRACE else None
        if self.rank <= 1:
            return "overdue"
        return "clone_suspected" if self.has_clone and self.due_in is not None else None


drawn = st.builds(
    Drawn,
    number=st.integers(1, 2**128 - 1),
    name=st.sampled_from(["Alba", "Bari", "Capri"]),
    is_active=st.sampled_from([True, True, False]),
    is_locked=st.sampled_from([False, False, True]),
    is_gone=st.sampled_from([False, False, False, True]),
    ends_in=st.sampled_from(ENDS),
    due_in=st.sampled_from(DUE),
    reply_locked=st.sampled_from([None, False, True]),
    has_clone=st.sampled_from([False, False, True]),
)
estates = st.lists(drawn, max_size=25, unique_by=lambda each: each.number)
any_estate = settings(
    database=None, deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@contextmanager
def standing(estate: list[Drawn]) -> Iterator[None]:
    """Those sites, and no trace of them afterwards."""
    with transaction.atomic():
        Site.objects.bulk_create(map(as_site, estate))
        SitePulse.objects.bulk_create(map(as_pulse, estate))
        yield
        transaction.set_rollback(True)


def as_site(each: Drawn) -> Site:
    return Site(
        site_id=each.pk,
        name=each.name,
        owner_name="Giulia",
        contact_email="giulia@roma.example",
        is_active=each.is_active,
        is_locked=each.is_locked,
        lock_reason="expired_in_use" if each.is_locked else None,
        locked_at=AT if each.is_locked else None,
        license_expires_at=AT + each.ends_in,
        deregistered_at=AT if each.is_gone else None,
        search_text=f"{each.name.lower()}\n{each.pk}",
    )


def as_pulse(each: Drawn) -> SitePulse:
    if each.due_in is None:
        return SitePulse(site_id=each.pk)
    due_at = AT + each.due_in
    return SitePulse(
        site_id=each.pk,
        due_at=due_at,
        last_seen_at=due_at - timedelta(hours=6),
        reply_locked=each.reply_locked,
        version=each.version,
        clone_suspected_at=AT if each.has_clone else None,
    )


@pytest.mark.django_db
@any_estate
@given(estates)
def test_the_worst_come_first_or_last(estate: list[Drawn]) -> None:
    by_hand = [each.pk for each in sorted(estate, key=lambda each: each.place)]
    with standing(estate):
        for descending in (False, True):
            query = SiteQuery(at=AT, registration="all", descending=descending)
            assert list(in_triage_order(query).values_list("pk", flat=True)) == by_hand[:: -1 if descending else 1]


# Of each question the conditions, and how a person would pick.
QUESTIONS = {
    "all": (Q(), Q(), Q(), lambda each: True),
    "active": (Q(is_active=True), Q(), Q(), lambda each: each.is_active),
    "Bari and Capri": (Q(), containing("RI"), Q(), lambda each: each.name != "Alba"),
    "Bari and Capri of version 2": (
        Q(),
        containing("RI"),
        Q(version="2.0.0"),
        lambda each: each.name != "Alba" and each.version == "2.0.0",
    ),
    "of version 2": (Q(), Q(), Q(version="2.0.0"), lambda each: each.version == "2.0.0"),
    "open and of version 2": (
        Q(is_locked=False),
        Q(),
        Q(version="2.0.0"),
        lambda each: each.version == "2.0.0" and not each.is_locked,
    ),
    "needing attention": (Q(), Q(), pulses_needing_attention(AT), lambda each: each.reason),
}


@pytest.mark.slow
@pytest.mark.parametrize("question", sorted(QUESTIONS))
@pytest.mark.django_db
@any_estate
@given(
    estate=estates,
    best_first=st.booleans(),
    size=st.integers(1, 9),
    bound=st.sampled_from([0, 3, 100]),
)
def test_each_page_of_the_list_is_what_a_person_would_cut_out(
    monkeypatch: pytest.MonkeyPatch,
    estate: list[Drawn],
    question: str,
    best_first: bool,
    size: int,
    bound: int,
) -> None:
    for name in ("SORT_AT_MOST", "SORT_TEXT_MATCHES_AT_MOST", "ASK_PULSES_UP_TO_ROW"):
        monkeypatch.setattr(triage_postgresql, name, bound)
    on_site, on_text, on_pulse, is_picked = QUESTIONS[question]
    picked = [each for each in estate if not each.is_gone and is_picked(each)]
    by_hand = [each.pk for each in sorted(picked, key=lambda each: each.place, reverse=best_first)]
    query = SiteQuery(at=AT, on_site=on_site, on_text=on_text, on_pulse=on_pulse, descending=best_first)
    with standing(estate):
        for start in range(0, len(by_hand) + 1, size):
            page = find_triage_page(query, slice(start, start + size))
            assert page.total == len(by_hand)
            assert [site.pk for site in page.sites] == by_hand[start : start + size]


@pytest.mark.django_db
@any_estate
@given(estates)
def test_each_site_that_needs_attention_has_one_reason(estate: list[Drawn]) -> None:
    with standing(estate):
        picked = set(sites_needing_attention(at=AT).values_list("pk", flat=True))
        assert picked == {each.pk for each in estate if each.reason}
        for reason in Attention.values:
            of_site, of_pulse = attention_conditions(AT)[reason]
            chosen = Site.objects.live().filter(of_site, of_pulse).values_list("pk", flat=True)
            assert set(chosen) == {each.pk for each in estate if each.reason == reason}


@pytest.mark.django_db
@any_estate
@given(estates)
def test_a_licence_is_ending_in_its_last_thirty_days(estate: list[Drawn]) -> None:
    last_days = (timedelta(0), timedelta(days=30))
    with standing(estate):
        ending = set(Site.objects.ending(at=AT).values_list("name", "pk"))
        expected = {each for each in estate if each.is_active and last_days[0] < each.ends_in <= last_days[1]}
        assert ending == {(each.name, each.pk) for each in expected}
