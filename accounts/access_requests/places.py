"""The places of an e-mail address, for which the requests with a password compete. None has proved to own it.

A request from a network without a place always gets one, so that earlier requests do not keep the owner out. It takes the
place of the network that has most of them, of the oldest request there: two networks that hold all places cannot take back
the one that the owner got.
"""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from accounts.models import AccessRequest
from common.web.client_address import address_bucket, wider_buckets

# Of the places of one address.
PLACES_PER_NETWORK = 2


@dataclass(frozen=True)
class Place:
    """`taken_from` is the request that gives way; None if the place was free."""

    number: int
    taken_from: uuid.UUID | None = None


def place_for(address: str | None, waiting: Sequence[AccessRequest]) -> Place | None:
    """`waiting` are those of the same e-mail address, oldest first. None if there is no place."""
    network, networks = widest_network(address), [widest_network(each.address) for each in waiting]
    held = Counter(networks)
    taken = {each.place for each in waiting}
    free = next((number for number in range(1, AccessRequest.PLACES + 1) if number not in taken), None)
    if held[network] >= PLACES_PER_NETWORK:
        return None
    if free is not None:
        return Place(free)
    if held[network]:
        return None
    most = max(held.values())
    oldest = next(each for each, theirs in zip(waiting, networks, strict=True) if held[theirs] == most)
    return Place(oldest.place, taken_from=oldest.pk)


def widest_network(address: str | None) -> str:
    """What one customer of a provider may own: an IPv4 address, or the /48 of an IPv6 address."""
    return [address_bucket(address), *wider_buckets(address)][-1]
