"""Where an admin is led after signing in."""

from django.urls import reverse

from accounts.models import Admin, StartPage
from accounts.preferences import preferences_of

PAGES = {
    StartPage.DASHBOARD: "admin:index",
    StartPage.SITES: "admin:sites_site_changelist",
    StartPage.DEVICES: "admin:devices_device_changelist",
    StartPage.INCIDENTS: "admin:alerts_incident_changelist",
}


def page_after_sign_in(person: Admin, *, asked: str = "") -> str:
    """The URL that was asked for before the sign-in; the start page, if it was none, or the dashboard.

    The address of the server leads to the sign-in by way of the dashboard, so that it asks for no particular page.
    `asked` must have been checked to be a URL of this server.
    """
    if asked and asked != reverse("admin:index"):
        return asked
    return reverse(PAGES[StartPage(preferences_of(person).start_page)])
