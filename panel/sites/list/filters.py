"""The filters of the list of sites.

They do not filter a queryset: each returns a condition on a site or on its pulse, and `SiteChangeList` puts the conditions
into one `SiteQuery`.
"""

import re
import uuid
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from urllib.parse import parse_qsl

from django.contrib.admin import SimpleListFilter
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from common.values import clean_id
from panel.organizations.links import NO_ORGANIZATION, PARAMETER
from panel.sites.list.offers import offers_for
from panel.sites.list.view_counts import view_counts
from panel.widgets.weeks import week_of, week_words, weeks_from
from sites.attention import not_told_of_lock, pulses_needing_attention
from sites.listing.postgresql import database
from sites.models import Organization, Site, SiteTag
from sites.querysets import ending_at, licensed_at, newer_decision_on_pulse, unlicensed_at
from sites.receipts import ReceiptStage, receipt_on_pulse
from sites.status import SiteStatus, status_conditions
from sites.tags import normalized

YES_OR_NO = {"1": True, "0": False}
SAMPLED_SITES, MOST_VERSIONS = 2_000, 30
OFFERED_WEEKS = 12


class SiteFilter(SimpleListFilter):
    options: dict[str, str] = {}
    is_folded = False
    takes_any_value = False
    template = "panel/sites/list/filter.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(self.options.items())

    @classmethod
    def takes(cls, value: str) -> bool:
        """Whether the filter has the value, in the URL of a list or in a saved view."""
        return value in cls.options

    @classmethod
    def describe(cls, value: str) -> str:
        """The value in words, for a saved view."""
        return cls.options.get(value, value)

    @property
    def is_known(self) -> bool:
        given = self.value()
        return given is None or self.takes(str(given))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Site]) -> QuerySet[Site]:
        return queryset

    def on_site(self, chosen: str, *, at: datetime) -> Q:
        return Q()

    def on_text(self, chosen: str) -> Q:
        return Q()

    def on_pulse(self, chosen: str, *, at: datetime) -> Q:
        return Q()


class StatusFilter(SiteFilter):
    title = "status"
    parameter_name = "status"
    options = dict(SiteStatus.choices)

    def on_pulse(self, chosen: str, *, at: datetime) -> Q:
        return status_conditions(at, pulse="")[chosen]


class LockFilter(SiteFilter):
    title = "lock"
    parameter_name = "is_locked__exact"
    options = {"1": "locked", "0": "not locked"}

    def on_site(self, chosen: str, *, at: datetime) -> Q:
        return Q(is_locked=YES_OR_NO[chosen])


class ToldOfLockFilter(SiteFilter):
    """Of locked sites."""

    title = "told of its lock"
    parameter_name = "told_of_lock"
    options = {"yes": "told", "no": "not told yet"}

    def on_site(self, chosen: str, *, at: datetime) -> Q:
        return Q(is_locked=True)

    def on_pulse(self, chosen: str, *, at: datetime) -> Q:
        return not_told_of_lock(pulse="") if chosen == "no" else Q(reply_locked=True)


class ReceiptFilter(SiteFilter):
    """How far the newest decision about a site has come."""

    title = "receipt"
    parameter_name = "receipt"
    options = {
        ReceiptStage.REQUESTED: "requested, not delivered yet",
        ReceiptStage.DELIVERED: "delivered, not applied yet",
        ReceiptStage.APPLIED: "applied",
        ReceiptStage.UNREPORTED: "not reported",
    }

    def on_pulse(self, chosen: str, *, at: datetime) -> Q:
        return receipt_on_pulse(chosen)


class LicenseFilter(SiteFilter):
    title = "licence"
    parameter_name = "licensed"
    options = {"yes": "licensed", "no": "not licensed", "ending": "ending within 30 days"}

    def on_site(self, chosen: str, *, at: datetime) -> Q:
        return {"yes": licensed_at, "no": unlicensed_at, "ending": ending_at}[chosen](at)


class EndingWeekFilter(SiteFilter):
    """Licences that end in a week, which is named by its Monday; the dashboard's chart counts the same."""

    title = "week in which the licence ends"
    parameter_name = "ends_in_week"
    is_folded = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        mondays = [begin.date() for begin, _ in weeks_from(timezone.now(), number=OFFERED_WEEKS)]
        return [(monday.isoformat(), week_words(monday)) for monday in mondays]

    @classmethod
    def takes(cls, value: str) -> bool:
        """Another week too: the page may have been open since the week before."""
        return read_monday(value) is not None

    def on_site(self, chosen: str, *, at: datetime) -> Q:
        monday = read_monday(chosen)
        if monday is None:
            return Q(pk=None)
        begin, end = week_of(monday)
        return Q(is_active=True, license_expires_at__gt=max(begin, at), license_expires_at__lte=end)


class CloneFilter(SiteFilter):
    title = "clone"
    parameter_name = "clone_suspected"
    options = {"yes": "suspected", "no": "not suspected"}

    def on_pulse(self, chosen: str, *, at: datetime) -> Q:
        return Q(clone_suspected_at__isnull=chosen == "no")


class NewerDecisionFilter(SiteFilter):
    title = "newer decision"
    parameter_name = "newer_decision"
    options = {"yes": "known at the site"}

    def on_pulse(self, chosen: str, *, at: datetime) -> Q:
        return newer_decision_on_pulse()


class ActiveFilter(SiteFilter):
    title = "active"
    parameter_name = "is_active__exact"
    options = {"1": "active", "0": "inactive"}

    def on_site(self, chosen: str, *, at: datetime) -> Q:
        return Q(is_active=YES_OR_NO[chosen])


