"""What browsers may do with our pages, and which other origins may call the API."""

import re
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from common.web.prefixes import is_path_prefix
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


# The first segments of our own paths. A prefix that begins with one could not be told from them.
OWN_PATHS = frozenset({"admin", "api", "docs", "doorbell", "health", "metrics", "redoc", "s", "static", "unsubscribe"})


def path_prefix() -> str:
    """PATH_PREFIX: the path below which browsers reach this server, without a slash at the end; empty without one."""
    given = env.text("PATH_PREFIX", "")
    value = given.rstrip("/")
    if value and (not is_path_prefix(value) or value.split("/")[1] in OWN_PATHS):
        raise ImproperlyConfigured(
            "PATH_PREFIX must be a path such as /licences: letters, digits, dots, hyphens and underscores, at most 100"
            f" characters, and none of Portcullis' own paths, such as /api or /admin; {value!r} is not."
        )
    return value


def paths_without_https(prefix: str) -> list[str]:
    """Patterns of the probes and the metrics, which monitors may ask for over plain HTTP, with the prefix and without."""
    optional = f"({re.escape(prefix[1:])}/)?" if prefix else ""
    return [rf"^{optional}health(/live)?/?$", rf"^{optional}metrics/?$"]
