"""Where a sign-in comes from, in words that its owner recognises."""

import re
from dataclasses import dataclass

from django.http import HttpRequest

LONGEST = 100
# The first that matches counts: each later one also stands in the headers of those before it.
BROWSERS = (
    (r"Edg(e|A|iOS)?/", "Edge"),
    (r"(OPR|Opera)/", "Opera"),
    (r"(Firefox|FxiOS)/", "Firefox"),
    (r"(HeadlessChrome|Chromium|Chrome|CriOS)/", "Chromium"),
    (r"Safari/", "Safari"),
)
SYSTEMS = (
    (r"Windows", "Windows"),
    (r"Android", "Android"),
    (r"iPhone|iPad", "iOS"),
    (r"Macintosh|Mac OS X", "macOS"),
    (r"CrOS", "ChromeOS"),
    (r"Linux", "Linux"),
)
PROGRAM = re.compile(r"[A-Za-z][A-Za-z0-9._-]*(/[0-9][A-Za-z0-9.]*)?")


@dataclass(frozen=True)
class Visitor:
    """`user_agent` is short: "Chromium on Linux", "curl/8.5.0", or empty when the caller does not say."""

    address: str | None = None
    user_agent: str = ""


NOBODY = Visitor()


def visitor_of(request: HttpRequest) -> Visitor:
    return Visitor(getattr(request, "client_address", None), described(request.headers.get("User-Agent", "")))


def described(user_agent: str) -> str:
    browser = first_match(BROWSERS, user_agent)
    if browser:
        system = first_match(SYSTEMS, user_agent)
        return f"{browser} on {system}" if system else browser
    program = PROGRAM.match(user_agent)
    return program.group()[:LONGEST] if program else ""


def first_match(known: tuple[tuple[str, str], ...], text: str) -> str | None:
    return next((name for pattern, name in known if re.search(pattern, text)), None)
