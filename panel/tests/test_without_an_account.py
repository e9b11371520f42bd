"""Every page of the panel without an account: as a stranger, with a request that waits, with a shared page's token."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone

from accounts.google.identity import GoogleIdentity
from accounts.models import Admin
from audit.actors import Actor
from audit.models import Event
from documents.shares.services import create_share_link
from panel.account.google.proven import keep_identity
from panel.tests.test_permission_matrix import FORGED, pages, stored
from sites.models import Site

# Pages for those who are not signed in.
WITHOUT_AN_ACCOUNT = {
    "login",
    "logout",
    "second_factor",
    "request_access",
    "access_requested",
    "set_password",
    "google_start",
    "google_unknown",
    "google_callback",
}


def stranger() -> Client:
    return Client()


def person_whose_request_waits() -> Client:
    """Google has told us who they are; they have asked for access."""
    browser = Client()
    request = HttpRequest()
    request.session = browser.session
    keep_identity(request, GoogleIdentity("1001", "nora@vendor.example", "Nora"))
    request.session.save()
    browser.cookies[settings.SESSION_COOKIE_NAME] = request.session.session_key
    return browser


def visitor_of_a_shared_page() -> Client:
    """As if the token of a shared page were worth something elsewhere."""
    site_id = Site.objects.values_list("site_id", flat=True).order_by("created_at")[0]
    by = Actor(Event.Source.API, Admin.objects.get(username="anna"))
    link = create_share_link(site_id, by=by, at=timezone.now())
    return Client(headers={"Authorization": f"Bearer {link.token}"})


@pytest.mark.slow
@pytest.mark.any_database
@pytest.mark.parametrize("make", [stranger, person_whose_request_waits, visitor_of_a_shared_page])
def test_nobody_without_an_account_gets_at_a_page(objects: dict[str, Any], make: Callable[[], Client]) -> None:
    browser, wrong = make(), []
    before = stored()
    for page in pages(objects):
        if page.name in WITHOUT_AN_ACCOUNT:
            continue
        for method in ("get", "post"):
            answer = browser.get(page.path) if method == "get" else browser.post(page.path, FORGED)
            is_sent_away = answer.status_code == 302 and answer["Location"].startswith("/admin/login/")
            if not (is_sent_away or answer.status_code in (403, 404, 405)):
                wrong.append(f"{method} {page.name}: {answer.status_code}")
    assert wrong == []
    assert stored() == before
