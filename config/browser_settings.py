"""What browsers may do with our pages, and which other origins may call the API."""

import re
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config import environment as env

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    },
}
# No page uses these. A browser reports a name that it does not know, so only common ones are listed.
PERMISSIONS_POLICY = ", ".join(
    f"{name}=()"
    for name in ("camera", "display-capture", "geolocation", "gyroscope", "microphone", "midi", "payment", "usb")
)

# Programs of other origins call the API alone, with a token; a cookie is never accepted there.
CORS_URLS_REGEX = r"^/api/"
# The keys of sites and devices are not among them: they belong in a server or a device, not in a page.
CORS_ALLOW_HEADERS = (
    "accept",
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "ngrok-skip-browser-warning",
    "x-request-id",
)
# Browsers hide all others but Cache-Control, Content-Language, Content-Length, Content-Type, Expires and Last-Modified.
CORS_EXPOSE_HEADERS = (
    "Allow",
    "Content-Disposition",
    "ETag",
    "Idempotency-Replayed",
    "Location",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-ID",
)


def allowed_origins() -> list[str]:
    """CORS_ALLOWED_ORIGINS, each written as browsers write it: lower case, no path, no default port.

    Raises ImproperlyConfigured for anything else, also for `*` and `null`: every page could call the API from a browser.
    """
    origins = env.words("CORS_ALLOWED_ORIGINS")
    for origin in origins:
        if not is_origin(origin):
            raise ImproperlyConfigured(
                f"CORS_ALLOWED_ORIGINS takes origins as browsers send them, such as https://app.example.com or "
                f"http://localhost:5173, in lower case, without a path or a default port; {origin!r} is not one."
            )
    return origins


def is_origin(text: str) -> bool:
    """Whether it is an origin with http or https as RFC 6454 serializes it: ASCII, lower case, no default port."""
    if not re.fullmatch(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?", text):
        return False
    parts = urlsplit(text)
    try:
        return parts.port != {"http": 80, "https": 443}[parts.scheme]
    except ValueError:  # a port over 65535
        return False
