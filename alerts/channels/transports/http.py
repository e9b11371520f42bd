"""POST requests to URLs that people typed in: to public addresses only, within a deadline, without redirects or proxies."""

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from http.client import HTTPException

from django.conf import settings
from django.utils import timezone
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ProtocolError, ReadTimeoutError
from urllib3.response import HTTPResponse

from alerts.channels.public_addresses import AddressRefused, HostUnknown, allowed_addresses
from alerts.channels.transports.faults import network_fault
from alerts.channels.transports.outcome import Outcome, Verdict
from alerts.channels.urls import HttpUrl, InvalidUrl, read_url

CONNECT_SECONDS = 5.0  # for each of TCP and TLS, and each address of a host
TOTAL_SECONDS = 15.0  # with the answer
MAX_ANSWER_BYTES = 64 * 1024
MAX_RETRY_AFTER = timedelta(days=3)
LATE = f"No complete answer within {TOTAL_SECONDS:.0f} seconds."
RETRIED = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}


@dataclass(frozen=True)
class Answer:
    """`body` is None unless it was asked for and came whole, with at most MAX_ANSWER_BYTES."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None


class NoAnswer(Exception):
    """The request got no answer, or must not be sent."""

    def __init__(self, verdict: Verdict, detail: str) -> None:
        super().__init__(detail)
        self.outcome = Outcome(verdict, detail=detail)


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    allow_private: bool,
    read: Callable[[Answer], Outcome | None] | None = None,
) -> Outcome:
    """Send one request. `read` may look into the answer's body and say more than its status; None leaves it at the status."""
    try:
        answer = exchange(url, body, headers, allow_private=allow_private, with_body=read is not None)
    except NoAnswer as failure:
        return failure.outcome
    return (read(answer) if read else None) or outcome_by_status(answer)


def outcome_by_status(answer: Answer) -> Outcome:
    status = answer.status
    if 200 <= status < 300:
        return Outcome(Verdict.DELIVERED, status, said(status))
    if status in RETRIED or status >= 500:
        return Outcome(Verdict.RETRY, status, said(status), retry_after(answer.headers.get("Retry-After")))
    if status == HTTPStatus.GONE:
        return Outcome(Verdict.GONE, status, said(status))
    if 300 <= status < 400:
        return Outcome(Verdict.FAILED, status, f"{said(status)} Redirects are not followed.")
    return Outcome(Verdict.FAILED, status, said(status))


def said(status: int) -> str:
    """The status with its usual phrase, as in "The answer was 404 Not Found."; the other side's own phrase may say anything."""
    known = {one.value: f" {one.phrase}" for one in HTTPStatus}
    return f"The answer was {status}{known.get(status, '')}."


def retry_after(value: str | None) -> timedelta | None:
    """The pause of a header Retry-After, in seconds or until a date, MAX_RETRY_AFTER at most. None if it is malformed."""
    if value is None:
        return None
    if re.fullmatch(r"\s*\d+\s*", value, re.ASCII):
        seconds = int(value.strip()[:9])
        return min(timedelta(seconds=seconds), MAX_RETRY_AFTER)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    # A date of HTTP is in GMT; Python reads one with "-0000" as naive.
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(timedelta(0), min(until - timezone.now(), MAX_RETRY_AFTER))


