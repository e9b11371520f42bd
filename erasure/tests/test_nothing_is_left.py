"""After an erasure no table names the customer, and everything else is as it was."""

import json
import uuid
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts.models import Admin, PanelSession
from alerts.incidents.services import NewIncident, open_incidents
from alerts.kinds import Kind
from alerts.models import Delivery, Incident, IncidentSite, LicenseNotice, Unsubscription
from alerts.models.incidents import MAX_DETAIL_LENGTH
from audit.chain import ERASED
from audit.models import Event
from audit.services import add_checkpoint
from common.instants import format_instant
from conftest import Register, RegisteredSite
from erasure.services import confirm_erasure, request_erasure
from erasure.tests.customers import ADDRESS, NAMES, by, make_customer, rows_of_every_table, signed_in_browser, traces
from erasure.tests.customers_devices import add_measurements, roll_out
from fleet.devices.models import Device, DeviceKey, EnrolmentCode
from fleet.firmware.tests.rows import add_row
from fleet.heartbeats.models import DeviceBoot, DeviceCommand, DeviceLastStatus, DeviceStatusChange
from fleet.heartbeats.tests.calls import a_device
from fleet.rollouts.models import MaintenanceWindow, Rollout
from fleet.telemetry.models import (
    HealthDay,
    HealthHour,
    HealthSample,
    MarkedHour,
    TelemetryDay,
    TelemetryHour,
    TelemetryPeriod,
)
from heartbeat.models import Heartbeat
from heartbeat.refused_calls import RefusedCall, record_refused_calls
from idempotency.models import IdempotentRequest
from sites.events import SITE
from sites.models import SavedView, Site, SiteKey, SitePulse


@pytest.fixture
def erasure(site_id: uuid.UUID, anna: Admin, carla: Admin) -> Event:
    request_erasure(site_id, reason="ticket 12", by=by(anna), at=timezone.now())
    return confirm_erasure(site_id, by=by(carla), at=timezone.now())


def test_before_it_the_customer_is_found_in_every_table_that_the_erasure_covers(site_id: uuid.UUID) -> None:
    """Otherwise the next test would say nothing."""
    assert set(traces()) >= {
        "alerts_delivery",
        "alerts_deliveryattempt",
        "alerts_incident",
        "alerts_licensenotice",
        "audit_event",
        "devices_device",
        "devices_devicepulse",
        "documents_sharelink",
        "documents_sitefile",
        "rollouts_rollout",
        "heartbeat_heartbeat",
        "idempotency_idempotentrequest",
        "sites_site",
        "sites_siteimport",
        "sites_sitenote",
        "sites_sitepulse",
        "sites_sitetag",
        "sites_savedview",
        "sessions, decoded",
    }


def test_no_table_names_the_customer(erasure: Event) -> None:
    assert traces() == {}


def test_a_call_of_the_customers_old_server_is_not_kept(site_id: uuid.UUID, erasure: Event) -> None:
    record_refused_calls([RefusedCall(site_id, ADDRESS, timezone.now())])
    pulse = SitePulse.objects.get(site=site_id)
    assert (pulse.last_refused_at, pulse.last_refused_ip, pulse.refused_since) == (None, None, None)
    assert traces() == {}


def rows_about_devices(site_id: uuid.UUID) -> dict[str, int]:
    """The numbers of rows in tables that an erasure empties of them."""
    tables: tuple[Any, ...] = (
        HealthSample,
        TelemetryPeriod,
        HealthHour,
        HealthDay,
        TelemetryHour,
        TelemetryDay,
        MarkedHour,
        DeviceKey,
        DeviceBoot,
        DeviceStatusChange,
        DeviceLastStatus,
        DeviceCommand,
    )
    found = {model.__name__: model.objects.filter(device__site=site_id).count() for model in tables}
    for model in (EnrolmentCode, MaintenanceWindow):
        found[model.__name__] = model.objects.filter(site=site_id).count()
    return found


def test_before_it_the_devices_have_a_past(site_id: uuid.UUID) -> None:
    assert {table for table, rows in rows_about_devices(site_id).items() if not rows} == set()


def test_of_devices_their_times_stay_and_nothing_that_somebody_typed(site_id: uuid.UUID, erasure: Event) -> None:
    assert {table: rows for table, rows in rows_about_devices(site_id).items() if rows} == {}
    devices = list(Device.objects.of_site(site_id).select_related("pulse").order_by("retired_at"))
    assert len(devices) == 2
    for device in devices:
        texts = (device.name, device.device_id, device.search_text, device.role, device.hardware, device.config)
        assert texts == (ERASED, ERASED, ERASED, "", "", {})
        assert device.pulse.last_seen_at
        assert (device.pulse.firmware_version, device.pulse.boot_id) == ("", None)
    assert devices[0].retired_at < devices[1].retired_at == erasure.at
    events = Event.objects.filter(subject_type="device")
    assert {event.short_action for event in events} >= {"registered", "updated", "command_sent", "retired"}
    assert {(event.subject_name, str(event.changes)) for event in events} == {(ERASED, "{}")}


