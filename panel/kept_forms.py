"""Keeps the entries of a form that was sent after its session ended, or with the CSRF token of an earlier sign-in.

Nothing is done with such a form. While nobody is signed in, its entries travel in the sign-in page, signed; after the right
password they are in the session. The form's page then shows them once, for the person to check and to send (decision 49).
"""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, QueryDict
from django.urls import reverse

# Pages with a form that a person fills in, by the names of their URLs. No other form is kept.
KEPT_PAGES = frozenset(
    {
        "sites_site_add",
        "sites_site_change",
        "sites_site_notes",
        "sites_site_share",
        "sites_site_rotate",
        "sites_site_operate",
        "sites_site_import_review",
        "sites_site_erase",
        "sites_site_delete_file",
        "sites_site_views",
        "sites_organization_add",
        "sites_organization_change",
        "devices_device_edit",
        "devices_device_configure",
        "devices_device_target_firmware",
        "devices_device_rotate",
        "devices_device_retire",
        "devices_device_enrol",
        "firmware_firmware_notes",
        "rollouts_rollout_add",
        "rollouts_rollout_pause",
        "rollouts_rollout_window",
        "customer_notices",
        "alerts_incident_acknowledge",
        "add_token",
        "accounts_admin_add",
        "accounts_admin_change",
        "own_settings",
    }
)
MAX_BYTES = 100_000
KEPT_SECONDS = 3_600
FIELD = "kept"  # of the sign-in page
KEPT_FORM = "kept_form"  # in the session
SALT = "panel.kept_forms"

Entries = dict[str, list[str]]


def entries_to_keep(request: HttpRequest) -> Entries | None:
    """The entries of a form of KEPT_PAGES, without passwords; None for another form, and for one that is too large."""
    match = request.resolver_match
    if request.method != "POST" or match is None or match.url_name not in KEPT_PAGES:
        return None
    entries: Entries = {name: request.POST.getlist(name) for name in request.POST if is_kept(name)}
    size = sum(len(name) + sum(map(len, values)) for name, values in entries.items())
    return entries if size <= MAX_BYTES else None


def is_kept(name: str) -> bool:
    """Not: secrets, and what the page of an operation showed of each site, as the page will show it anew."""
    return "password" not in name and name != "csrfmiddlewaretoken" and not name.startswith(("shown-", "confirmation-"))


def is_sent_by_our_page(request: HttpRequest) -> bool:
    """Whether the browser says so. A foreign page must not fill in our forms."""
    return urlsplit(request.headers.get("Origin", "")).netloc == request.get_host()


def sign_kept_form(request: HttpRequest, entries: Entries) -> str:
    return signing.dumps({"path": request.get_full_path(), "entries": entries}, salt=SALT, compress=True)


def keep_signed_form(request: HttpRequest) -> None:
    """Move the form of the sign-in page into the session, once the password was right. A forged or old one is ignored."""
    try:
        kept = signing.loads(request.POST.get(FIELD, ""), salt=SALT, max_age=KEPT_SECONDS)
    except signing.BadSignature:
        return
    keep_in_session(request, **kept)


def keep_in_session(request: HttpRequest, *, path: str, entries: Entries) -> None:
    request.session[KEPT_FORM] = {"path": path, "entries": entries, "at": int(time.time())}


def take_kept_entries(request: HttpRequest) -> QueryDict | None:
    """The kept entries for this page, once, with a message for the person."""
    kept = request.session.get(KEPT_FORM)
    if request.method != "GET" or kept is None or kept["path"] != request.get_full_path():
        return None
    del request.session[KEPT_FORM]
    if kept["at"] < time.time() - KEPT_SECONDS:
        return None
    messages.warning(request, "Your session had ended. Nothing was saved. Check the form and save again.")
    entries = QueryDict(mutable=True)
    for name, values in kept["entries"].items():
        entries.setlist(name, values)
    return entries


def with_kept_entries(request: HttpRequest, form_class: Any) -> Any:
    """The form of a ModelAdmin, which Django's view creates without data to show it: then it takes the kept entries."""
    kept = take_kept_entries(request)
    if kept is None:
        return form_class

    class FormWithEntries(form_class):
        def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
            super().__init__(data or kept, *args, **kwargs)

    return FormWithEntries


def sign_in_context(request: HttpRequest, entries: Entries) -> Mapping[str, Any]:
    """For the sign-in page as the answer to the form."""
    path = request.get_full_path()
    return {
        "app_path": f"{reverse('admin:login')}?{urlencode({'next': path})}",
        "next": path,
        FIELD: sign_kept_form(request, entries),
    }
