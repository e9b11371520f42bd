"""A customer who has left, and whatever the database holds of them."""

import uuid
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Admin, PanelSession
from accounts.roles import Role
from alerts.channels.services import create_channel
from alerts.customer_notices.services import unsubscribe
from alerts.customer_notices.tokens import subscriber_of
from alerts.incidents.services import NewIncident, acknowledge_incident, open_incidents
from alerts.incidents.words import Shared, site_detail, site_title, together_detail
from alerts.kinds import Kind
from alerts.models import Delivery, DeliveryAttempt, IncidentSite, LicenseNotice
from audit.actors import Actor, acting_system
from audit.models import Event
from conftest import PASSWORD, Register, RegisteredSite
from documents.shares.services import create_share_link
from erasure.tests.customers_devices import make_devices
from heartbeat.refused_calls import refused_calls
from panel.kept_forms import KEPT_FORM
from sites.imports.services import apply_import, start_import
from sites.models import Site
from sites.saved_views import save_view
from sites.services import add_note, add_tags

ADDRESS = "198.51.100.77"
# Nothing else in the database contains these.
NAMES = (
    "Tràttoria Zanzibar",
    "Osteria Quarantadue",
    "Giulietta Bianchi-Rossi",
    "giulietta@zanzibar.example",
    "Giulietta",
    "+39 06 5550-9182",
)
TYPED = (
    "spoke to her husband Arturo",
    "Arturo paid in cash",
    "moved to Palermo, says Arturo",
    "arturo-list.csv",
    "Arturo is the one to call",
)
PERSONAL = (*NAMES, *TYPED, "Arturo", "Bianchi", "zanzibar", "390655509182", "0655509182", "06-5550", ADDRESS)
TAGS = ("knows giulietta", "friend of arturo")
SHARED_TAG = "north"
# Of saved views. A plus sign is a space.
QUERIES = ("tag=giulietta", "tag=friend+of+arturo", "q=0655509182", "q=+39-06-5550-9182", "q=0039+06+5550+9182")


def by(admin: Admin) -> Actor:
    return Actor(Event.Source.ADMIN, admin, "203.0.113.9", "ticket-4711")


def add_sysadmin(name: str) -> Admin:
    return Admin.objects.create_user(name, f"{name}@vendor.example", PASSWORD, role=Role.SYSADMIN)


def signed_in_browser(admin: Admin) -> Client:
    client = Client()
    assert client.post("/admin/login/", {"username": admin.username, "password": PASSWORD}).status_code == 302
    return client


def make_customer(api: Any, register: Register, anna: Admin) -> RegisteredSite:
    """A site with a past: everything that can name its owner happens once."""
    facts = {"name": NAMES[0], "owner_name": NAMES[2], "contact_email": NAMES[3], "contact_phone": NAMES[5]}
    answer = api.post("/api/sites", facts, headers={"Idempotency-Key": "first"})
    site = RegisteredSite(answer.data["site_id"], answer.data["secret_key"])
    other = register(name="Bar Roma")
    client = signed_in_browser(anna)
    call_from(site, site.key)
    new_key = api.post(f"{site.path}/rotate-key", {}).data["secret_key"]
    for _ in range(2):
        call_from(site, new_key)  # the second one retires the old key
    call_with_wrong_key(site)
    api.patch(site.path, {"name": NAMES[1]})
    api.post(f"{site.path}/lock", {"reason": TYPED[0]})
    api.post(f"{site.path}/unlock", {"note": TYPED[1]})
    api.post(f"{site.path}/extend", {"days": 3, "note": TYPED[1]}, headers={"Idempotency-Key": "second"})
    import_files(anna, site)
    add_note(uuid.UUID(site.site_id), text=TYPED[4], by=by(anna), at=timezone.now())
    add_tags(uuid.UUID(site.site_id), tags=[*TAGS, SHARED_TAG], by=by(anna), at=timezone.now())
    add_tags(uuid.UUID(other.site_id), tags=[SHARED_TAG], by=by(anna), at=timezone.now())
    for search in ("giulietta bianchi", "giulietta@zanzibar.example", "390655509182", "0655509182", "+39-06-5550-9182"):
        assert client.get("/admin/sites/site/export.csv", {"q": search}).status_code == 200
    for tag in ("giulietta", TAGS[1]):
        assert client.get("/admin/sites/site/export.csv", {"status": "late", "tag": tag}).status_code == 200
    save_views(anna)
    lock_in_panel(client, [site, other], reason="unpaid")
    tell_of_incidents(anna, site)
    send_notice(site)
    upload_file(api, site)
    create_share_link(uuid.UUID(site.site_id), note=TYPED[4], by=by(anna), at=timezone.now())
    make_devices(api, anna, site, address=ADDRESS, person="Arturo", restaurant=NAMES[1])
    api.delete(site.path)
    keep_form(anna, site)
    return site


def call_from(site: RegisteredSite, key: str) -> None:
    report = {"version": "1.0.0", "uptime_seconds": 60}
    headers = {"X-Site-ID": site.site_id, "X-Site-Key": key}
    answer = APIClient().post("/api/heartbeat", report, format="json", headers=headers, REMOTE_ADDR=ADDRESS)
    assert answer.status_code == 200


def call_with_wrong_key(site: RegisteredSite) -> None:
    headers = {"X-Site-ID": site.site_id, "X-Site-Key": "wrong"}
    report = {"version": "1.0.0", "uptime_seconds": 60}
    answer = APIClient().post("/api/heartbeat", report, format="json", headers=headers, REMOTE_ADDR=ADDRESS)
    assert answer.status_code == 401
    refused_calls.write()


