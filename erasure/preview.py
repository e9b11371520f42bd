"""What an erasure will cover, with numbers and examples, for the two people who decide."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from audit.models import Event
from erasure.traces import NAMES, Traces
from heartbeat.models import Heartbeat
from sites.models import Site

MAX_EXAMPLES = 3
STAYS = (
    "The id of the site, its time zone, and when it was registered, deregistered, licensed and last seen.",
    "Of each incident: the kind, the times, and who acknowledged it.",
    "Of each device: when it was registered and last seen, which firmware it got in which roll-out, and when.",
    "Of each event: the action, the time, the admin with role and address, the request's id, and the hashes.",
    "The request and the confirmation of this erasure, with the reason, for good.",
)


@dataclass(frozen=True)
class PreviewItem:
    """`fate` says what happens to them, as in "deleted"."""

    label: str
    count: int
    fate: str
    examples: list[str]


def preview_items(traces: Traces) -> list[PreviewItem]:
    """Those of which there is something to erase."""
    site, counts = traces.site, traces.counts()
    values = [getattr(site, name) for name in NAMES] + [site.lock_reason]
    addresses = Heartbeat.objects.of_site(site.pk).exclude(ip=None).values_list("ip", flat=True).order_by("ip")
    newest_notes = site.notes.newest_first()[:MAX_EXAMPLES]
    items = [
        PreviewItem(
            "Name, owner, e-mail, phone and lock reason", len(list(filter(None, values))), "replaced", first(values)
        ),
        PreviewItem("Events of the site", len(traces.site_events), "emptied", first(contents_of(traces.site_events))),
        PreviewItem(
            "Exports that searched for the customer",
            len(traces.export_events),
            "emptied",
            first(event.changes["filters"][1] for event in traces.export_events),
        ),
        PreviewItem("Heartbeats", counts["heartbeats"], "deleted", first(addresses.distinct()[:MAX_EXAMPLES])),
        PreviewItem("Keys", counts["keys"], "deleted", first(f"…{key.hint[-4:]}" for key in site.keys.order_by("-pk"))),
        PreviewItem("Notes", counts["notes"], "deleted", first(note.text for note in newest_notes)),
        PreviewItem("Tags", counts["tags"], "deleted", first(tag.name for tag in site.tags.all())),
        PreviewItem("Files", counts["files"], "deleted", first(site.files.values_list("name", flat=True))),
        PreviewItem("Links to the page", counts["share_links"], "deleted", first(notes_of_links(site))),
        PreviewItem("Stored answers", len(traces.answers), "deleted", first(answer.path for answer in traces.answers)),
        PreviewItem("Imported files", len(traces.imports), "deleted", first(each.file_name for each in traces.imports)),
        PreviewItem("Saved views", len(traces.views), "deleted", first(view.name for view in traces.views)),
        PreviewItem("Entries in sessions", len(traces.sessions), "deleted", []),
        PreviewItem(
            "Texts of incidents",
            counts["incidents"],
            "replaced",
            first(incident.title for incident in traces.alerts.incidents),
        ),
        PreviewItem("Texts of messages about incidents", counts["messages"], "replaced", []),
        PreviewItem("Licence notices to the restaurant", counts["license_notices"], "deleted", []),
        *device_items(traces, counts),
    ]
    return [item for item in items if item.count]


def notes_of_links(site: Site) -> Iterable[str]:
    return site.share_links.newest_first().values_list("note", flat=True)


def device_items(traces: Traces, counts: Mapping[str, int]) -> list[PreviewItem]:
    by_age = sorted(traces.devices, key=lambda device: device.created_at)
    texts = [text for device in by_age for text in (device.name, device.device_id)]
    return [
        PreviewItem("Names, ids and configurations of devices", counts["devices"], "replaced", first(texts)),
        PreviewItem(
            "Events of devices", len(traces.device_events), "emptied", first(contents_of(traces.device_events))
        ),
        PreviewItem("Enrolment codes of devices", counts["enrolment_codes"], "deleted", []),
        PreviewItem("Commands to devices", counts["device_commands"], "deleted", []),
        PreviewItem("Changes of the status of devices", counts["device_status_changes"], "deleted", []),
        PreviewItem("Health samples and telemetry periods", counts["device_measurements"], "deleted", []),
        PreviewItem(
            "Roll-outs named after the customer",
            counts["rollouts"],
            "replaced",
            first(each.name for each in traces.rollouts),
        ),
        PreviewItem(
            "Events of roll-outs that name the customer",
            len(traces.rollout_events),
            "emptied",
            first(event.subject_name for event in traces.rollout_events),
        ),
    ]


def contents_of(events: Sequence[Event]) -> Iterator[str]:
    """Reasons first, then the values before and after."""
    yield from (event.reason for event in events if event.reason)
    for event in events:
        for name in NAMES:
            yield from filter(None, event.changes.get(name, ()))


def first(texts: Iterable[str | None]) -> list[str]:
    """The first few that differ."""
    return list(islice(dict.fromkeys(text for text in texts if text), MAX_EXAMPLES))