def test_a_roll_out_that_was_named_after_the_customer_goes_on_without_the_name(erasure: Event) -> None:
    rollout = Rollout.objects.get()
    assert (rollout.state, rollout.name, rollout.pause_reason) == ("paused", ERASED, ERASED)
    assert set(Event.objects.filter(subject_type="rollout").values_list("subject_name", flat=True)) == {ERASED}


def test_devices_and_roll_outs_of_others_stay(
    site_id: uuid.UUID, register: Register, anna: Admin, carla: Admin
) -> None:
    other = a_device(register(name="Bar Verdi"), "till-1", name="Giulia")
    add_measurements(other.id)
    rollout = roll_out(
        add_row("3.0.0"), by(anna), site_id=Device.objects.get(pk=other.id).site_id, name="July", reason="Ann"
    )
    request_erasure(site_id, reason="ticket 12", by=by(anna), at=timezone.now())
    confirm_erasure(site_id, by=by(carla), at=timezone.now())
    device = Device.objects.get(pk=other.id)
    assert (device.name, device.device_id, device.retired_at) == ("Giulia", "till-1", None)
    assert HealthSample.objects.filter(device=other.id).count() == 4
    rollout.refresh_from_db()
    assert (rollout.name, rollout.pause_reason) == ("July", "until Ann answers")
    kept = Event.objects.filter(subject_id__in=[str(other.id), str(rollout.pk)])
    assert {event.erasure_id for event in kept} == {None}


def test_the_site_keeps_its_times_and_nothing_that_names_anybody(site_id: uuid.UUID, erasure: Event) -> None:
    site = Site.objects.get(pk=site_id)
    assert {site.name, site.owner_name, site.contact_email, site.lock_reason} == {ERASED}
    assert site.contact_phone == ""
    assert site.erased_at == erasure.at
    assert site.deregistered_at
    assert SitePulse.objects.get(site=site_id).last_seen_at
    assert Heartbeat.objects.of_site(site_id).count() == SiteKey.objects.filter(site=site_id).count() == 0


def test_the_events_still_say_what_happened_when_and_who_did_it(site_id: uuid.UUID, anna: Admin, carla: Admin) -> None:
    facts = ["id", "sequence", "at", "action", "actor_name", "role", "source", "request_id", "previous_hash", "hash"]
    request_erasure(site_id, reason="ticket 12", by=by(anna), at=timezone.now())
    before = list(Event.objects.order_by("sequence").values(*facts))
    erasure = confirm_erasure(site_id, by=by(carla), at=timezone.now())
    assert list(Event.objects.exclude(pk=erasure.pk).order_by("sequence").values(*facts)) == before
    actions = [event.short_action for event in Event.objects.of(SITE, site_id).order_by("sequence")]
    assert actions[0] == "registered"
    assert actions[-3:] == ["deregistered", "erasure_requested", "erased"]


def test_the_erasure_says_who_requested_and_who_confirmed_it_and_what_was_erased(erasure: Event) -> None:
    assert (erasure.actor_name, erasure.reason, erasure.subject_name) == ("carla", "ticket 12", ERASED)
    changes = dict(erasure.changes)
    assert changes.pop("requested_at")[1] < format_instant(erasure.at)
    assert len(changes.pop("erased_events")[1]) == 18 + 7 + 5 + 3  # the site's, exports, devices', roll-outs'
    assert changes == {
        "requested_by": [None, "anna"],
        "erased_heartbeats": [3, 0],
        "erased_keys": [2, 0],
        "erased_notes": [1, 0],
        "erased_tags": [3, 0],
        "erased_files": [1, 0],
        "erased_share_links": [1, 0],
        "erased_answers": [3, 0],
        "erased_imports": [2, 0],
        "erased_views": [9, 0],
        "erased_session_entries": [1, 0],
        "erased_incidents": [2, 0],
        "erased_messages": [3, 0],
        "erased_license_notices": [1, 0],
        "erased_devices": [2, 0],
        "erased_enrolment_codes": [1, 0],
        "erased_device_commands": [1, 0],
        "erased_device_status_changes": [2, 0],
        "erased_device_measurements": [5, 0],
        "erased_rollouts": [1, 0],
    }


