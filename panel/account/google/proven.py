"""The Google account that a browser has come back with. Nobody is signed in by it, and nothing linked."""

from dataclasses import asdict

from django.http import HttpRequest
from django.utils import timezone

from accounts.google.identity import GoogleIdentity

# The entry of the session, and in seconds how long it counts.
PROVEN, MAX_AGE = "google_identity", 600


def keep_identity(request: HttpRequest, identity: GoogleIdentity) -> None:
    request.session[PROVEN] = {**asdict(identity), "at": timezone.now().timestamp()}


def proven_identity(request: HttpRequest) -> GoogleIdentity | None:
    """The Google account as which this browser came back from Google, less than MAX_AGE ago."""
    kept = request.session.get(PROVEN)
    if kept is None or timezone.now().timestamp() - kept["at"] > MAX_AGE:
        return None
    return GoogleIdentity(kept["subject"], kept["email"], kept["name"])
