"""The way of a browser to Google and back. Its session holds a Journey until then."""

import hashlib
from dataclasses import asdict, dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.counters import sign_in_counters
from accounts.google.authorization import Secrets, authorization_url, new_secrets, refuse_if_panel_is_off
from common.web.links import link

# The entry of the session.
JOURNEY = "google_journey"
# In seconds: how long a person may take at Google.
MAX_AGE = 600
# The purposes.
SIGN_IN, LINK, AGAIN = "sign in", "link", "again"


@dataclass(frozen=True)
class Journey:
    """A browser that was sent to Google. `began_at` is in seconds since 1970; `admin_id`: who links an account, or confirms."""

    purpose: str
    state: str
    nonce: str
    verifier: str
    began_at: float
    next_url: str
    admin_id: int | None

    @property
    def secrets(self) -> Secrets:
        return Secrets(self.state, self.nonce, self.verifier)


def send_to_google(request: HttpRequest, purpose: str, *, next_url: str, admin_id: int | None = None) -> HttpResponse:
    refuse_if_panel_is_off()
    made = new_secrets()
    journey = Journey(purpose, made.state, made.nonce, made.verifier, timezone.now().timestamp(), next_url, admin_id)
    request.session[JOURNEY] = asdict(journey)
    max_age = int(settings.CONFIRMED_FOR.total_seconds()) if purpose == AGAIN else None
    return redirect(authorization_url(made, redirect_uri=redirect_uri(request), max_age=max_age))


def redirect_uri(request: HttpRequest) -> str:
    """As it is registered at Google: below PUBLIC_URL, or where the browser is."""
    return link(request, "admin:google_callback")


def take_journey(request: HttpRequest) -> Journey | None:
    """The journey that the state belongs to; None if it is another session's, too old, or was taken before."""
    kept, state = request.session.get(JOURNEY), request.GET.get("state", "")
    if kept is None or not constant_time_compare(state, kept["state"]):
        return None
    del request.session[JOURNEY]
    journey = Journey(**kept)
    if timezone.now().timestamp() - journey.began_at > MAX_AGE:
        return None
    # Two requests at the same moment both read the session before one of them saves it.
    digest = hashlib.sha256(state.encode()).hexdigest()
    return journey if sign_in_counters().add(f"google:state:{digest}", 1, timeout=MAX_AGE) else None
