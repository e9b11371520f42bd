"""The client's address. Forwarded headers are trusted only from the proxies in TRUSTED_PROXIES."""

import ipaddress
from collections.abc import Callable
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

FORWARDED_HEADERS = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT")


class ClientAddressMiddleware:
    """Sets `request.client_address` (a str, or None) and REMOTE_ADDR to the client's address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        peer = parse_address(request.META.get("REMOTE_ADDR", ""))
        if is_trusted(peer) or (not request.META.get("REMOTE_ADDR") and settings.TRUST_UNIX_SOCKET):
            peer = first_untrusted(peer, request.META.get("HTTP_X_FORWARDED_FOR", ""))
        else:
            for header in FORWARDED_HEADERS:
                request.META.pop(header, None)
        address = str(peer) if peer else None
        request.client_address = address  # type: ignore[attr-defined]
        request.META["REMOTE_ADDR"] = address or ""
        return self.get_response(request)


@lru_cache(maxsize=4096)
def parse_address(value: str) -> Address | None:
    """Parse an address; IPv4 mapped into IPv6 becomes IPv4. None for anything else, such as '' for a Unix socket."""
    try:
        address = ipaddress.ip_address(value.strip().partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


def is_trusted(address: Address | None) -> bool:
    return address is not None and any(
        address.version == network.version and address in network for network in settings.TRUSTED_PROXIES
    )


def first_untrusted(peer: Address | None, forwarded_for: str) -> Address | None:
    """The last address in X-Forwarded-For that is not a trusted proxy.

    Each proxy appends the address of its client, so the entries before the returned one may be forged.
    """
    for hop in reversed(forwarded_for.split(",")):
        address = parse_address(hop)
        if address is None:
            return peer
        peer = address
        if not is_trusted(address):
            return peer
    return peer


def address_bucket(address: str | None) -> str:
    """The key under which limits count: an IPv4 address, or the /64 network of an IPv6 address (one customer's)."""
    parsed = parse_address(address or "")
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