class OpenFilter(SiteFilter):
    """Offers what there is; its value may be another all the same, and then stands among the others."""

    is_folded = True

    @classmethod
    def takes(cls, value: str) -> bool:
        return bool(value)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        found = self.offered(request)
        given = self.value()
        if given and given not in found:
            found = [given, *found]
        return [(value, value) for value in found]

    def offered(self, request: HttpRequest) -> list[str]:
        raise NotImplementedError


class TypedFilter(OpenFilter):
    """Offers some of what there is; another value can be typed."""

    takes_any_value = True
    other_parameters: list[tuple[str, str]] = []

    def choices(self, changelist: Any) -> Iterator[Any]:
        rest_of_query = changelist.get_query_string(remove=[self.parameter_name])
        self.other_parameters = parse_qsl(rest_of_query.removeprefix("?"))
        return super().choices(changelist)


class TagFilter(TypedFilter):
    title = "tag"
    parameter_name = "tag"

    def value(self) -> str | None:
        given = super().value()
        return normalized(given) if given else None

    def offered(self, request: HttpRequest) -> list[str]:
        return offers_for(request).tags

    def on_text(self, chosen: str) -> Q:
        return Q(pk__in=SiteTag.objects.filter(name=chosen).values("site"))


class VersionFilter(TypedFilter):
    """Offers what most sites have."""

    title = "version"
    parameter_name = "version"

    def offered(self, request: HttpRequest) -> list[str]:
        """The most frequent versions of the first sites by id, the highest first.

        No index has the versions of all sites. Ids are random, so these sites are a fair sample; one that sends many
        versions counts once.
        """
        with database().cursor() as cursor:
            cursor.execute(
                "SELECT version FROM (SELECT version FROM sites_sitepulse ORDER BY site_id LIMIT %s) AS sampled"
                " WHERE version IS NOT NULL GROUP BY version ORDER BY count(*) DESC, version LIMIT %s",
                [SAMPLED_SITES, MOST_VERSIONS],
            )
            return sorted((version for (version,) in cursor.fetchall()), key=by_number, reverse=True)

    def on_pulse(self, chosen: str, *, at: datetime) -> Q:
        return Q(version=chosen)


class ZoneFilter(OpenFilter):
    title = "time zone"
    parameter_name = "zone"

    def offered(self, request: HttpRequest) -> list[str]:
        return offers_for(request).zones

    def on_site(self, chosen: str, *, at: datetime) -> Q:
        return Q(timezone=chosen)


class OrganizationFilter(SiteFilter):
    """By id, which stays when the organization is renamed. Offers some of them; the list of organizations leads to others."""

    title = "organization"
    parameter_name = PARAMETER
    is_folded = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        found = offers_for(request).organizations
        given = self.value()
        if given and not found_in(given, found) and given != NO_ORGANIZATION:
            found = [(str(given), self.describe(str(given))), *found]
        return [*found, (NO_ORGANIZATION, self.describe(NO_ORGANIZATION))] if found else []

    @classmethod
    def takes(cls, value: str) -> bool:
        return value == NO_ORGANIZATION or organization_id(value) is not None

    @classmethod
    def describe(cls, value: str) -> str:
        if value == NO_ORGANIZATION:
            return "no organization"
        chosen = organization_id(value)
        organization = Organization.objects.filter(pk=chosen).first() if chosen else None
        return organization.name if organization else value

    def on_site(self, chosen: str, *, at: datetime) -> Q:
        return Q(organization=organization_id(chosen))


class RegistrationFilter(SiteFilter):
    """Deregistered sites are out of sight unless asked for."""

    title = "registration"
    parameter_name = "registration"
    options = {"deregistered": "deregistered", "all": "all"}

    def choices(self, changelist: Any) -> Iterator[Any]:
        registered, *others = super().choices(changelist)
        yield {**registered, "display": "registered"}
        yield from others


class FixedView(SiteFilter):
    """Shown as tabs above the list; each begins afresh, without the other filters."""

    title = "view"
    parameter_name = "view"
    options = {"attention": "Needs attention", "ending": "Ending soon", "locked": "Locked"}
    template = "panel/sites/list/fixed_views.html"

    def choices(self, changelist: Any) -> Iterator[Any]:
        yield {"selected": self.value() is None, "query_string": "?", "display": "All"}
        counts = {**view_counts(at=changelist.query_of_list.at), **changelist.count_of_view()}
        for name, words in self.options.items():
            yield {
                "selected": self.value() == name,
                "query_string": f"?view={name}",
                "display": words,
                "count": f"{counts[name]:,}",
            }

    def on_site(self, chosen: str, *, at: datetime) -> Q:
        return {"ending": ending_at(at), "locked": Q(is_locked=True)}.get(chosen, Q())

    def on_pulse(self, chosen: str, *, at: datetime) -> Q:
        return pulses_needing_attention(at) if chosen == "attention" else Q()


def found_in(value: str, pairs: list[tuple[str, str]]) -> bool:
    return any(value == each for each, _ in pairs)


def organization_id(value: str) -> uuid.UUID | None:
    """None for "none", and for what is no id."""
    try:
        found: uuid.UUID = clean_id(value)
    except ValidationError:
        return None
    return found


def read_monday(typed: str) -> date | None:
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        return None
    return day if day.weekday() == 0 and 1970 <= day.year < date.max.year else None


def by_number(version: str) -> list[tuple[int, str]]:
    """So that 1.10 comes after 1.9."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.findall(r"\d{1,18}|\D+", version)]
