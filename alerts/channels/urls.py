"""URLs of channels, read in one way when they are saved and when they are called."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

MAX_URL_LENGTH = 2_000
DEFAULT_PORTS = {"http": 80, "https": 443}
LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
HOST_NAME = re.compile(rf"{LABEL}(\.{LABEL})*\.?", re.ASCII)


class InvalidUrl(ValueError):
    """The message is a sentence for the person who typed the URL."""


@dataclass(frozen=True)
class HttpUrl:
    """The parts of a URL. `host` is in lower case and ASCII, without brackets; `target` has the path, if any, and the query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def host_with_port(self) -> str:
        """As in the header Host: without the default port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def path(self) -> str:
        """As a request names it: with the query, and never empty."""
        return self.target if self.target.startswith("/") else f"/{self.target}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host_with_port}{self.target}"


def read_url(text: str) -> HttpUrl:
    """Raises InvalidUrl."""
    if len(text) > MAX_URL_LENGTH:
        raise InvalidUrl(f"A URL has at most {MAX_URL_LENGTH:,} characters.")
    # Programs disagree on what a backslash, a blank or a control character in a URL means.
    if re.search(r"[\x00-\x20\x7f\\]", text):
        raise InvalidUrl("A URL has no spaces, backslashes or control characters.")
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname or ""
    except ValueError as error:
        raise InvalidUrl("Enter a valid URL, such as https://hooks.example.com/portcullis.") from error
    if parts.scheme not in DEFAULT_PORTS or not host:
        raise InvalidUrl("Enter a URL that begins with https:// or http://, and a host.")
    if "@" in parts.netloc:
        raise InvalidUrl("Enter a URL without a user name or password.")
    if "#" in text:
        raise InvalidUrl("Enter a URL without a fragment (#…).")
    if port == 0:
        raise InvalidUrl("A port is a number from 1 to 65535.")
    if not f"{parts.path}{parts.query}".isascii():
        raise InvalidUrl("Only the host of a URL may have characters beyond ASCII; percent-encode the others.")
    target = parts.path + (f"?{parts.query}" if "?" in text else "")
    return HttpUrl(parts.scheme, read_host(host), port or DEFAULT_PORTS[parts.scheme], target)


def read_host(host: str) -> str:
    """A host name in ASCII, or an IP address. Raises InvalidUrl."""
    if ":" in host:
        try:
            return str(ipaddress.IPv6Address(host)) if "%" not in host else refused_host()
        except ValueError:
            return refused_host()
    try:
        name = host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return refused_host()
    return name if len(name) <= 253 and HOST_NAME.fullmatch(name) else refused_host()


def refused_host() -> str:
    raise InvalidUrl("The host of the URL is not a valid name or address.")
