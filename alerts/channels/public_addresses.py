"""Which Internet addresses a channel may reach, so that Portcullis cannot be made to call machines of its own network."""

import ipaddress
import queue
import socket
import threading
from collections.abc import Iterable

RESOLVE_SECONDS = 5.0

# The registries of special addresses of IANA (RFC 6890 and its successors), and multicast. A list of our own, because the
# rules of the module ipaddress differ between patch releases of Python.
NOT_PUBLIC_IPV4 = [
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
]
PUBLIC_IPV6 = ipaddress.IPv6Network("2000::/3")  # everything that is assigned so far
NOT_PUBLIC_IPV6 = [
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocols of the IETF, among them Teredo
        "2001:db8::/32",
        "2002::/16",  # 6to4: leads to the IPv4 address inside it
        "2620:4f:8000::/48",
        "3fff::/20",
    )
]
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class AddressRefused(Exception):
    """The host has an address that is not public."""


class HostUnknown(Exception):
    """The host's name has no address, or no name server said so in time."""


def is_public(text: str) -> bool:
    """Whether an address belongs to the public Internet. An IPv4 address within an IPv6 address counts as itself."""
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            address = address.ipv4_mapped
        elif address in NAT64:
            address = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in NOT_PUBLIC_IPV4)
    return address in PUBLIC_IPV6 and not any(address in network for network in NOT_PUBLIC_IPV6)


def allowed_addresses(host: str, port: int, *, allow_private: bool) -> list[str]:
    """The addresses of a host in the order of the resolver. All must be public, unless `allow_private`.

    A name with a public and a private address is refused as a whole. Raises AddressRefused, HostUnknown.
    """
    addresses = resolved(host, port)
    if not allow_private and not all(map(is_public, addresses)):
        raise AddressRefused
    return addresses


def resolved(host: str, port: int) -> list[str]:
    """Ask the resolver, for RESOLVE_SECONDS at most: it has no timeout of its own that we can set. Raises HostUnknown."""
    answers: queue.SimpleQueue[Iterable[str]] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):  # the name is unknown, or none that DNS can hold
            found = []
        answers.put([str(address[0]) for *_, address in found])

    threading.Thread(target=ask, name="resolve-channel", daemon=True).start()
    try:
        addresses = list(dict.fromkeys(answers.get(timeout=RESOLVE_SECONDS)))
    except queue.Empty:
        addresses = []
    if not addresses:
        raise HostUnknown
    return addresses
