"""The client's address. Forwarded headers are trusted only from the proxies in TRUSTED_PROXIES."""

import ipaddress
import logging
from collections.abc import Callable
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

FORWARDED_HEADERS = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PREFIX",
)

MAX_WARNINGS = 100
warned_about: set[str] = set()

log = logging.getLogger("portcullis.proxies")


class ClientAddressMiddleware:
    """Sets `request.client_address` (a str, or None) and REMOTE_ADDR to the client's address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        peer = parse_address(request.META.get("REMOTE_ADDR", ""))
        if is_trusted(peer) or (not request.META.get("REMOTE_ADDR") and settings.TRUST_UNIX_SOCKET):
            peer = first_untrusted(peer, request.META.get("HTTP_X_FORWARDED_FOR", ""))
        else:
            if "HTTP_X_FORWARDED_FOR" in request.META:
                warn_about(peer)
            for header in FORWARDED_HEADERS:
                request.META.pop(header, None)
        address = str(peer) if peer else None
        request.client_address = address  # type: ignore[attr-defined]
        request.META["REMOTE_ADDR"] = address or ""
        return self.get_response(request)


def warn_about(peer: Address | None) -> None:
    """Name an address that may be a forgotten proxy: once in each process, and at most MAX_WARNINGS addresses."""
    bucket = address_bucket(str(peer) if peer else None)
    if bucket in warned_about or len(warned_about) >= MAX_WARNINGS:
        return
    warned_about.add(bucket)
    log.warning(
        "X-Forwarded-For from %s is ignored: the address is not in TRUSTED_PROXIES. Add it if it is a proxy of yours.",
        peer or "a Unix socket",
    )


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
    return network_of(parsed, 64) if isinstance(parsed, ipaddress.IPv6Address) else str(parsed)


def wider_buckets(address: str | None) -> dict[str, int]:
    """The /56 and the /48 of an IPv6 address, which one customer may own as a whole, and how many times a /64's limit each has.

    Empty for an IPv4 address: its neighbours are other customers.
    """
    parsed = parse_address(address or "")
    if not isinstance(parsed, ipaddress.IPv6Address):
        return {}
    return {network_of(parsed, 56): 4, network_of(parsed, 48): 16}


def surrounding_network(address: str | None) -> str:
    """The /24 of an IPv4 address, the /48 of an IPv6 address: most often one provider's. Empty without one."""
    parsed = parse_address(address or "")
    if parsed is None:
        return ""
    return str(ipaddress.ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False))


def network_of(address: ipaddress.IPv6Address, prefix: int) -> str:
    return str(ipaddress.ip_network((address, prefix), strict=False))
