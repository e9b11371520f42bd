"""The network of a connection's peer, by which the worker limits slow connections."""

from typing import Any

from common.web.client_address import address_bucket, is_trusted, parse_address


def network_of(client: Any) -> str | None:
    """None for a trusted proxy, which sends the requests of many, and for a Unix socket. `client` is as from `accept`."""
    address = client[0] if isinstance(client, tuple) else None
    if address is None or is_trusted(parse_address(address)):
        return None
    return address_bucket(address)
