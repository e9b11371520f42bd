"""One object of each kind that the panel has a page for."""

import uuid
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts.access_requests.tests.asking import asked
from accounts.models import Admin, SignInAttempt, TokenFamily
from accounts.services import record_attempt, start_token_family
from audit.actors import SYSTEM, Actor
from audit.models import Event
from conftest import Register, RegisteredSite
from documents.shares.services import create_share_link
from fleet.devices.services import create_enrolment_code
from fleet.firmware.tests.rows import add_row
from fleet.heartbeats.tests.calls import a_device
from fleet.rollouts.services import create_rollout
from heartbeat.models import Heartbeat
from idempotency.models import IdempotentRequest
from panel.alerts.tests.cast import a_channel, an_incident
from sites.models import SavedView, SiteImport, SiteKey


def upload_file(api: Any, site: RegisteredSite) -> str:
    form = {"file": SimpleUploadedFile("note.txt", b"Call before ten."), "kind": "other"}
    return str(api.post(f"{site.path}/upload", form, format="multipart").json()["id"])


@pytest.fixture
def objects(anna: Admin, register: Register, api: Any) -> dict[str, Any]:
    """One object of each kind, by the name of its table or of the URL's parameter."""
    site: RegisteredSite = register()
    site.call_home()
    api.post(
        "/api/sites", {"name": "x", "owner_name": "x", "contact_email": "x@x.example"}, headers={"Idempotency-Key": "k"}
    )
    start_token_family(anna, at=timezone.now())
    record_attempt("signed_in", username="anna", admin=anna, source="api", address=None, at=timezone.now())
    access_request = asked()
    channel = a_channel()
    device = a_device(site)
    code = create_enrolment_code(uuid.UUID(site.site_id), by=SYSTEM, at=timezone.now()).row
    link = create_share_link(uuid.UUID(site.site_id), by=Actor(Event.Source.ADMIN, anna), at=timezone.now()).row
    incident = an_incident()
    firmware = add_row()
    rollout = create_rollout(firmware_id=firmware.pk, name="June", by=SYSTEM, at=timezone.now())
    first = {
        model: model.objects.order_by("pk").first()
        for model in (SiteKey, Heartbeat, Event, IdempotentRequest, SignInAttempt, TokenFamily)
    }
    return {
        "sites_site": site.site_id,
        "sites_sitepulse": site.site_id,
        "accounts_admin": anna.pk,
        "id": anna.pk,
        "accounts_accessrequest": access_request.pk,
        "request_id": access_request.pk,
        "alerts_incident": incident.pk,
        "channel_id": channel.pk,
        "delivery_id": channel.deliveries.get().id,
        "sites_organization": api.post("/api/organizations", {"name": "Conti"}).json()["id"],
        "key_id": 1,
        "file_id": upload_file(api, site),
        "devices_device": device.id,
        "device_id": device.id,
        "code_id": code.pk,
        "link_id": link.pk,
        "firmware_firmware": firmware.pk,
        "firmware_id": firmware.pk,
        "rollouts_rollout": rollout.pk,
        "rollout_id": rollout.pk,
        "site_id": uuid.UUID(site.site_id),
        "import_id": SiteImport.objects.create(admin=anna, created_at=timezone.now(), file_name="x.csv", rows=[]).pk,
        "view_id": SavedView.objects.create(owner=None, name="For everybody", query="status=offline").pk,
    } | {model._meta.label_lower.replace(".", "_"): row.pk for model, row in first.items() if row}
