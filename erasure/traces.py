"""Where the database names a site's customer: what an erasure covers, and what the preview shows."""

import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from accounts.erasure import forget_in_sessions, sessions_that_mention
from accounts.models import PanelSession
from alerts.erasure import AlertTraces, find_alert_traces
from audit.models import Event, EventQuerySet
from common.values import PHONE
from documents.files.erasure import delete_files, files_of
from documents.shares.erasure import delete_links, links_of
from fleet.devices.erasure import codes_of, devices_of, erase_devices
from fleet.devices.events import DEVICE
from fleet.devices.models import Device
from fleet.heartbeats.erasure import history_of
from fleet.rollouts.erasure import delete_window, erase_rollouts, rollout_events_that_name, rollouts_that_name
from fleet.rollouts.models import Rollout
from fleet.telemetry.erasure import telemetry_of
from heartbeat.models import Heartbeat
from idempotency.erasure import answers_about, erase_answers
from idempotency.models import IdempotentRequest
from sites.erasure import imports_of
from sites.events import SITE, SITES
from sites.models import SavedView, Site, SiteImport, SiteKey, SiteNote, SiteTag
from sites.querysets import folded
from sites.services import digits_of

NAMES = ("name", "owner_name", "contact_email", "contact_phone")
# The search and the tag in the filters that the event of an export records, as in "q=giulia, status=offline".
SEARCH = re.compile(r"(?:^|, )(?:q|tag)=(.*?)(?=, \w+=|$)", re.DOTALL)
# Of a phone number. Fewer digits are as likely a part of a postcode or of another number.
FEWEST_DIGITS = 6


@dataclass(frozen=True)
class Customer:
    """The names, owners, e-mail addresses and phone numbers that a site has or had, in folded case.

    `tags` are those that no other site has. A tag of several sites says nothing about one of them. `ids` are those of the site
    and of its devices. Names of devices, such as "Till 1", do not name a customer.
    """

    ids: frozenset[str]
    names: frozenset[str]
    tags: frozenset[str]

    def is_named_in(self, text: str) -> bool:
        return any(has_words(folded(text), name) for name in self.names)

    def is_mentioned_in(self, value: object) -> bool:
        """Whether one of the texts in a value of JSON names the customer, or has one of the ids. Also as part of a URL."""
        texts = [form for text in texts_in(value) for form in (text, unquote_plus(text))]
        return any(self.is_named_in(text) or any(each in text for each in self.ids) for text in texts)

    def is_searched_by(self, text: str) -> bool:
        """Whether a search, a tag or the name of a view names the customer, or is a part of a name, in whole words."""
        searched = folded(text).strip()
        if not searched:
            return False
        is_part = any(has_words(name, searched) for name in self.names)
        return is_part or searched in self.tags or self.is_named_in(searched) or self.is_called_by(searched)

    def is_called_by(self, text: str) -> bool:
        """Whether the text is a phone number, or enough digits of one, however they are parted."""
        digits = digits_of(text) if re.fullmatch(PHONE, text) else ""
        numbers = [name for name in self.names if name.isdecimal() and len(name) >= FEWEST_DIGITS]
        return len(digits) >= FEWEST_DIGITS and any(digits in number or number in digits for number in numbers)

    def is_exported_by(self, filters: str) -> bool:
        """Whether the filters of an export name the customer."""
        return self.is_named_in(filters) or any(map(self.is_searched_by, SEARCH.findall(filters)))

    def is_in_view(self, view: SavedView) -> bool:
        values = [value for _, value in parse_qsl(view.query)]
        searches = [value for name, value in parse_qsl(view.query) if name in ("q", "tag")]
        return any(map(self.is_searched_by, [view.name, *searches])) or any(map(self.is_named_in, values))