def exchange(url: str, body: bytes, headers: Mapping[str, str], *, allow_private: bool, with_body: bool) -> Answer:
    """Raises NoAnswer."""
    deadline = time.monotonic() + TOTAL_SECONDS
    try:
        to = read_url(url)
        addresses = allowed_addresses(to.host, to.port, allow_private=allow_private)
    except InvalidUrl as error:
        raise NoAnswer(Verdict.FAILED, str(error)) from error
    except AddressRefused as error:
        raise NoAnswer(Verdict.FAILED, "The host has an address that is not public; nothing was sent.") from error
    except HostUnknown as error:
        raise NoAnswer(Verdict.RETRY, "The name of the host cannot be resolved.") from error
    named = {"Host": to.host_with_port, "User-Agent": f"Portcullis/{settings.VERSION}", **headers}
    with closing(connected(to, addresses, deadline)) as connection, shut_down_at(deadline, connection) as is_late:
        try:
            connection.request("POST", to.path, body=body, headers=named, preload_content=False)
            response = connection.getresponse()
        except (OSError, HTTPException, HTTPError) as error:
            raise NoAnswer(Verdict.RETRY, reason_of(error, is_late=is_late.is_set())) from error
        # http.client takes headers that end in the middle for complete, also if the deadline ended them.
        if is_late.is_set():
            raise NoAnswer(Verdict.RETRY, LATE)
        return Answer(response.status, response.headers, body_of(response, is_late) if with_body else None)


def connected(to: HttpUrl, addresses: list[str], deadline: float) -> HTTPConnection:
    """A connection to the first address that accepts one, of those that were checked. Raises NoAnswer."""
    failure = NoAnswer(Verdict.RETRY, LATE)
    for address in addresses:
        seconds = min(CONNECT_SECONDS, deadline - time.monotonic())
        if seconds <= 0:
            break
        # By its address and not by its name, which may lead elsewhere by now; the certificate must be that of the name.
        if to.scheme == "https":
            connection: HTTPConnection = HTTPSConnection(
                address, to.port, timeout=seconds, server_hostname=to.host, ssl_context=tls_context()
            )
        else:
            connection = HTTPConnection(address, to.port, timeout=seconds)
        try:
            connection.connect()
        except (OSError, HTTPError) as error:
            connection.close()
            failure = NoAnswer(Verdict.RETRY, reason_of(error, is_late=False))
        else:
            connection.timeout = 2 * TOTAL_SECONDS  # `shut_down_at` is what limits the rest
            return connection
    raise failure


@cache
def tls_context() -> ssl.SSLContext:
    """With the authorities of this machine, or of SSL_CERT_FILE. Reading them takes longer than a request."""
    return ssl.create_default_context()


@contextmanager
def shut_down_at(deadline: float, connection: HTTPConnection) -> Iterator[threading.Event]:
    """End the connection at that time of the monotonic clock, and set the event.

    A timeout of a socket begins anew with each byte, so a server that sends one now and then would hold us for hours.
    """
    is_late = threading.Event()
    # Now: http.client takes it from the connection, and reads on, if the answer has no length.
    transport = connection.sock
    assert transport is not None

    def end() -> None:
        is_late.set()
        with suppress(OSError):  # the other side was faster
            # Of the class socket: that of an SSLSocket takes its encryption away while another thread reads.
            socket.socket.shutdown(transport, socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, deadline - time.monotonic()), end)
    timer.daemon = True
    timer.start()
    try:
        yield is_late
    finally:
        timer.cancel()
        timer.join()


def body_of(response: HTTPResponse, is_late: threading.Event) -> bytes | None:
    """None if it did not come whole, or has more than MAX_ANSWER_BYTES."""
    body = b""
    try:
        # Until nothing more comes: only then is an end before the announced length an error.
        while chunk := response.read(MAX_ANSWER_BYTES + 1 - len(body), decode_content=False):
            body += chunk
            if len(body) > MAX_ANSWER_BYTES:
                return None
    except (OSError, HTTPException, HTTPError):
        return None
    return None if is_late.is_set() else body


def reason_of(error: Exception, *, is_late: bool) -> str:
    if is_late:
        return LATE
    if isinstance(error, NewConnectionError) and isinstance(error.__cause__, OSError):
        error = error.__cause__
    if isinstance(error, ConnectTimeoutError):
        return f"No connection within {CONNECT_SECONDS:.0f} seconds."
    # Those of http.client and urllib3 that stand for one of the system.
    if isinstance(error, ReadTimeoutError):
        error = TimeoutError()
    if isinstance(error, ProtocolError):
        error = ConnectionError()
    return network_fault(error) if isinstance(error, OSError) else "What the server sent is no answer of HTTP."
