"""Each role at each page, by GET and by POST. The pages are read from the admin site: a new page without a rule here fails."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.models import AccessRequest, Admin, TokenFamily
from accounts.roles import PERMISSIONS
from alerts.models import AlertChannel, Delivery, Incident, NoticeTemplate
from audit.models import Event
from documents.models import ShareLink, SiteFile
from erasure.models import ErasureRequest
from fleet.devices.models import Device, DeviceKey, EnrolmentCode
from fleet.firmware.models import Firmware
from fleet.heartbeats.models import DeviceCommand
from fleet.rollouts.models import MaintenanceWindow, Rollout
from idempotency.models import IdempotentRequest
from panel.sites.operations.registry import OPERATIONS
from panel.tests.urls import patterns
from sites.models import Organization, SavedView, Site, SiteImport, SiteKey, SiteNote, SitePulse, SiteTag

pytestmark = pytest.mark.any_database

CAST = ("anna", "ben", "vera")
ALL_ROLES, NO_ROLE = "all roles", "no role"


@dataclass(frozen=True)
class Rule:
    """The permission that a page requires. A page without a form answers a POST like a GET, or refuses it."""

    get: str = ALL_ROLES
    post: str = ALL_ROLES

    def allows(self, role: str, method: str) -> bool:
        needed = self.get if method == "get" else self.post
        return needed == ALL_ROLES or needed in PERMISSIONS[role]


# The permissions of a table's pages. No page deletes anything.
TABLES = {
    "sites_site": {"view": "sites.view_site", "add": "sites.add_site", "change": "sites.change_site"},
    "sites_organization": {
        "view": "sites.view_organization",
        "add": "sites.add_organization",
        "change": "sites.change_organization",
    },
    "devices_device": {"view": "devices.view_device"},
    "sites_sitekey": {"view": "sites.view_sitekey"},
    "heartbeat_heartbeat": {"view": "heartbeat.view_heartbeat"},
    "audit_event": {"view": "audit.view_event"},
    "accounts_admin": {
        "view": "accounts.view_admin",
        "add": "accounts.add_admin",
        "change": "accounts.change_admin",
    },
    "accounts_accessrequest": {"view": "accounts.view_accessrequest"},
    "accounts_signinattempt": {"view": "accounts.view_signinattempt"},
    "alerts_incident": {"view": "alerts.view_incident"},
    "firmware_firmware": {"view": "firmware.view_firmware"},
    "rollouts_rollout": {"view": "rollouts.view_rollout", "add": "rollouts.manage_rollout"},
}

OTHER_PAGES = {
    "index": Rule(),
    "login": Rule(),
    "logout": Rule(),
    "password_change": Rule(),
    "password_change_done": Rule(),
    "jsi18n": Rule(),
    "app_list": Rule(),
    # The pages of the signed-in admin's own account.
    **{
        name: Rule()
        for name in ("account", "end_browser", "end_api_sign_in", "end_others", "end_confirmation", "second_factor")
    },
    "set_password": Rule(),
    # Without the settings for Google they do not exist; panel/account/tests/test_google.py has the rest.
    **{name: Rule() for name in ("google_start", "google_callback", "google_unknown", "google_again")},
    **{name: Rule() for name in ("link_google", "confirm_google", "unlink_google")},
    "request_access": Rule(),
    "access_requested": Rule(),
    **{
        name: Rule("accounts.decide_accessrequest", "accounts.decide_accessrequest")
        for name in ("approve_access_request", "reject_access_request")
    },
    **{f"{verb}_token": Rule() for verb in ("add", "revoke")},
    "jobs": Rule("jobs.view_job", "jobs.view_job"),
    "customer_notices": Rule("alerts.manage_customer_notices", "alerts.manage_customer_notices"),
    "signing_keys": Rule("licensing.view_signingkey", "licensing.view_signingkey"),
    **{f"{verb}_{what}": Rule() for verb in ("add", "remove") for what in ("totp", "security_key")},
    "renew_recovery_codes": Rule(),
    **{
        name: Rule("accounts.change_admin", "accounts.change_admin")
        for name in ("reset_two_factor", "end_admin_browser", "end_admin_api_sign_in", "revoke_admin_token")
    },
    "sites_site_export": Rule("sites.export_site", "sites.export_site"),
    "audit_event_export": Rule("sites.export_site", "sites.export_site"),
    "sites_site_import": Rule("sites.import_site", "sites.import_site"),
    "sites_site_import_template": Rule("sites.import_site", "sites.import_site"),
    "sites_site_import_review": Rule("sites.import_site", "sites.import_site"),
    **{
        name: Rule("erasure.erase_site", "erasure.erase_site")
        for name in ("sites_site_erase", "sites_site_erase_confirm", "sites_site_erase_withdraw")
    },
    "sites_site_clones": Rule("sites.view_site", "sites.view_site"),
    "sites_site_files": Rule("documents.view_sitefile", "documents.view_sitefile"),
    "sites_site_add_file": Rule("documents.add_sitefile", "documents.add_sitefile"),
    "sites_site_file_content": Rule("documents.view_sitefile", "documents.view_sitefile"),
    "sites_site_file_preview": Rule("documents.view_sitefile", "documents.view_sitefile"),
    "sites_site_delete_file": Rule("documents.delete_sitefile", "documents.delete_sitefile"),
    "sites_site_notes": Rule("sites.view_site", "sites.add_sitenote"),
    "sites_site_share": Rule("documents.view_sharelink", "documents.add_sharelink"),
    "sites_site_share_revoke": Rule("documents.delete_sharelink", "documents.delete_sharelink"),
    # Whose view may be changed is tested in panel/sites/saved_views.
    "sites_site_views": Rule("sites.view_site", "sites.view_site"),
    "sites_site_view": Rule("sites.view_site", "sites.view_site"),
    "sites_site_tags": Rule("sites.tag_site", "sites.tag_site"),
    "sites_site_operations": Rule("sites.lock_site", "sites.lock_site"),
    "sites_site_rotate": Rule("sites.rotate_site_key", "sites.rotate_site_key"),
    "sites_site_key_use": Rule("sites.view_site", "sites.view_site"),
    "auth_user_password_change": Rule("accounts.change_admin", "accounts.change_admin"),
    "alerts_incident_acknowledge": Rule("alerts.acknowledge_incident", "alerts.acknowledge_incident"),
    "alerts_incident_mark": Rule("alerts.view_incident", "alerts.view_incident"),
    **{
        f"channel{page}": Rule("alerts.manage_channels", "alerts.manage_channels")
        for page in ("s", "", "_add", "_change", "_delete", "_test", "_enable", "_disable", "_send_again")
    },
    "own_notices": Rule(),
    "own_settings": Rule(),
    "reset_own_settings": Rule(),
    "choose_theme": Rule(),
    **{
        f"devices_device_{page}": Rule(needed, needed)
        for page, needed in {
            "edit": "devices.change_device",
            "target_firmware": "devices.change_device",
            "configure": "devices.change_device",
            "rotate": "devices.rotate_device_key",
            "key_use": "devices.view_device",
            "retire": "devices.retire_device",
            "command": "device_heartbeats.send_command",
            "dismiss_clone": "devices.dismiss_clone",
            "enrol": "devices.add_enrolmentcode",
            "revoke_code": "devices.add_enrolmentcode",
        }.items()
    },
    "firmware_firmware_change": Rule("firmware.view_firmware", "firmware.view_firmware"),
    "rollouts_rollout_change": Rule("rollouts.view_rollout", "rollouts.view_rollout"),
    "firmware_firmware_upload": Rule("firmware.add_firmware", "firmware.add_firmware"),
    **{
        f"firmware_firmware_{page}": Rule("firmware.change_firmware", "firmware.change_firmware")
        for page in ("notes", "withdraw", "reinstate")
    },
    **{
        f"rollouts_rollout_{page}": Rule("rollouts.manage_rollout", "rollouts.manage_rollout")
        for page in ("start", "pause", "resume", "roll_back", "abort", "window")
    },
}
# The permission of each operation on sites, repeated here on purpose.
OPERATION_PERMISSIONS = {
    "lock": "sites.lock_site",
    "unlock": "sites.unlock_site",
    "extend": "sites.extend_license",
    "set_expiry": "sites.set_license_expiry",
    "deactivate": "sites.deactivate_site",
    "activate": "sites.deactivate_site",
    "deregister": "sites.deregister_site",
    "restore": "sites.restore_site",
    "confirm": "sites.lock_site",
    "dismiss_clone": "sites.dismiss_clone",
    "add_tags": "sites.tag_site",
    "remove_tags": "sites.tag_site",
}
# Where the undo of an operation needs more than the operation.
UNDO_PERMISSIONS = {"extend": "sites.set_license_expiry"}

FORGED = {
    "confirmed": "yes",
    "name": "Forged",
    "owner_name": "Forged",
    "contact_email": "forged@evil.example",
    "timezone": "UTC",
    "slug": "forged",
    "organization_id": "0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b12",
    "revision_seen": "1",
    "revision": "1",
    "config": '{"forged": true}',
    "command": "restart",
    "uses": "1000",
    "expires_in_hours": "720",
    "expires_in_days": "365",
    "link_id": "5d0c1b7e-2b0f-4a63-8f0a-6f2f6a4f3c22",
    "code_id": "5d0c1b7e-2b0f-4a63-8f0a-6f2f6a4f3c21",
    "typed_name": "till-1",
    "notes": "forged",
    "seen": "03:00–06:00",
    "start": "00:00",
    "end": "23:00",
    "step": "create",
    "reason": "forged",
    "note": "forged",
    "kind": "pagerduty",
    "address": "0123456789abcdef0123456789abcdef",
    "min_severity": "info",
    "note_id": "0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b11",
    "text": "forged",
    "add": "forged",
    "tags": "forged",
    "days": "30",
    "overlap_hours": "0",
    "username": "forged",
    "email": "forged@evil.example",
    "role": "sysadmin",
    "password1": "a forged battery staple",
    "password2": "a forged battery staple",
}


@dataclass(frozen=True)
class Page:
    name: str
    path: str
    rule: Rule


def rule_of(name: str) -> Rule:
    if name in OTHER_PAGES:
        return OTHER_PAGES[name]
    table, _, page = name.rpartition("_")
    asked = TABLES[table]
    change = asked.get("change", NO_ROLE)
    return {
        "changelist": Rule(asked["view"], asked["view"]),
        "history": Rule(asked["view"], asked["view"]),
        "change": Rule(asked["view"], change),
        "add": Rule(asked.get("add", NO_ROLE), asked.get("add", NO_ROLE)),
        "delete": Rule(NO_ROLE, NO_ROLE),
    }[page]


def pages(objects: dict[str, Any]) -> Iterator[Page]:
    """Every page of the panel, with an existing object; each operation on sites is a page of its own."""
    for pattern in patterns(admin.site.urls[0]):
        name = str(pattern.name)
        if name in ("sites_site_operate", "sites_site_operated", "sites_site_undo"):
            for operation, asked in OPERATION_PERMISSIONS.items():
                needed = UNDO_PERMISSIONS.get(operation, asked) if name == "sites_site_undo" else asked
                run = [] if name == "sites_site_operate" else [uuid.uuid4()]
                path = reverse(f"admin:{name}", args=[operation, *run]) + f"?site={objects['site_id']}"
                yield Page(f"{name} {operation}", path, Rule(needed, needed))
            continue
        table = name.rpartition("_")[0]
        values = {key: objects.get(table if key == "object_id" else key) for key in pattern.pattern.converters}
        if name == "app_list":
            values = {"app_label": "sites"}
        query = f"?incident={objects['alerts_incident']}" if name == "alerts_incident_acknowledge" else ""
        yield Page(name, reverse(f"admin:{name}", kwargs=values or None) + query, rule_of(name))


def test_every_table_of_the_panel_has_a_rule() -> None:
    registered = {model._meta.label_lower.replace(".", "_") for model in admin.site._registry}
    assert registered == set(TABLES)


def test_every_operation_has_a_rule() -> None:
    assert set(OPERATIONS) == set(OPERATION_PERMISSIONS)


def stored() -> list[Any]:
    """The rows that a forged request could change."""
    tables = (
        Site,
        SiteKey,
        SiteNote,
        SiteFile,
        SitePulse,
        Event,
        Admin,
        IdempotentRequest,
        TokenFamily,
        AccessRequest,
        SiteImport,
        SiteTag,
        Organization,
        SavedView,
        ErasureRequest,
        NoticeTemplate,
        Incident,
        AlertChannel,
        Delivery,
        Device,
        DeviceKey,
        DeviceCommand,
        EnrolmentCode,
        Firmware,
        Rollout,
        MaintenanceWindow,
        ShareLink,
    )
    return [list(model.objects.order_by("pk").values()) for model in tables]


@pytest.mark.slow
@pytest.mark.any_database
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("name", CAST)
def test_each_role_at_each_page(
    name: str, method: str, objects: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    person: Admin = request.getfixturevalue(name)
    wrong = []
    for page in pages(objects):
        browser = Client()
        browser.force_login(person)
        allowed = page.rule.allows(person.role, method)
        before = [] if allowed else stored()
        forged = FORGED | {"site": str(objects["site_id"])}
        answer = browser.get(page.path) if method == "get" else browser.post(page.path, {} if allowed else forged)
        if (answer.status_code != 403) is not allowed or answer.status_code >= 500:
            wrong.append(f"{page.name}: {answer.status_code}, should be {'allowed' if allowed else 403}")
        if not allowed and stored() != before:
            wrong.append(f"{page.name}: changed something")
    assert wrong == []


@pytest.mark.slow
@pytest.mark.any_database
@pytest.mark.parametrize("operation", OPERATION_PERMISSIONS)
@pytest.mark.parametrize("name", CAST)
def test_each_role_is_offered_each_operation_or_not(
    name: str, operation: str, objects: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    person: Admin = request.getfixturevalue(name)
    browser = Client()
    browser.force_login(person)
    before = stored()
    allowed = OPERATION_PERMISSIONS[operation] in PERMISSIONS[person.role]
    path = "/admin/sites/site/"
    assert (f'<option value="{operation}">' in browser.get(path).content.decode()) is allowed
    selected = ({} if allowed else FORGED) | {
        "action": operation,
        "_selected_action": str(objects["site_id"]),
        "index": "0",
    }
    answer = browser.post(path, selected)
    assert ('name="confirmed"' in answer.content.decode()) is allowed, "the page that confirms, or none"
    assert stored() == before


@pytest.mark.slow
@pytest.mark.any_database
@pytest.mark.parametrize("name", CAST)
def test_no_link_leads_a_role_to_a_page_that_it_may_not_use(
    name: str, objects: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    """From every page that the role may see. Of links to a list that differ in what they look for alone, one is followed."""
    browser = Client()
    browser.force_login(request.getfixturevalue(name))
    seen: dict[tuple[str, frozenset[str]], tuple[str, int]] = {}
    for page in pages(objects):
        answer = browser.get(page.path)
        if answer.status_code != 200 or answer.streaming:
            continue
        for address in sorted(links_of(answer.content.decode(), page.path)):
            where = urlsplit(address)
            parameters = frozenset(parse_qs(where.query, keep_blank_values=True))
            if (where.path, parameters) not in seen:
                seen[where.path, parameters] = address, browser.get(address).status_code
    assert len(seen) > 30
    assert [(address, status) for address, status in seen.values() if status not in (200, 302)] == []


def links_of(html: str, path: str) -> set[str]:
    found = {urljoin(path, unescape(href)) for href in re.findall(r'<a\b[^>]*\bhref="([^"#]+)', html)}
    return {address for address in found if address.startswith("/")}
