"""The filters of the list of devices. They return conditions, which `DeviceChangeList` puts into one `DeviceQuery`."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from fleet.devices.models import Device
from fleet.devices.status import DeviceStatus
from panel.fleet.devices.counts import DeviceCounts
from panel.fleet.devices.list.triage import needs_attention, noted
from panel.sites.list.filters import TypedFilter, by_number
from panel.sites.operations.selection import read_uuid
from sites.models import Organization, Site

SAMPLED_DEVICES, MOST_OFFERED = 1_000, 30
MOST_ORGANIZATIONS = 100


class DeviceFilter(SimpleListFilter):
    options: dict[str, str] = {}
    is_folded = takes_any_value = False
    template = "panel/sites/list/filter.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(self.options.items())

    @property
    def is_known(self) -> bool:
        return self.value() is None or self.value() in self.options

    def queryset(self, request: HttpRequest, queryset: QuerySet[Device]) -> QuerySet[Device]:
        return queryset

    def condition(self, chosen: str) -> Q:
        raise NotImplementedError

    def counted(self, counts: DeviceCounts) -> int | None:
        """How many devices the chosen value has, if `counts` says it."""
        return None


class FixedView(DeviceFilter):
    """Shown as tabs above the list; each begins afresh, without the other filters."""

    title, parameter_name = "view", "view"
    options = {
        "attention": "Needs attention",
        "offline": "Offline",
        "never_seen": "Never seen",
        "clones": "Clone suspected",
    }
    template = "panel/sites/list/fixed_views.html"
    conditions = {
        "attention": needs_attention(),
        "offline": noted(DeviceStatus.OFFLINE),
        "never_seen": noted(DeviceStatus.NEVER_SEEN),
        "clones": Q(clone_suspected_at__isnull=False),
    }

    def choices(self, changelist: Any) -> Iterator[Any]:
        numbers = self.numbers(changelist.counts)
        for name, words in [(None, "All"), *self.options.items()]:
            yield {
                "selected": self.value() == name,
                "query_string": f"?view={name}" if name else "?",
                "display": words,
                "count": f"{numbers[name]:,}" if name in numbers else "",
            }

    def numbers(self, counts: DeviceCounts) -> dict[str | None, int]:
        return {
            None: counts.total,
            "attention": counts.needing_attention,
            "offline": counts.by_status[DeviceStatus.OFFLINE],
            "never_seen": counts.by_status[DeviceStatus.NEVER_SEEN],
        }

    def condition(self, chosen: str) -> Q:
        return self.conditions[chosen]

    def counted(self, counts: DeviceCounts) -> int | None:
        return self.numbers(counts).get(self.value())


class StatusFilter(DeviceFilter):
    title, parameter_name = "status", "status"
    options = dict(DeviceStatus.choices)

    def condition(self, chosen: str) -> Q:
        return noted(chosen)

    def counted(self, counts: DeviceCounts) -> int | None:
        return counts.by_status[str(self.value())]


@dataclass(frozen=True)
class Offers:
    """The most frequent values among the first devices by id. Ids are random, so these devices are a fair sample."""

    roles: list[str]
    versions: list[str]


def offers_for(request: HttpRequest) -> Offers:
    """Read once for a request: two filters ask."""
    holder: Any = request
    if not hasattr(holder, "offers_of_devices"):
        sample = Device.objects.live().order_by("pk").values_list("role", "pulse__firmware_version")[:SAMPLED_DEVICES]
        pairs = list(sample)
        roles, versions = (most_frequent(Counter(pair[place] for pair in pairs)) for place in (0, 1))
        holder.offers_of_devices = Offers(sorted(roles), sorted(versions, key=by_number, reverse=True))
    offers: Offers = holder.offers_of_devices
    return offers


def most_frequent(values: "Counter[str]") -> list[str]:
    return [value for value, _ in values.most_common(MOST_OFFERED) if value]


class SampledFilter(TypedFilter):
    """Offers what most devices have; another value can be typed."""

    def condition(self, chosen: str) -> Q:
        raise NotImplementedError

    def counted(self, counts: DeviceCounts) -> int | None:
        return None


class RoleFilter(SampledFilter):
    title, parameter_name = "role", "role"

    def offered(self, request: HttpRequest) -> list[str]:
        return offers_for(request).roles

    def condition(self, chosen: str) -> Q:
        return Q(role=chosen)


class FirmwareFilter(SampledFilter):
    title, parameter_name = "firmware version", "firmware"

    def offered(self, request: HttpRequest) -> list[str]:
        return offers_for(request).versions

    def condition(self, chosen: str) -> Q:
        return Q(pulse__firmware_version=chosen)


class IdFilter(DeviceFilter):
    """By the id of something that has a name. An id without one is offered as unknown, so that the filter stays in sight."""

    names: QuerySet[Any]

    @property
    def is_known(self) -> bool:
        return self.value() is None or read_uuid(str(self.value())) is not None

    def given(self, request: HttpRequest) -> list[tuple[str, str]]:
        """The chosen value with its name, if there is one."""
        chosen = request.GET.get(str(self.parameter_name))
        if not chosen:
            return []
        found = read_uuid(chosen)
        name = self.names.filter(pk=found).values_list("name", flat=True).first() if found else None
        return [(chosen, name or "unknown")]


class SiteFilter(IdFilter):
    """Only links set it: the page of a site has one."""

    title, parameter_name = "location", "site"
    names = Site.objects.all()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return self.given(request)

    def condition(self, chosen: str) -> Q:
        return Q(site=read_uuid(chosen))


class OrganizationFilter(IdFilter):
    title, parameter_name = "organization", "organization"
    is_folded = True
    names = Organization.objects.all()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        found = self.names.order_by("name", "pk").values_list("pk", "name")[:MOST_ORGANIZATIONS]
        offered = [(str(pk), name) for pk, name in found]
        chosen = request.GET.get(self.parameter_name)
        return offered if chosen in dict(offered) else [*self.given(request), *offered]

    def condition(self, chosen: str) -> Q:
        return Q(site__organization=read_uuid(chosen))