def test_the_log_is_still_verified(site_id: uuid.UUID, anna: Admin, carla: Admin) -> None:
    kept = add_checkpoint(at=timezone.now())
    assert kept
    request_erasure(site_id, reason="ticket 12", by=by(anna), at=timezone.now())
    confirm_erasure(site_id, by=by(carla), at=timezone.now())
    output = StringIO()
    call_command("verify_audit", json=True, stdout=output)
    [listed] = json.loads(output.getvalue())["erasures"]
    assert (listed["subject_id"], listed["requested_by"], listed["confirmed_by"]) == (str(site_id), "anna", "carla")


def test_other_sites_and_their_history_are_as_they_were(
    site_id: uuid.UUID, register: Register, api: Any, anna: Admin, carla: Admin
) -> None:
    """Also of a site with the same owner."""
    second = register(name="Second", owner_name=NAMES[2], contact_email=NAMES[3])
    second.call_home()
    api.post(f"{second.path}/lock", {"reason": "unpaid"})
    request_erasure(site_id, reason="ticket 12", by=by(anna), at=timezone.now())
    before = rows_about(second)
    confirm_erasure(site_id, by=by(carla), at=timezone.now())
    assert rows_about(second) == before
    assert before["heartbeat_heartbeat"]
    assert api.get(second.path).json()["owner_name"] == NAMES[2]


def rows_about(site: RegisteredSite) -> dict[str, list[str]]:
    ids = (site.site_id, site.site_id.replace("-", ""))
    rows = rows_of_every_table()
    return {table: sorted(row for row in texts if any(each in row for each in ids)) for table, texts in rows.items()}


def test_a_report_on_several_sites_keeps_what_it_says_of_the_others(erasure: Event) -> None:
    [report] = IdempotentRequest.objects.filter(path__startswith="/admin/")
    assert {(entry["name"], entry["kind"]) for entry in report.body} == {(ERASED, "done"), ("Bar Roma", "done")}


def test_views_that_do_not_name_the_customer_stay(erasure: Event) -> None:
    assert [view.name for view in SavedView.objects.order_by("name")] == ["North", "Offline", "Postcode"]


def test_incidents_keep_their_kind_and_times_and_messages_that_wait_are_sent_without_the_name(
    site_id: uuid.UUID, anna: Admin, carla: Admin
) -> None:
    facts = [
        "id",
        "kind",
        "state",
        "since",
        "opened_at",
        "updated_at",
        "acknowledged_at",
        "acknowledged_by",
        "site_count",
    ]
    before = list(Incident.objects.order_by("pk").values(*facts))
    request_erasure(site_id, reason="ticket 12", by=by(anna), at=timezone.now())
    confirm_erasure(site_id, by=by(carla), at=timezone.now())
    assert list(Incident.objects.order_by("pk").values(*facts)) == before
    own, together = Incident.objects.order_by("pk")
    assert (own.title, own.detail, own.acknowledge_note) == (ERASED, ERASED, ERASED)
    assert (together.title, together.detail) == ("5 sites went silent at noon", ERASED)
    waiting = Delivery.objects.waiting()
    assert waiting.count() == 3
    assert {message.payload["title"] for message in waiting} == {ERASED}
    assert {message.payload["id"] for message in waiting} == {str(own.id), str(together.id)}
    assert (LicenseNotice.objects.count(), Unsubscription.objects.count()) == (0, 0)


def test_a_name_that_was_cut_off_is_erased_too(site_id: uuid.UUID, anna: Admin, carla: Admin) -> None:
    now = timezone.now()
    detail = f"{'x' * (MAX_DETAIL_LENGTH - 12)} Giulietta Bianchi-Rossi"
    [incident] = open_incidents(
        [NewIncident(Kind.SITES_OFFLINE_TOGETHER, "5 sites", detail, since=now, subject="x")], at=now
    )
    IncidentSite.objects.create(incident=incident, site_id=site_id, since=now, joined_at=now, left_at=now)
    request_erasure(site_id, reason="ticket 12", by=by(anna), at=now)
    confirm_erasure(site_id, by=by(carla), at=timezone.now())
    assert Incident.objects.get(pk=incident.pk).detail == ERASED
    assert Delivery.objects.get(incident=incident).payload["detail"] == ERASED


def test_incidents_and_notices_of_other_sites_stay(
    site_id: uuid.UUID, register: Register, anna: Admin, carla: Admin
) -> None:
    """Also one of a common cause that had this site, if it names others only."""
    other = uuid.UUID(register(name="Bar Verdi").site_id)
    now = timezone.now()
    new = NewIncident(Kind.SITE_OFFLINE, "Bar Verdi is offline", "Since noon.", since=now, site_id=other)
    names_others = NewIncident(Kind.SITES_OFFLINE_TOGETHER, "5 sites", "Silent: Bar Verdi.", since=now, subject="x")
    kept = open_incidents([new, names_others], at=now)
    IncidentSite.objects.create(incident=kept[1], site_id=site_id, since=now, joined_at=now, left_at=now)
    Unsubscription.objects.create(site_id=other, address_digest="0", at=now)
    request_erasure(site_id, reason="ticket 12", by=by(anna), at=now)
    confirm_erasure(site_id, by=by(carla), at=timezone.now())
    numbers = [incident.pk for incident in kept]
    found = Incident.objects.filter(pk__in=numbers).order_by("pk").values_list("title", "detail")
    assert list(found) == [("Bar Verdi is offline", "Since noon."), ("5 sites", "Silent: Bar Verdi.")]
    assert {message.payload["title"] for message in Delivery.objects.filter(incident__in=numbers)} == {
        "Bar Verdi is offline",
        "5 sites",
    }
    assert Unsubscription.objects.get().site_id == other


