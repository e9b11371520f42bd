"""The address and the program of a sign-in, in words that its owner recognizes."""

import re
from dataclasses import dataclass

from django.http import HttpRequest

MAX_LENGTH = 100
# The first match counts: browsers also name the later ones in their headers.
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
class ClientInfo:
    """`user_agent` is short: "Chromium on Linux", "curl/8.5.0", or empty if the header is missing."""

    address: str | None = None
    user_agent: str = ""


UNKNOWN_CLIENT = ClientInfo()


def client_info(request: HttpRequest) -> ClientInfo:
    return ClientInfo(
        getattr(request, "client_address", None), describe_user_agent(request.headers.get("User-Agent", ""))
    )


def describe_user_agent(user_agent: str) -> str:
    browser = first_match(BROWSERS, user_agent)
    if browser:
        system = first_match(SYSTEMS, user_agent)
        return f"{browser} on {system}" if system else browser
    program = PROGRAM.match(user_agent)
    return program.group()[:MAX_LENGTH] if program else ""


def first_match(known: tuple[tuple[str, str], ...], text: str) -> str | None:
    return next((name for pattern, name in known if re.search(pattern, text)), None)