def save_views(anna: Admin) -> None:
    """Some that name the customer, of which one is for everybody, and three that do not."""
    how: dict[str, Any] = {"by": by(anna), "at": timezone.now()}
    save_view(name="Calls", query="q=giulietta+bianchi", is_for_everybody=False, **how)
    save_view(name=NAMES[0], query="status=late", is_for_everybody=False, **how)
    save_view(name="Late", query="q=giulietta%40zanzibar.example&status=late", is_for_everybody=True, **how)
    save_view(name="Bianchi-Rossi", query="status=late", is_for_everybody=False, **how)
    for number, query in enumerate(QUERIES):
        save_view(name=f"View {number}", query=query, is_for_everybody=False, **how)
    save_view(name="Offline", query="status=offline", is_for_everybody=True, **how)
    save_view(name="North", query=f"tag={SHARED_TAG}", is_for_everybody=True, **how)
    save_view(name="Postcode", query="q=55509", is_for_everybody=True, **how)


def import_files(anna: Admin, site: RegisteredSite) -> None:
    """One that was applied, and one that still shows its preview."""
    now = timezone.now()
    file = f"site_id,owner_name\n{site.site_id},{NAMES[2]} junior\n".encode()
    applied = start_import(file, file_name=TYPED[3], admin=anna, at=now)
    apply_import(applied.pk, by=by(anna), at=now)
    file = f"name,owner_name,contact_email\nElsewhere,{NAMES[2]},x@x.example\n".encode()
    start_import(file, file_name="sites.csv", admin=anna, at=now)


def tell_of_incidents(anna: Admin, site: RegisteredSite) -> None:
    """One of the site alone, which is acknowledged, and one that it shares with others. A server repeats what it gets."""
    now = timezone.now()
    create_channel("email", {"name": "On call", "address": "oncall@vendor.example"}, by=by(anna), at=now)
    stored = Site.objects.select_related("pulse").get(pk=site.site_id)
    kind = Kind.SITE_OFFLINE
    alone = NewIncident(kind, site_title(kind, stored), site_detail(kind, stored), since=now, site_id=stored.pk)
    shared = NewIncident(
        Kind.SITES_OFFLINE_TOGETHER,
        "5 sites went silent at noon",
        together_detail(Shared(), [NAMES[0], "Bar Roma"], 5),
        since=now,
        site_count=5,
    )
    own, together = open_incidents([alone, shared], at=now)
    IncidentSite.objects.create(incident=together, site=stored, since=now, joined_at=now)
    acknowledge_incident(own.id, by=by(anna), at=now, note=TYPED[4])
    for message in Delivery.objects.all():
        answer = f"thanks for {message.payload['detail']}"[:300]
        Delivery.objects.filter(pk=message.pk).update(answer=answer)
        DeliveryAttempt.objects.create(delivery=message, at=now, duration_ms=1, answer=answer)


def upload_file(api: APIClient, site: RegisteredSite) -> None:
    form = {"file": SimpleUploadedFile(f"{TYPED[4]}.txt", TYPED[0].encode()), "kind": "other"}
    assert api.post(f"{site.path}/upload", form, format="multipart").status_code == 201


def send_notice(site: RegisteredSite) -> None:
    """A notice that was not sent, because the restaurant has unsubscribed."""
    now = timezone.now()
    stored = Site.objects.get(pk=site.site_id)
    unsubscribe(subscriber_of(stored), by=acting_system(ADDRESS), at=now)
    LicenseNotice.objects.create(
        site=stored,
        license_expires_at=stored.license_expires_at,
        stage=7,
        day=now.date(),
        state=LicenseNotice.State.FAILED,
        created_at=now,
        next_attempt_at=now,
        ended_at=now,
        answer=f"{NAMES[3]} is unknown",
    )


def lock_in_panel(client: Client, sites: list[RegisteredSite], *, reason: str) -> None:
    path = "/admin/sites/site/operate/lock/"
    ids = [site.site_id for site in sites]
    page = client.post(path, {"site": ids})
    entries = {"site": ids, "confirmed": "yes", "reason": reason, "run_id": str(page.context["run_id"])}
    entries |= {f"shown-{each.site.pk}": each.shown for each in page.context["previews"]}
    assert client.post(path, entries).status_code == 302


def keep_form(anna: Admin, site: RegisteredSite) -> None:
    """As if a form of the site had been sent after the session's end."""
    session = signed_in_browser(anna).session
    entries = {"owner_name": [NAMES[2]], "reason": [TYPED[2]]}
    session[KEPT_FORM] = {"path": f"/admin/sites/site/{site.site_id}/change/", "entries": entries, "at": 0}
    session.save()


def rows_of_every_table() -> dict[str, list[str]]:
    """Everything that the database holds, as text; sessions are decoded."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            found[table] = [readable(row) for row in cursor.fetchall()]
    found["sessions, decoded"] = [str(session.get_decoded()) for session in PanelSession.objects.all()]
    return found


def readable(row: tuple[Any, ...]) -> str:
    # Sealed bytes may look like escapes.
    texts = (value.decode("latin-1").replace("\\", "/") if isinstance(value, bytes) else str(value) for value in row)
    text = " | ".join(texts)
    return text.encode().decode("unicode_escape", errors="replace") + text  # JSON on SQLite escapes letters


def traces(words: tuple[str, ...] = PERSONAL) -> dict[str, set[str]]:
    """The words that are found, by table."""
    rows = rows_of_every_table()
    found = {
        table: {word for word in words for text in texts if word.casefold() in text.casefold()}
        for table, texts in rows.items()
    }
    return {table: hits for table, hits in found.items() if hits}