def test_nobody_is_signed_out_by_it(erasure: Event, anna: Admin) -> None:
    sessions = PanelSession.objects.filter(admin=anna)
    assert sessions.count() == 2
    assert all(session.get_decoded()["_auth_user_id"] == str(anna.pk) for session in sessions)


def test_of_sessions_only_kept_forms_and_messages_are_touched(closed: uuid.UUID, anna: Admin, carla: Admin) -> None:
    """Even if an entry of Django's is equal to a name of the customer, nobody is signed out."""
    Site.objects.filter(pk=closed).update(name=str(anna.pk))
    session = signed_in_browser(anna).session
    session["_messages"] = json.dumps(
        [["__json_message", 0, 25, "Tr\u00e0ttoria"], ["__json_message", 0, 25, "Giulia"]]
    )
    session["kept_form"] = {"path": "/admin/", "entries": {"name": ["Somebody else"]}, "at": 0}
    session.save()
    before = PanelSession.objects.get(admin=anna).get_decoded()
    request_erasure(closed, reason="ticket twelve", by=by(anna), at=timezone.now())
    confirm_erasure(closed, by=by(carla), at=timezone.now())
    del before["_messages"]
    assert PanelSession.objects.get(admin=anna).get_decoded() == before


def test_a_message_with_an_accent_is_found(closed: uuid.UUID, anna: Admin, carla: Admin) -> None:
    """Django stores it as JSON, with escapes."""
    Site.objects.filter(pk=closed).update(owner_name="Zoë")
    session = signed_in_browser(anna).session
    session["_messages"] = json.dumps([["__json_message", 0, 25, "Zoë was changed."]])
    session.save()
    request_erasure(closed, reason="ticket twelve", by=by(anna), at=timezone.now())
    confirm_erasure(closed, by=by(carla), at=timezone.now())
    assert "_messages" not in PanelSession.objects.get(admin=anna).get_decoded()


@pytest.mark.parametrize("query", ["q=zoe+ferri", "q=zoe%40ferri.example", "tag=Zo%C3%AB"])
def test_a_kept_form_is_found_by_the_address_of_its_page(
    closed: uuid.UUID, anna: Admin, carla: Admin, query: str
) -> None:
    """Its path and its query are as in the URL."""
    Site.objects.filter(pk=closed).update(name="Zoë", owner_name="Zoe Ferri", contact_email="zoe@ferri.example")
    for form in (
        {"path": f"/admin/sites/site/views/?{query}", "entries": {}, "at": 0},
        {"path": "/admin/sites/site/views/", "entries": {"query": [query]}, "at": 0},
    ):
        session = signed_in_browser(anna).session
        session["kept_form"] = form
        session.save()
    request_erasure(closed, reason="ticket twelve", by=by(anna), at=timezone.now())
    confirm_erasure(closed, by=by(carla), at=timezone.now())
    assert all("kept_form" not in session.get_decoded() for session in PanelSession.objects.filter(admin=anna))


@pytest.mark.skipif(
    connection.vendor != "sqlite", reason="PostgreSQL keeps its files to itself; autovacuum frees the rows"
)
@pytest.mark.django_db(transaction=True)
def test_vacuum_removes_what_was_erased_from_the_file(register: Register, api: Any, anna: Admin, carla: Admin) -> None:
    file = Path(connection.settings_dict["NAME"])
    site_id = uuid.UUID(make_customer(api, register, anna).site_id)
    assert words_in(file) == {b"quarantadue", b"giulietta", b"arturo"}
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA secure_delete = OFF")  # some builds overwrite what is deleted at once
    request_erasure(site_id, reason="ticket 12", by=by(anna), at=timezone.now())
    confirm_erasure(site_id, by=by(carla), at=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert words_in(file) == set()


def words_in(file: Path) -> set[bytes]:
    """Of the names, those in the bytes of the database's files."""
    contents = b"".join(each.read_bytes().lower() for each in file.parent.glob(f"{file.name}*"))
    return {word for word in (b"quarantadue", b"giulietta", b"arturo") if word in contents}