@dataclass(frozen=True)
class Traces:
    """Read once, so that the rows that are counted are the rows that are erased."""

    site: Site
    customer: Customer
    site_events: list[Event]
    # Exports of the list of sites that searched for the customer.
    export_events: list[Event]
    answers: list[IdempotentRequest]
    imports: list[SiteImport]
    # Of the list of sites: those that search for the customer, or have a name of theirs.
    views: list[SavedView]
    sessions: list[PanelSession]
    alerts: AlertTraces
    devices: list[Device]
    device_events: list[Event]
    # Roll-outs that somebody named after the customer, or paused with a reason that names them.
    rollouts: list[Rollout]
    rollout_events: list[Event]

    @property
    def events(self) -> list[Event]:
        events = [*self.site_events, *self.export_events, *self.device_events, *self.rollout_events]
        return sorted(events, key=lambda event: event.sequence)

    @property
    def device_ids(self) -> list[uuid.UUID]:
        return [device.pk for device in self.devices]

    def counts(self) -> dict[str, int]:
        return {
            "events": len(self.events),
            "heartbeats": Heartbeat.objects.of_site(self.site.pk).count(),
            "keys": SiteKey.objects.filter(site=self.site).count(),
            "notes": SiteNote.objects.filter(site=self.site).count(),
            "tags": SiteTag.objects.filter(site=self.site).count(),
            "files": files_of(self.site.pk),
            "share_links": links_of(self.site.pk),
            "answers": len(self.answers),
            "imports": len(self.imports),
            "views": len(self.views),
            "session_entries": len(self.sessions),
            **self.alerts.counts(),
            "devices": len(self.devices),
            "enrolment_codes": codes_of(self.site.pk),
            **history_of(self.device_ids),
            "device_measurements": telemetry_of(self.device_ids),
            "rollouts": len(self.rollouts),
        }

    def erase_unrecorded(self, *, value: str, at: datetime) -> None:
        """What `prune` would delete sooner or later, saved views, and what is about devices."""
        erase_answers(self.answers, ids=self.customer.ids, value=value)
        SiteImport.objects.filter(pk__in=[each.pk for each in self.imports]).delete()
        SavedView.objects.filter(pk__in=[view.pk for view in self.views]).delete()
        forget_in_sessions(self.sessions, self.customer.is_mentioned_in)
        self.alerts.erase(value=value)
        delete_files(self.site.pk)
        delete_links(self.site.pk)
        erase_devices(self.site.pk, value=value, at=at)
        erase_rollouts(self.rollouts, self.customer.is_named_in, value=value)
        delete_window(self.site.pk)


def find_traces(site: Site, *, for_update: bool = False) -> Traces:
    devices = devices_of(site.pk, for_update=for_update)
    site_events = read_events(Event.objects.of(SITE, site.pk), for_update=for_update)
    of_devices = Event.objects.filter(subject_type=DEVICE, subject_id__in=[str(device.pk) for device in devices])
    customer = customer_of(site, site_events, devices)
    of_rollouts = Event.objects.filter(pk__in=rollout_events_that_name(customer.is_named_in))
    return Traces(
        site,
        customer,
        site_events,
        exports_that_searched(customer, for_update=for_update),
        answers_about(customer.ids),
        imports_of(customer.is_mentioned_in, reasons=[event.reason for event in site_events if event.reason]),
        [view for view in SavedView.objects.order_by("name", "pk") if customer.is_in_view(view)],
        sessions_that_mention(customer.is_mentioned_in),
        find_alert_traces(site.pk, customer.is_named_in),
        devices,
        read_events(of_devices, for_update=for_update),
        rollouts_that_name(customer.is_named_in),
        read_events(of_rollouts, for_update=for_update),
    )


def read_events(events: EventQuerySet, *, for_update: bool) -> list[Event]:
    """Those with contents, in their order."""
    with_contents = events.with_contents()
    return list((with_contents.select_for_update() if for_update else with_contents).order_by("sequence"))


def customer_of(site: Site, events: Iterable[Event], devices: Iterable[Device]) -> Customer:
    names = {getattr(site, name) for name in NAMES}
    for event in events:
        names |= {event.subject_name, *(value for name in NAMES for value in event.changes.get(name, ()))}
    names |= {digits_of(name) for name in names if name and re.fullmatch(PHONE, name)}
    ids = frozenset(map(str, [site.pk, *(device.pk for device in devices)]))
    return Customer(ids, frozenset(folded(name) for name in names if name), own_tags(site, events))


def own_tags(site: Site, events: Iterable[Event]) -> frozenset[str]:
    """The tags that the site has or had, without those that another site has."""
    tags = set(SiteTag.objects.filter(site=site).values_list("name", flat=True))
    for event in events:
        tags |= {name for names in event.changes.get("tags", ()) for name in names or ()}
    others = SiteTag.objects.filter(name__in=tags).exclude(site=site).values_list("name", flat=True)
    return frozenset(map(folded, tags.difference(others)))


def exports_that_searched(customer: Customer, *, for_update: bool) -> list[Event]:
    exports: EventQuerySet = Event.objects.of(SITES.type, SITES.id).with_contents()
    filtered = exports.filter(changes__has_key="filters").values_list("pk", "changes")
    found = [pk for pk, changes in filtered if customer.is_exported_by(changes["filters"][1])]
    return read_events(exports.filter(pk__in=found), for_update=for_update)


def has_words(text: str, words: str) -> bool:
    """Whether the words are in the text, and not in the middle of other words."""
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text) is not None


def texts_in(value: Any) -> Iterator[str]:
    """The texts in a value of JSON, at any depth, without the keys of its objects."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from texts_in(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from texts_in(part)
