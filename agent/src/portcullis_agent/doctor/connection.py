"""The steps up to an encrypted connection: proxy, name, port, certificate. Each ends within its time."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from portcullis_agent.doctor.report import OK, PROBLEM, Check

Result = TypeVar("Result")


class _Worker(threading.Thread, Generic[Result]):
    def __init__(self, call: Callable[[], Result]) -> None:
        super().__init__(daemon=True, name="portcullis-agent-doctor")
        self.call = call
        self.result: Result | None = None
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self.result = self.call()
        except Exception as error:  # raised again by the thread that waits
            self.error = error


def within(seconds: float, call: Callable[[], Result]) -> Result:
    """The result of a call that cannot be interrupted, like a name's look-up; TimeoutError."""
    worker = _Worker(call)
    worker.start()
    worker.join(seconds)
    if worker.is_alive():
        raise TimeoutError
    if worker.error is not None:
        raise worker.error
    return worker.result  # type: ignore[return-value]


@dataclass(frozen=True)
class Target:
    """Where the first connection goes: to the server or to the proxy in front of it."""

    host: str
    port: int
    is_proxy: bool = False


def check_proxy(url: str) -> tuple[Target | None, Check]:
    """The proxy that the environment names for this address, as the agent's HTTP client uses it."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    proxies = urllib.request.getproxies_environment()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if proxy is None:
        return Target(host, port), Check("Proxy", OK, "No proxy is set.")
    if urllib.request.proxy_bypass(f"{host}:{port}", proxies):
        return Target(host, port), Check("Proxy", OK, f"A proxy is set, but NO_PROXY excludes {host}.")
    try:
        found = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        if not found.hostname:
            raise ValueError("it names no host")
        target = Target(found.hostname, found.port or (443 if found.scheme == "https" else 80), is_proxy=True)
    except ValueError as error:
        advice = "Correct HTTPS_PROXY, HTTP_PROXY or ALL_PROXY; it looks like http://proxy.example.com:3128."
        return None, Check("Proxy", PROBLEM, f"The proxy's address cannot be read: {error}.", advice)
    return target, Check("Proxy", OK, f"Requests go through the proxy {target.host}:{target.port}.")


def check_name(target: Target, seconds: float) -> tuple[list[Any], Check]:
    """The addresses of the host, from this machine's resolver."""
    try:
        addresses = within(seconds, lambda: socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM))
    except TimeoutError:
        return [], _not_resolved(f"The name server did not answer within {seconds:g} seconds.")
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            return [], _not_resolved("The name server cannot be reached.")
        advice = "Check the spelling of the address; then ask the administrator of this network's name server."
        return [], Check("DNS", PROBLEM, f"There is no host {target.host}.", advice)
    except (OSError, UnicodeError) as error:
        return [], Check("DNS", PROBLEM, f"{target.host!r} cannot be resolved: {error}.", "Check the address.")
    if _is_address(target.host):
        return addresses, Check("DNS", OK, f"{target.host} is an address, no name.")
    numbers = sorted({str(address[4][0]) for address in addresses})
    return addresses, Check("DNS", OK, f"{target.host} is {', '.join(numbers[:4])}.")


def _not_resolved(finding: str) -> Check:
    return Check("DNS", PROBLEM, finding, "Check this machine's network connection, and /etc/resolv.conf.")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def check_port(target: Target, addresses: list[Any], seconds: float) -> tuple[Any, Check]:
    """The first of the addresses that accepts a connection."""
    deadline = time.monotonic() + seconds
    what = "proxy" if target.is_proxy else "server"
    problem: OSError = TimeoutError()
    for position, (family, kind, protocol, _, address) in enumerate(addresses):
        share = max(deadline - time.monotonic(), 0.1) / (len(addresses) - position)
        with socket.socket(family, kind, protocol) as connection:
            connection.settimeout(share)
            try:
                connection.connect(address)
            except OSError as error:
                problem = error
                continue
        return address, Check("TCP", OK, f"The {what} accepts connections on port {target.port}.")
    return None, _no_connection(problem, target, what, seconds)


def _no_connection(problem: OSError, target: Target, what: str, seconds: float) -> Check:
    if isinstance(problem, (TimeoutError, socket.timeout)):  # one and the same from Python 3.10 on
        finding = f"The {what} did not accept a connection on port {target.port} within {seconds:g} seconds."
        return Check("TCP", PROBLEM, finding, "A firewall drops the connection, or the host is down.")
    if isinstance(problem, ConnectionRefusedError):
        finding = f"{target.host} refuses connections on port {target.port}."
        return Check("TCP", PROBLEM, finding, f"The {what} is down, the port is wrong, or a firewall refuses.")
    if problem.errno in {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN}:
        advice = "Check the cable or the Wi-Fi, then the router."
        return Check("TCP", PROBLEM, f"There is no route to {target.host}.", advice)
    reason = problem.strerror or os.strerror(problem.errno or 0)
    return Check("TCP", PROBLEM, f"No connection to {target.host}: {reason}.", "Check this machine's network.")
